import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, type JsonObject, type ProcessView, queuedProcess } from "@entente/core/model";
import { topUpUndone, undoTopUp } from "../../subscription/contract/undo-top-up.ts";
import { undoTopUpProcess, undoTopUpText } from "./undo-top-up-process.ts";

const processId = "0199f0e2-7a3b-7c4d-8e5f-0123456789bb";
const fact = (type: string, data: JsonObject): Entry =>
  ({ type, data, processId, occurredAt: 1_000 }) as Entry;
const after = (...facts: readonly Entry[]): ProcessView =>
  facts.reduce(undoTopUpProcess.apply, queuedProcess);
const undone = (over: JsonObject = {}) => fact(topUpUndone.type, { ...topUpUndone.example, ...over });
const refused = fact("flux.top-up-refused", { code: "debit-already-undone", reason: "Already undone." });
const parked = fact("entente.command-parked", { type: undoTopUp.type, policy: "step-aside" });
const context = { processId, acceptedAt: 0, delayed: false, expectedWaitSeconds: null };

describe("an operator's undo of a top-up", () => {
  test("is confirmed by the undo, with its steps and what it changed, and without who and why", () => {
    const view = after(undone());
    assert.deepEqual(
      [view.state, view.steps.map(({ name, state }) => `${name} ${state}`)],
      ["confirmed", ["debit-undone done", "refund-ordered done"]],
    );
    const { before, after: left, undoneProcessId } = topUpUndone.example;
    const refund = { amountMinor: 125, currency: "EUR" };
    assert.deepEqual(
      [view.outcome?.before, view.outcome?.after, view.outcome?.refund, view.outcome?.undoneProcessId],
      [before, left, refund, undoneProcessId],
    );
    // Nor what the payment provider calls anything.
    assert.doesNotMatch(JSON.stringify(view), /olga|4711|pi_/);
  });

  test("has no step for a refund where nothing was charged", () => {
    assert.deepEqual(
      after(undone({ refund: null })).steps.map(({ name }) => name),
      ["debit-undone"],
    );
  });

  test("has failed when it was refused or could not be carried out, and is confirmed by a redrive that did", () => {
    assert.deepEqual([after(refused).state, after(refused).reason?.code], ["failed", "debit-already-undone"]);
    assert.equal(after(parked).reason?.code, "processing-failed");
    assert.deepEqual(
      [after(parked, undone()).state, after(parked, undone()).reason, after(undone(), refused).state],
      ["confirmed", null, "confirmed"],
    );
  });

  test("is about the top-up that its command and its fact name, and about nothing by others", () => {
    for (const entry of [fact(undoTopUp.type, undoTopUp.example), undone()])
      assert.equal(undoTopUpProcess.about?.(entry), undoTopUp.example.undoneProcessId);
    assert.equal(undoTopUpProcess.about?.(refused), null);
  });

  test("happens once: a second undo is counted as doubled, the same fact read again is not", () => {
    const view = after(undone());
    assert.equal(undoTopUpProcess.repeats?.(view, undone()), false);
    assert.equal(undoTopUpProcess.repeats?.(view, { ...undone(), occurredAt: 2_000 }), true);
  });

  test("says what came back, and the process where it did not work", () => {
    assert.deepEqual(undoTopUpText(after(undone()), context), {
      title: "Confirmed",
      text: "The top-up was undone. The units taken from the quota are back. EUR 1.25 is credited. The charge of EUR 1.25 is given back.",
    });
    assert.match(
      undoTopUpText(after(undone({ restoredToQuota: 0, lapsedFromQuota: 20, refund: null })), context).text,
      /belonged to a month that has ended\. EUR 1\.25 is credited\.$/,
    );
    assert.equal(undoTopUpText(after(refused), context).text, `Already undone. Process ${processId}.`);
    assert.match(undoTopUpText(queuedProcess, context).text, /^The undo of a top-up was stored at 1970-/);
    assert.equal(undoTopUpText(queuedProcess, { ...context, delayed: true }).title, "Delayed");
  });
});
