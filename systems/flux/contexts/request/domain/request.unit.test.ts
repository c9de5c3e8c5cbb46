import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Decision, type Entry, isRefusal, type JsonObject } from "@entente/core/model";
import { topUp } from "../../gateway/contract/top-up.ts";
import { reportPosting } from "../../ledger/contract/report-posting.ts";
import { reportRefusal } from "../../subscription/contract/report-refusal.ts";
import { carryOutTopUp } from "../contract/carry-out-top-up.ts";
import { noteRequest, noteRequestGone, noteSubmission } from "../contract/note-request.ts";
import { noteSettlement } from "../contract/request-settled.ts";
import { takeBackTopUp } from "../contract/take-back-top-up.ts";
import { exampleRequestId as requestId } from "../contract/top-up-request.ts";
import { noRequests, type OpenRequests } from "./open-requests.ts";
import { requestDeciderFor } from "./request-decider.ts";

type Message = { readonly type: string; readonly example: JsonObject };

const requestDecider = requestDeciderFor("demo");

/** The command of a contract's example, with other members where the test says so. */
function decided(state: OpenRequests, { type, example }: Message, change: JsonObject = {}): Decision {
  const command = { type, data: { ...example, ...change } } as unknown as Entry;
  const context = {
    now: 0,
    tenantId: "demo",
    key: "acct-0001",
    processId: requestId,
    commandId: "c",
    version: 0,
  };
  const decision = requestDecider.decide(state, command, context);
  assert.ok(!isRefusal(decision));
  return decision;
}

const after = (state: OpenRequests, { facts }: Decision): OpenRequests =>
  facts.reduce<OpenRequests>((one, fact) => requestDecider.evolve(one, fact as never), state);

const submitted = after(noRequests, decided(noRequests, topUp));
const requested = after(submitted, decided(submitted, noteRequest));
const settled = after(requested, decided(requested, reportPosting));
const said = ({ facts, commands = [] }: Decision): string[] =>
  [...facts, ...commands].map(({ type }) => type);

test("another tenant's top-up fails at once with its code, and one of the tenant whose the authority is does not", () => {
  const command = { type: topUp.type, data: topUp.example } as unknown as Entry;
  const context = { now: 0, key: "acct-0001", processId: requestId, commandId: "c", version: 0 };
  const decide = (tenantId: string, served: string | null) => {
    const decision = requestDeciderFor(served).decide(noRequests, command, { ...context, tenantId });
    assert.ok(!isRefusal(decision));
    return decision;
  };
  const refused = decide("acme", "demo");
  assert.deepEqual(said(refused), ["flux.request-failed"]);
  assert.equal((refused.facts[0]?.data as { code?: string } | undefined)?.code, "tenant-not-served");
  assert.deepEqual(after(noRequests, refused), noRequests, "nothing of it is kept open");
  assert.deepEqual(said(decide("demo", "demo")), ["flux.top-up-submitted"]);
  assert.deepEqual(said(decide("acme", null)), ["flux.top-up-submitted"]);
});

describe("a request", () => {
  test("is submitted, carried out when the authority tells of it, settled and closed; then nothing of it is kept", () => {
    assert.deepEqual(said(decided(noRequests, topUp)), ["flux.top-up-submitted"]);
    assert.deepEqual(said(decided(submitted, noteRequest)), ["flux.top-up-requested", carryOutTopUp.type]);
    assert.deepEqual(said(decided(requested, reportPosting)), ["flux.request-settled"]);
    const closed = decided(settled, noteSettlement);
    assert.deepEqual(said(closed), ["flux.request-closed"]);
    assert.equal((closed.facts[0]?.data as { outcome?: string } | undefined)?.outcome, "posted");
    assert.deepEqual(after(settled, closed), noRequests);
  });

  test("is not carried out on the answer to its submission alone", () => {
    assert.deepEqual(said(decided(submitted, noteSubmission)), []);
  });

  test("is carried out as the authority's record says, not as it was submitted", () => {
    const [wish] = decided(submitted, noteRequest, { units: 7 }).commands ?? [];
    assert.deepEqual(wish?.data, { ...topUp.example, units: 7 });
  });

  test("fails when it is refused, given up, or gone before it was heard of", () => {
    const codeOf = (decision: Decision) => (decision.facts[0]?.data as { code?: string } | undefined)?.code;
    assert.equal(codeOf(decided(submitted, noteSubmission, { outcome: "refused" })), "request-refused");
    assert.equal(codeOf(decided(submitted, noteSubmission, { outcome: "given-up" })), "request-given-up");
    assert.equal(codeOf(decided(submitted, noteRequestGone)), "request-cancelled");
  });

  test("is settled as refused by the quota book's word, and by a posting that was given up, whose debit is taken back", () => {
    const refused = decided(requested, reportRefusal);
    assert.deepEqual(refused.facts[0]?.data, {
      requestId,
      accountId: "acct-0001",
      outcome: "refused",
      code: "condenser-unknown",
    });
    const givenUp = decided(requested, reportPosting, { outcome: "given-up" });
    assert.deepEqual(said(givenUp), ["flux.request-settled", takeBackTopUp.type]);
    assert.deepEqual(givenUp.commands?.[0]?.data, {
      accountId: "acct-0001",
      processId: requestId,
      reasonCode: "posting-given-up",
      debit: reportPosting.example.debit,
    });
  });

  test("takes each step once: any word that comes twice, late or for another request is no news", () => {
    const words = [
      noteSubmission,
      noteRequest,
      noteRequestGone,
      reportRefusal,
      reportPosting,
      noteSettlement,
    ];
    const awaited: readonly (readonly [OpenRequests, readonly Message[]])[] = [
      [noRequests, []],
      // "recorded" is awaited and says nothing.
      [submitted, [noteRequest, noteRequestGone]],
      [requested, [reportRefusal, reportPosting]],
      [settled, [noteSettlement]],
    ];
    for (const [state, expected] of awaited) {
      for (const word of words) {
        const isNews = said(decided(state, word)).length > 0;
        assert.equal(isNews, expected.includes(word), `${JSON.stringify(state)} ${word.type}`);
        const other = { requestId: requestId.replace("0199", "0198") };
        assert.deepEqual(said(decided(state, word, other)), [], word.type);
      }
    }
  });
});
