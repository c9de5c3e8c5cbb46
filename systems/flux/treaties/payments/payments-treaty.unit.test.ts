import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, type HandOff, type HandOffNews, type HandOffTreaty, missingIn } from "@entente/core";
import { fluxTeams } from "../../app/teams.ts";
import { balanceDebited } from "../../contexts/subscription/contract/balance-debited.ts";
import { declineCodes } from "../../contexts/subscription/contract/charge-declines.ts";
import { quotaDebitUndone } from "../../contexts/subscription/contract/quota-debit-undone.ts";
import type { ChargeRequest } from "./charge-news.ts";
import { declines, paymentsErrorMap, reasonOf } from "./declines.ts";
import { demoPayers, payersFrom } from "./payers.ts";
import { paymentsTreaty } from "./payments-treaty.ts";
import { translatePayment } from "./translate-payment.ts";

const treaty = paymentsTreaty({ url: "https://pay.example", payerOf: demoPayers, charging: { from: 500 } });
const debit = balanceDebited.example;
const fact = (data: object, over: Partial<Entry> = {}): Entry =>
  ({
    type: balanceDebited.type,
    tenantId: "demo",
    key: debit.accountId,
    occurredAt: 1_000,
    data,
    ...over,
  }) as Entry;

describe("what is charged", () => {
  test("the on-demand part of a debit, by the account's payment method, with what an undo would need", () => {
    const [act, ...more] = treaty.request(fact(debit));
    assert.equal(more.length, 0);
    assert.deepEqual([act?.aggregateType, act?.aggregateId, act?.line], ["top-up", debit.processId, null]);
    assert.deepEqual(act?.data, {
      accountId: "acct-0001",
      processId: debit.processId,
      currency: "EUR",
      customer: null,
      paymentMethod: "pm_card_visa",
      debit: { cycle: "2026-11", fundedFromQuota: 20, fundedOnDemand: 5, onDemandAmountMinor: 125 },
    });
  });

  test("nothing of a debit that quota paid for, and nothing from before charging began", () => {
    assert.deepEqual(treaty.request(fact({ ...debit, onDemandAmountMinor: 0 })), []);
    assert.deepEqual(treaty.request(fact(debit, { occurredAt: 499 })), []);
    assert.equal(treaty.request(fact(debit, { occurredAt: 500 })).length, 1);
  });

  test("an undo asks for nothing and withdraws the charge of its top-up", () => {
    const undo = fact(quotaDebitUndone.example, { type: quotaDebitUndone.type });
    assert.deepEqual(treaty.request(undo), []);
    assert.deepEqual(
      treaty.withdraws?.(undo).map(({ aggregateId }) => aggregateId),
      [quotaDebitUndone.example.undoneProcessId],
    );
  });

  test("a payer is looked up by tenant, then account; a name that every object has is nobody's", () => {
    const own = { customer: "cus_1", paymentMethod: "pm_1" };
    const payerOf = payersFrom({ acme: { accounts: { a: own, b: null }, others: null } });
    assert.deepEqual(payerOf("acme", "a"), own);
    for (const [tenant, account] of [
      ["acme", "b"],
      ["acme", "c"],
      ["acme", "constructor"],
      ["constructor", "a"],
    ] as const) {
      assert.equal(payerOf(tenant, account), null);
    }
  });
});

describe("what the subscription is told", () => {
  const [act] = treaty.request(fact(debit));
  const news = (over: Partial<HandOffNews>, handOff: Partial<HandOff> = {}): HandOffNews => ({
    handOff: { externalReference: "pi_1", doubt: false, withdrawn: false, ...handOff } as HandOff,
    request: act?.data as HandOffNews["request"],
    from: "sent",
    to: "completed",
    code: null,
    rows: [],
    unwanted: false,
    ...over,
  });
  const told = (one: HandOffNews) =>
    (treaty.tells?.(one) ?? []).map(({ type, data }) => [type, data.reasonCode]);

  test("that it was charged; or that it was declined, with the undo of exactly its debit", () => {
    assert.deepEqual(told(news({})), [["flux.record-charge", undefined]]);
    const refused = news({ to: "rejected", code: "expired_card" });
    assert.deepEqual(told(refused), [
      ["flux.record-decline", "card-expired"],
      ["flux.undo-quota-debit", "card-expired"],
    ]);
    assert.deepEqual(treaty.tells?.(refused)[1]?.data.debit, (act?.data as ChargeRequest | undefined)?.debit);
  });

  test("nothing while it is open, unknown or a person's, and nothing of a conflict that may have charged", () => {
    for (const to of ["sent", "accepted", "unknown", "retry_wait", "blocked", "fallout"] as const)
      assert.deepEqual(told(news({ to })), []);
    assert.deepEqual(told(news({ to: "rejected", code: "idempotency_error" }, { doubt: true })), []);
  });

  test("that it was given up, unless the undo came first", () => {
    assert.deepEqual(told(news({ to: "cancelled" }))[0], ["flux.record-decline", "charge-given-up"]);
    assert.deepEqual(told(news({ to: "cancelled" }, { withdrawn: true })), []);
  });
});

