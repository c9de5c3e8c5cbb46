import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, type JsonObject, type ProcessView, queuedProcess } from "@entente/core/model";
import { payBackRecorded, recordPayBack } from "../../subscription/contract/pay-back.ts";
import { payBackProcess, payBackText } from "./pay-back-process.ts";

const processId = "0199f0e2-7a3b-7c4d-8e5f-0123456789bb";
const fact = (type: string, data: JsonObject): Entry =>
  ({ type, data, processId, occurredAt: 1_000 }) as Entry;
const after = (...facts: readonly Entry[]): ProcessView => facts.reduce(payBackProcess.apply, queuedProcess);
const recorded = fact(payBackRecorded.type, payBackRecorded.example);
const refused = fact("flux.top-up-refused", { code: "charge-already-given-back", reason: "Given back." });
const parked = fact("entente.command-parked", { type: recordPayBack.type, policy: "step-aside" });
const context = { processId, acceptedAt: 0, delayed: false, expectedWaitSeconds: null };

describe("a pay-back that an operator tells of", () => {
  test("is confirmed once it is recorded, with the amount, and without who, why, receipt and the provider's names", () => {
    const view = after(recorded);
    const { topUpProcessId } = payBackRecorded.example;
    assert.deepEqual(
      [view.state, view.steps.map(({ name, state }) => `${name} ${state}`), view.outcome],
      [
        "confirmed",
        ["pay-back-recorded done"],
        { topUpProcessId, amountMinor: 125, currency: "EUR", refund: "sent-back" },
      ],
    );
    assert.doesNotMatch(JSON.stringify(view), /olga|4711|SEPA|pi_/);
  });

  test("has failed when it was refused or could not be carried out, and is confirmed by a redrive that did", () => {
    assert.equal(after(refused).reason?.code, "charge-already-given-back");
    assert.equal(after(parked).reason?.code, "processing-failed");
    assert.deepEqual(
      [after(parked, recorded).state, after(recorded, refused).state],
      ["confirmed", "confirmed"],
    );
  });

  test("is about the top-up that its command and its fact name, and about nothing by others", () => {
    for (const entry of [fact(recordPayBack.type, recordPayBack.example), recorded])
      assert.equal(payBackProcess.about?.(entry), recordPayBack.example.topUpProcessId);
    assert.equal(payBackProcess.about?.(refused), null);
  });

  test("happens once: a second one is counted as doubled, the same fact read again is not", () => {
    assert.equal(payBackProcess.repeats?.(after(recorded), recorded), false);
    assert.equal(payBackProcess.repeats?.(after(recorded), { ...recorded, occurredAt: 2_000 }), true);
  });

  test("says what was paid back, and the process where it did not work", () => {
    assert.deepEqual(payBackText(after(recorded), context), {
      title: "Confirmed",
      text: "The EUR 1.25 charged for the top-up was paid back another way.",
    });
    assert.equal(payBackText(after(refused), context).text, `Given back. Process ${processId}.`);
    assert.match(payBackText(queuedProcess, context).text, /^The pay-back of a top-up was told of at 1970-/);
    assert.equal(payBackText(queuedProcess, { ...context, delayed: true }).title, "Delayed");
  });
});
