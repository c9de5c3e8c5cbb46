import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type HandOff, type HandOffNews, type HandOffTreaty, missingIn } from "@entente/core";
import { fluxTeams } from "../../app/teams.ts";
import { balanceDebited } from "../../contexts/subscription/contract/balance-debited.ts";
import { topUpPaidBack } from "../../contexts/subscription/contract/pay-back.ts";
import { demoPayers } from "./payers.ts";
import { paymentsTreaty } from "./payments-treaty.ts";
import { refundErrorMap } from "./refund-errors.ts";
import { refundTreaty } from "./refund-treaty.ts";
import { translateRefund } from "./translate-refund.ts";

const url = "https://pay.example";
const treaty = refundTreaty({ url });
const charging = paymentsTreaty({ url, payerOf: demoPayers, charging: { from: 0 } });
const debit = balanceDebited.example;
const [charge] = charging.request({
  type: balanceDebited.type,
  tenantId: "demo",
  occurredAt: 1,
  data: debit,
} as never);
const charged = { externalReference: "pi_1" } as HandOff;
const request = charge?.data as never;

describe("what is given back", () => {
  test("the whole of a charge, under the provider's name for it: one refund of one payment, whoever asks", () => {
    assert.deepEqual(charging.undoes?.(charged, request), {
      treaty: "payments-refund",
      aggregateType: "charge",
      aggregateId: "pi_1",
      line: null,
      data: {
        accountId: debit.accountId,
        processId: debit.processId,
        amountMinor: 125,
        currency: "EUR",
        chargeReference: "pi_1",
      },
    });
  });

  test("is a person's where their name for the charge, or what was charged, is not known", () => {
    assert.equal(charging.undoes?.({ ...charged, externalReference: null }, request), null);
    assert.equal(charging.undoes?.(charged, {}), null);
  });

  test("is told once it is back, and nothing before", () => {
    const { data } = charging.undoes?.(charged, request) ?? {};
    const news = (to: HandOffNews["to"]): HandOffNews =>
      ({ handOff: { externalReference: "re_1" }, request: data, from: "sent", to, code: null }) as never;
    for (const to of [
      "sent",
      "accepted",
      "rejected",
      "unknown",
      "retry_wait",
      "fallout",
      "cancelled",
    ] as const)
      assert.deepEqual(treaty.tells?.(news(to)), []);
    const [told] = treaty.tells?.(news("completed")) ?? [];
    assert.deepEqual(
      [told?.type, told?.key, told?.data.refundReference],
      ["flux.record-refund", "acct-0001", "re_1"],
    );
  });
});

describe("what came back to us", () => {
  test("is told as owed again, under the same names", () => {
    const { data } = charging.undoes?.(charged, request) ?? {};
    const news = {
      handOff: { externalReference: "re_1" },
      request: data,
      from: "completed",
      to: "completed",
    };
    const [told, ...more] = treaty.tellsTakenBack?.(news as never) ?? [];
    assert.deepEqual(
      [told?.type, told?.key, told?.data.refundReference, more],
      ["flux.record-refund-failure", "acct-0001", "re_1", []],
    );
    assert.deepEqual(treaty.tellsTakenBack?.({ ...news, request: null } as never), []);
  });
});

describe("what people paid back another way", () => {
  const withdrawn = (over: object = {}) =>
    treaty.withdraws?.({ type: topUpPaidBack.type, data: { ...topUpPaidBack.example, ...over } } as never);

  test("withdraws the refund that was not made, under the name that it was asked for by", () => {
    const { aggregateType, line } = charging.undoes?.(charged, request) ?? {};
    assert.deepEqual(withdrawn({ refund: "not-made", chargeReference: "pi_1" }), [
      { aggregateType, aggregateId: "pi_1", line },
    ]);
  });

  test("leaves alone one that was made and sent back, and has none to withdraw where the charge has no name", () => {
    assert.deepEqual(withdrawn({ refund: "sent-back" }), []);
    assert.deepEqual(withdrawn({ refund: "not-made", chargeReference: null }), []);
  });
});

describe("their words in ours", () => {
  const refund = (over: object = {}) => ({
    id: "re_1",
    object: "refund",
    amount: 125,
    currency: "eur",
    status: "succeeded",
    metadata: {},
    payment_intent: "pi_1",
    ...over,
  });
  const translate = (status: number, body: unknown, of: "answer" | "inquiry" | "callback" = "answer") =>
    translateRefund({ status: String(status), body, raw: "" }, of);
  const list = (data: readonly object[], hasMore = false) => ({ object: "list", data, has_more: hasMore });

  test("statuses of a refund, from wherever they are told", () => {
    const done = { says: "completed", reference: "re_1" };
    assert.deepEqual(translate(200, refund()), done);
    assert.deepEqual(translate(200, refund(), "inquiry"), done);
    assert.deepEqual(translate(200, list([refund()]), "inquiry"), done);
    assert.deepEqual(translate(200, { id: "evt", type: "x", data: { object: refund() } }, "callback"), done);
    for (const status of ["pending", "requires_action"])
      assert.equal(translate(200, refund({ status })).says, "accepted");
    const failed = refund({ status: "failed", failure_reason: "expired_or_canceled_card" });
    assert.equal(translate(200, failed).code, "expired_or_canceled_card");
    assert.equal(translate(200, refund({ status: "canceled" })).code, "canceled");
  });

  test("none of ours among the refunds of the charge is none at all, unless there are more than were read", () => {
    assert.deepEqual(translate(200, list([]), "inquiry"), { says: "not-known" });
    const missing = { error: { type: "invalid_request_error", code: "resource_missing" } };
    assert.deepEqual(translate(404, missing, "inquiry"), { says: "not-known" });
    assert.throws(() => translate(200, list([], true), "inquiry"));
  });

  test("a status nobody has documented is no result", () => {
    assert.throws(() => translate(200, refund({ status: "reversed" })));
  });

  for (const [what, status, told, answerClass] of [
    ["a charge that somebody gave back", 400, { code: "charge_already_refunded" }, "IDEMPOTENT_SUCCESS"],
    ["a charge that the bank took back", 400, { code: "charge_disputed" }, "BUSINESS_REJECTED"],
    ["more than is left", 400, { type: "invalid_request_error" }, undefined],
    ["too many requests", 429, { code: "rate_limit", retry_after_seconds: 3 }, "TECHNICAL_RETRYABLE"],
    ["their fault", 500, { type: "api_error" }, "UNKNOWN"],
    ["a key they do not know", 401, { type: "invalid_request_error" }, "SECURITY_CONFIGURATION_FAILURE"],
  ] as const) {
    test(`${what} is ${answerClass ?? "on no map, and a person's"}`, () => {
      const { code = "", retryAfterMs } = translate(status, { error: told });
      assert.equal(refundErrorMap[code]?.class, answerClass);
      assert.equal(retryAfterMs, status === 429 ? 3_000 : undefined);
    });
  }
});

test("no entry of sheet and runbook is missing, and none is shorter than a sentence", () => {
  assert.deepEqual(missingIn(treaty), []);
  const { sheet, runbook, answers } = treaty as HandOffTreaty;
  // Who owns it is the name of a team, and stands in the list of teams under it.
  const { technicalOwner, ...steps } = runbook;
  assert.ok(Object.values<string>(fluxTeams.contexts).includes(technicalOwner), technicalOwner);
  for (const [entry, says] of [sheet, steps, answers].flatMap((part) => Object.entries(part)))
    assert.ok(says.length >= 15, `${entry} says little`);
});