describe("their words in ours", () => {
  const intent = (over: object = {}) => ({
    id: "pi_1",
    object: "payment_intent",
    amount: 125,
    currency: "eur",
    status: "succeeded",
    metadata: {},
    ...over,
  });
  const translate = (status: number, body: unknown, of: "answer" | "inquiry" | "callback" = "answer") =>
    translatePayment({ status: String(status), body, raw: "" }, of);
  const error = (told: object) => ({ error: told });

  test("statuses of a payment intent, from wherever they are told", () => {
    const done = { says: "completed", reference: "pi_1" };
    assert.deepEqual(translate(200, intent()), done);
    assert.deepEqual(translate(200, { data: [intent()] }, "inquiry"), done);
    assert.deepEqual(translate(200, { id: "evt", type: "x", data: { object: intent() } }, "callback"), done);
    assert.equal(translate(200, intent({ status: "processing" })).says, "accepted");
    assert.deepEqual(translate(200, { data: [] }, "inquiry"), { says: "not-known" });
    assert.deepEqual(translate(404, error({ code: "resource_missing" }), "inquiry"), { says: "not-known" });
    const failed = intent({
      status: "requires_payment_method",
      last_payment_error: { decline_code: "lost_card" },
    });
    assert.equal(translate(200, { data: [failed] }, "inquiry").code, "lost_card");
  });

  test("of several found under one key, the one that took the money counts", () => {
    const canceled = intent({ id: "pi_0", status: "canceled" });
    assert.equal(translate(200, { data: [canceled, intent()] }, "inquiry").says, "completed");
  });

  test("an error that names an intent which took the money says that it was taken", () => {
    const told = error({ code: "payment_intent_unexpected_state", payment_intent: intent() });
    assert.equal(translate(400, told).says, "completed");
  });

  test("a status nobody has documented, and an intent never attempted, are no result", () => {
    for (const status of ["pending_review", "requires_payment_method", "requires_capture"])
      assert.throws(() => translate(200, intent({ status })));
  });

  for (const [what, status, told, answerClass] of [
    ["a decline", 402, { code: "card_declined", decline_code: "do_not_honor" }, "BUSINESS_REJECTED"],
    ["an amount below theirs", 400, { code: "amount_too_small" }, "BUSINESS_REJECTED"],
    ["too many requests", 429, { code: "rate_limit", retry_after_seconds: 3 }, "TECHNICAL_RETRYABLE"],
    ["their fault", 500, { type: "api_error" }, "UNKNOWN"],
    ["our earlier sending still at work", 409, { code: "idempotency_key_in_use" }, "UNKNOWN"],
    ["another request under our key", 400, { type: "idempotency_error" }, "DUPLICATE_CONFLICT"],
    ["a key they do not know", 401, { type: "invalid_request_error" }, "SECURITY_CONFIGURATION_FAILURE"],
    ["a code nobody has heard of", 400, { code: "moon_phase" }, undefined],
  ] as const) {
    test(`${what} is ${answerClass ?? "on no map, and a person's"}`, () => {
      const { code = "", retryAfterMs } = translate(status, error(told));
      assert.equal(paymentsErrorMap[code]?.class, answerClass);
      assert.equal(retryAfterMs, status === 429 ? 3_000 : undefined);
    });
  }
});

test("every decline has a reason of ours that gives nothing away, and every reason is used", () => {
  const used = new Set([...Object.keys(declines).map(reasonOf), reasonOf(null)]);
  assert.deepEqual([...used].sort(), [...declineCodes].sort());
  for (const theirs of ["lost_card", "stolen_card", "pickup_card", "fraudulent", "merchant_blacklist"])
    assert.equal(reasonOf(theirs), "card-declined");
  assert.equal(reasonOf("constructor"), "charge-given-up");
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
