import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, type JsonObject, type ProcessView, queuedProcess } from "@entente/core/model";
import fc from "fast-check";
import { postingGivenUp, topUpPosted } from "../../ledger/contract/report-posting.ts";
import { requestClosed } from "../../request/contract/request-settled.ts";
import { requestFailed, topUpRequested } from "../../request/contract/top-up-request.ts";
import { balanceDebited } from "../../subscription/contract/balance-debited.ts";
import { quotaDebitUndone } from "../../subscription/contract/quota-debit-undone.ts";
import { topUpRefused } from "../../subscription/contract/top-up-refused.ts";
import { requestedTopUp, requestedTopUpProcess } from "./requested-top-up-process.ts";
import { topUpProcess } from "./top-up-process.ts";

const processId = "0199f0e2-7a3b-7c4d-8e5f-0123456789ab";
type Message = { readonly type: string; readonly example: JsonObject };
const fact = ({ type, example }: Message, change: JsonObject = {}): Entry =>
  ({ type, processId, occurredAt: 1, data: { ...example, ...change } }) as unknown as Entry;
const view = (...facts: readonly Entry[]): ProcessView =>
  facts.reduce((one, next) => requestedTopUpProcess.apply(one, next), queuedProcess);
const steps = (one: ProcessView) => one.steps.map(({ name, state }) => `${name} ${state}`);

const whole = [fact(topUpRequested), fact(balanceDebited), fact(topUpPosted), fact(requestClosed)];

describe("how a top-up of stage A looks", () => {
  test("it is confirmed when it is debited, posted and closed, in whatever order that is heard, and by nothing less", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(whole, { minLength: 1 }), (heard) => {
        const shown = view(...heard);
        const missing = whole.slice(1).filter((one) => !heard.includes(one));
        assert.equal(shown.state, missing.length === 0 ? "confirmed" : "processing");
        const order = ["request-recorded", "balance-debited", "posted", "request-closed"];
        const names = shown.steps.map(({ name }) => name);
        assert.deepEqual(
          names,
          order.filter((name) => names.includes(name)),
        );
      }),
    );
    const { outcome } = view(...whole);
    assert.equal(outcome?.units, balanceDebited.example.units);
  });

  test("before the authority has recorded it, it is queued; what the authority or the quota book refuses has failed", () => {
    assert.equal(view().state, "queued");
    const refused = view(fact(requestFailed));
    assert.deepEqual([refused.state, refused.reason?.code], ["failed", "request-refused"]);
    assert.match(refused.reason?.message ?? "", /Nothing was charged/);
    const closed = fact(requestClosed, { outcome: "refused" });
    const unknown = view(fact(topUpRequested), fact(topUpRefused), closed);
    assert.deepEqual([unknown.state, unknown.reason?.code], ["failed", "condenser-unknown"]);
    assert.deepEqual(steps(unknown), ["request-recorded done", "balance-debited failed"]);
  });

  test("what the quota book refuses has failed, in whatever order the journals are heard", () => {
    // The refusal stands in one journal, the record and its close in another.
    const [recorded, refused] = [fact(topUpRequested), fact(topUpRefused)];
    const closed = fact(requestClosed, { outcome: "refused" });
    for (const heard of [
      [refused, recorded, closed],
      [recorded, refused, closed],
      [recorded, closed, refused],
    ]) {
      const shown = view(...heard);
      assert.deepEqual([shown.state, shown.reason?.code], ["failed", "condenser-unknown"]);
      assert.deepEqual(steps(shown), ["request-recorded done", "balance-debited failed"]);
    }
  });

  test("a debit that cannot be executed has failed, also when it is heard of before the record", () => {
    const parked = {
      ...fact({ type: "entente.command-parked", example: { policy: "step-aside" } }),
      source: "subscription",
    };
    for (const heard of [
      [parked, fact(topUpRequested)],
      [fact(topUpRequested), parked],
    ]) {
      const shown = view(...heard);
      assert.deepEqual([shown.state, shown.reason?.code], ["failed", "processing-failed"]);
      assert.deepEqual(steps(shown), ["request-recorded done", "balance-debited failed"]);
    }
    // Redriven, it goes on; put aside with its key held, it was not given up.
    assert.equal(view(parked, ...whole).state, "confirmed");
    const held = { ...parked, data: { policy: "hold-key" } };
    assert.equal(view(held, fact(topUpRequested)).state, "processing");
  });

  test("evidence of before is replayed as it was folded then", () => {
    const before = requestedTopUp(false);
    const shown = [fact(topUpRefused), fact(topUpRequested)].reduce(before.apply, queuedProcess);
    assert.equal(shown.state, "processing");
    assert.notDeepEqual(before.foldedBy, requestedTopUpProcess.foldedBy);
  });

  test("a posting that was given up ends it as compensated, and nothing heard later changes that", () => {
    const undone = fact(quotaDebitUndone, { undoneProcessId: processId, reasonCode: postingGivenUp });
    const closed = fact(requestClosed, { outcome: "refused" });
    const shown = view(fact(topUpRequested), fact(balanceDebited), undone, closed, fact(topUpPosted));
    assert.deepEqual([shown.state, shown.reason?.code], ["failed", "compensated"]);
    assert.deepEqual(steps(shown), ["request-recorded done", "balance-debited undone"]);
  });

  test("one that the subscription decided on the customer's own command looks as in stage B, whatever a worker of stage A tells of it", () => {
    const crossed = (message: Message, change: JsonObject = {}): Entry =>
      ({ ...fact(message, change), causationId: processId }) as Entry;
    const debited = view(crossed(balanceDebited));
    assert.equal(debited.state, "confirmed");
    assert.deepEqual(steps(debited), ["balance-debited done"]);
    assert.deepEqual(debited, topUpProcess.apply(queuedProcess, crossed(balanceDebited)));
    assert.equal(view(crossed(balanceDebited), fact(topUpPosted)).state, "confirmed");
    assert.equal(view(fact(topUpPosted), crossed(balanceDebited)).state, "confirmed");
    assert.deepEqual(view(crossed(topUpRefused)), topUpProcess.apply(queuedProcess, crossed(topUpRefused)));
    const undone = crossed(quotaDebitUndone, { undoneProcessId: processId });
    assert.equal(view(crossed(balanceDebited), undone).reason?.code, "compensated");
  });

  test("a top-up that cannot be executed has failed, and goes on where it was when it is redriven", () => {
    const parked = fact({ type: "entente.command-parked", example: { policy: "step-aside" } });
    const failed = view(fact(topUpRequested), parked);
    assert.deepEqual([failed.state, failed.reason?.code], ["failed", "processing-failed"]);
    assert.deepEqual(steps(failed), ["request-recorded done"]);
    assert.equal(view(fact(topUpRequested), parked, ...whole.slice(1)).state, "confirmed");
  });
});
