import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, type JsonObject, type ProcessView, queuedProcess } from "@entente/core/model";
import { planOrderConfirmed, planOrdered } from "../../entitlement/contract/order-plan.ts";
import { prospectConversionRequested, prospectConverted } from "../../entitlement/contract/prospect.ts";
import {
  supportCaseFailed,
  supportCaseOpened,
  supportCaseRequested,
} from "../../entitlement/contract/support-case.ts";
import { authorityText } from "./authority-text.ts";
import { planOrderProcess } from "./plan-order-process.ts";
import { prospectProcess } from "./prospect-process.ts";
import { supportCaseProcess } from "./support-case-process.ts";

const context = { processId: "p-1", acceptedAt: 0, delayed: false, expectedWaitSeconds: null };
const fact = (type: string, data: object): Entry =>
  ({ type, data: data as JsonObject, processId: "p-1", occurredAt: 1_000 }) as Entry;
const requested = fact(supportCaseRequested.type, supportCaseRequested.example);
const opened = fact(supportCaseOpened.type, supportCaseOpened.example);
const failed = fact(supportCaseFailed.type, supportCaseFailed.example);
const parked = (policy: string) => fact("entente.command-parked", { policy });
const after = (...facts: readonly Entry[]): ProcessView =>
  facts.reduce(supportCaseProcess.apply, queuedProcess);
const textOf = (view: ProcessView, delayed = false) =>
  authorityText("support-case", view, { ...context, delayed })?.text ?? "";

describe("a wish that lands at an authority first", () => {
  test("is queued, then on its way, and says of both that nothing is done yet", () => {
    assert.match(textOf(queuedProcess), /stored at .* not open before it is confirmed/);
    const view = after(requested);
    assert.deepEqual([view.state, view.steps], ["processing", []]);
    assert.match(textOf(view), /on its way\. It is not open/);
    assert.match(textOf(view, true), /longer than usual.*not lost.*not open/);
  });

  test("is confirmed by the authority's word, with its name for it, and by nothing after it unconfirmed", () => {
    const view = after(requested, opened);
    assert.equal(view.state, "confirmed");
    assert.deepEqual(view.outcome, { externalReference: supportCaseOpened.example.externalReference });
    assert.equal(textOf(view), "Your support case is open. Its number is 00000001.");
    for (const late of [failed, parked("step-aside"), requested])
      assert.deepEqual(supportCaseProcess.apply(view, late), view);
  });

  test("fails with the authority's refusal in plain words, or ours before anything went out", () => {
    const theirs = after(requested, failed);
    assert.deepEqual([theirs.state, theirs.reason?.code], ["failed", "support-case-refused"]);
    assert.deepEqual(theirs.steps[0]?.state, "failed");
    assert.equal(textOf(theirs), "This support case was not accepted. Process p-1.");
    const ours = after(
      fact(supportCaseFailed.type, { code: "support-cases-under-way", reason: "Too many." }),
    );
    assert.deepEqual([ours.state, ours.steps, ours.reason?.code], ["failed", [], "support-cases-under-way"]);
  });

  test("fails openly when its command is set aside, and stays where it was when an outcome is", () => {
    assert.equal(after(parked("step-aside")).reason?.code, "processing-failed");
    const redriven = after(parked("step-aside"), requested);
    assert.deepEqual([redriven.state, redriven.reason], ["processing", null]);
    for (const policy of ["step-aside", "hold-key"])
      assert.equal(after(requested, parked(policy)).state, "processing");
  });

  test("a plan and a prospect have their own words", () => {
    const plan = [fact(planOrdered.type, {}), fact(planOrderConfirmed.type, planOrderConfirmed.example)];
    const order = plan.reduce(planOrderProcess.apply, queuedProcess);
    assert.equal(authorityText("order-plan", order, context)?.text, "You are on the plan voyager now.");
    const conversion = [
      fact(prospectConversionRequested.type, {}),
      fact(prospectConverted.type, prospectConverted.example),
    ].reduce(prospectProcess.apply, queuedProcess);
    const { text } = authorityText("convert-prospect", conversion, context) ?? {};
    assert.equal(text, "The prospect is a customer with account acct-2001.");
    assert.equal(authorityText("top-up", order, context), null);
    assert.equal(authorityText("constructor", order, context), null);
  });
});
