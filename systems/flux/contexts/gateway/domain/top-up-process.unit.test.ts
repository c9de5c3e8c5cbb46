import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, type JsonObject, type ProcessView, queuedProcess } from "@entente/core/model";
import { balanceDebited } from "../../subscription/contract/balance-debited.ts";
import { quotaDebitUndone } from "../../subscription/contract/quota-debit-undone.ts";
import { refusalReasons, topUpRefusalCodes, undoRefusalCodes } from "../../subscription/contract/refusals.ts";
import { topUpProcess } from "./top-up-process.ts";

const processId = "0199f0e2-7a3b-7c4d-8e5f-000000000001";

function fact(type: string, data: JsonObject, occurredAt = 1_000): Entry {
  return {
    id: "0199f0e2-0000-7000-8000-000000000001",
    kind: "event",
    type,
    schemaVersion: "1.0.0",
    source: "subscription",
    target: null,
    tenantId: "demo",
    key: "acct-0001",
    keyVersion: 1,
    processId,
    correlationId: processId,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt,
    data,
    position: { xid: "1", seq: "1" },
    lane: 0,
  };
}

function after(...facts: readonly Entry[]): ProcessView {
  return facts.reduce(topUpProcess.apply, queuedProcess);
}

const debited = fact("flux.balance-debited", { ...balanceDebited.example, processId });
const undone = fact(
  "flux.quota-debit-undone",
  { ...quotaDebitUndone.example, undoneProcessId: processId },
  2_000,
);
const discarded = fact("entente.command-discarded", { processId });
const parked = (policy: string) => fact("entente.command-parked", { code: "defect", policy, processId });
const refused = (code: string) => fact("flux.top-up-refused", { code, reason: "raw text of a system" });

describe("a top-up that an operator undid", () => {
  const ordered = (back: JsonObject = {}) =>
    fact(
      "flux.quota-debit-undone",
      {
        ...quotaDebitUndone.example,
        undoneProcessId: processId,
        reasonCode: "undone-by-operator",
        ...back,
      },
      2_000,
    );

  test("has failed as undone, and its customer reads what came back", () => {
    const view = after(debited, ordered());
    assert.deepEqual(
      [view.state, view.steps, view.outcome],
      ["failed", [{ name: "balance-debited", state: "undone", at: 2_000 }], null],
    );
    assert.deepEqual(view.reason, {
      code: "undone",
      message: `This top-up was undone. The units taken from the quota are back. EUR 1.25 is credited. Quote process ${processId} to support.`,
    });
    const ended = after(debited, ordered({ restoredToQuota: 0, lapsedFromQuota: 20, creditedMinor: 0 }));
    assert.match(
      ended.reason?.message ?? "",
      /undone\. The units .* belonged to a month that has ended\. Quote/,
    );
  });

  test("stays so, whatever is heard of it later", () => {
    const view = after(debited, ordered());
    for (const late of [debited, refused("debit-already-undone"), parked("step-aside"), discarded])
      assert.deepEqual(topUpProcess.apply(view, late), view);
  });
});

describe("a top-up process", () => {
  test("is confirmed by the debit, with the funding split and the balance", () => {
    assert.deepEqual(after(debited), {
      state: "confirmed",
      steps: [{ name: "balance-debited", state: "done", at: 1_000 }],
      reason: null,
      outcome: {
        units: 25,
        fundedFromQuota: 20,
        fundedOnDemand: 5,
        onDemandAmountMinor: 125,
        currency: "EUR",
        quotaRemaining: 0,
        usedUnits: 105,
        onDemandMinor: 125,
      },
    });
  });

  for (const code of topUpRefusalCodes) {
    test(`refused as ${code} fails with that code and our own sentence`, () => {
      const { state, reason, outcome, steps } = after(refused(code));
      assert.deepEqual([state, outcome], ["failed", null]);
      assert.deepEqual(reason, { code, message: `${refusalReasons[code]} Nothing was charged.` });
      assert.deepEqual(steps, [{ name: "balance-debited", state: "failed", at: 1_000 }]);
    });
  }

  test("refused with a code of a newer release fails with a plain sentence", () => {
    assert.deepEqual(after(refused("moon-phase-wrong")).reason, {
      code: "moon-phase-wrong",
      message: "This top-up was not possible. Nothing was charged.",
    });
  });

  test("whose command is set aside fails and names the process for support", () => {
    const { state, reason } = after(parked("step-aside"));
    assert.equal(state, "failed");
    assert.deepEqual(reason, {
      code: "processing-failed",
      message: `We could not complete this top-up. Nothing was charged. Quote process ${processId} to support.`,
    });
  });

  test("whose command holds its key stays processing without a reason", () => {
    assert.deepEqual(after(parked("hold-key")), { ...queuedProcess, state: "processing" });
  });

  test("whose parked command is redriven ends as what really happened", () => {
    assert.deepEqual(after(parked("step-aside"), debited), after(debited));
    assert.deepEqual(after(parked("hold-key"), debited), after(debited));
    assert.deepEqual(
      after(parked("step-aside"), refused("condenser-unknown")),
      after(refused("condenser-unknown")),
    );
  });

  test("whose command is discarded fails", () => {
    const view = after(parked("step-aside"), discarded);
    assert.deepEqual([view.state, view.reason?.code], ["failed", "discarded"]);
  });

  test("that was paid and then undone ends as failed, compensated", () => {
    const { state, steps, reason, outcome } = after(debited, undone);
    assert.deepEqual([state, reason?.code, outcome], ["failed", "compensated", null]);
    assert.deepEqual(steps, [{ name: "balance-debited", state: "undone", at: 2_000 }]);
  });

  test("stays compensated whatever comes later", () => {
    const compensated = after(debited, undone);
    for (const late of [
      debited,
      refused("condenser-unknown"),
      parked("step-aside"),
      parked("hold-key"),
      discarded,
      undone,
    ]) {
      assert.equal(topUpProcess.apply(compensated, late), compensated);
    }
  });

  test("stays confirmed when a refusal, a parking or a discarding of its undo follows, or a repeated debit", () => {
    const confirmed = after(debited);
    for (const late of [
      debited,
      refused("debit-already-undone"),
      refused("units-out-of-range"),
      parked("step-aside"),
      discarded,
    ]) {
      assert.equal(topUpProcess.apply(confirmed, late), confirmed);
    }
  });

  for (const code of undoRefusalCodes) {
    test(`is not moved by its undo's refusal ${code}`, () => {
      assert.equal(after(refused(code)), queuedProcess);
    });
  }

  test("is not moved by the undo of another process's debit", () => {
    const other = fact("flux.quota-debit-undone", quotaDebitUndone.example);
    assert.deepEqual(after(debited, other), after(debited));
  });

  test("is not moved by facts it does not know", () => {
    assert.equal(after(fact("flux.cycle-started", {})), queuedProcess);
  });

  test("listens to every fact it moves on", () => {
    for (const entry of [debited, undone, parked("step-aside"), discarded, refused("x")]) {
      assert.ok(topUpProcess.facts.includes(entry.type));
    }
  });
});
