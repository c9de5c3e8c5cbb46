import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newHandOff } from "./hand-off.ts";
import { classify, type ErrorMap } from "./hand-off-answer.ts";
import { findRows, type KnownRow, mayTakeOutRows, withoutOpenRows } from "./hand-off-batch.ts";
import { type BusinessIdentity, handOffKey } from "./hand-off-key.ts";
import { dueTimes, retryDelayMs } from "./hand-off-times.ts";

const map: ErrorMap = {
  E10: { class: "BUSINESS_REJECTED", means: "account closed" },
  E20: { class: "IDEMPOTENT_SUCCESS", means: "seen before", done: true },
  E21: { class: "DUPLICATE_CONFLICT", means: "key in use" },
  E30: { class: "UNKNOWN", means: "gateway lost it" },
  E40: { class: "TECHNICAL_RETRYABLE", means: "not taken, busy" },
  E50: { class: "SECURITY_CONFIGURATION_FAILURE", means: "token refused" },
};

test("each of their codes has the effect of its class, and one that is not on the map is nobody's guess", () => {
  const findings = Object.fromEntries(
    [...Object.keys(map), "E99", "constructor", "__proto__"].map((code) => [
      code,
      classify({ says: "code", code }, map, "aa").finding,
    ]),
  );
  assert.deepEqual(findings, {
    E10: "rejected",
    E20: "completed",
    E21: "conflict",
    E30: "unclear",
    E40: "not-done",
    E50: "blocked",
    E99: "unclassified",
    constructor: "unclassified",
    ["__proto__"]: "unclassified",
  });
  assert.equal(classify({ says: "code" }, map, "aa").class, "UNCLASSIFIED_EXTERNAL_FAILURE");
});

test("a counterparty too busy to be asked has not said that nothing happened", () => {
  const busy = { says: "code", code: "E40" } as const;
  assert.equal(classify(busy, map, "aa", "answer").finding, "not-done");
  assert.equal(classify(busy, map, "aa", "inquiry").finding, "unclear");
  assert.equal(classify(busy, map, "aa", "callback").finding, "unclear");
  assert.equal(classify({ says: "not-known" }, map, "aa", "inquiry").finding, "not-done");
});

test("a duplicate is ours when the hashes agree and a conflict when they differ, whatever they call it", () => {
  for (const code of ["E20", "E21"]) {
    assert.equal(classify({ says: "code", code, requestHash: "aa" }, map, "aa").class, "IDEMPOTENT_SUCCESS");
    assert.equal(classify({ says: "code", code, requestHash: "bb" }, map, "aa").finding, "conflict");
  }
});

const part = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom("a", ":", "%3A", "=", "a:b", ""),
);
const identity: fc.Arbitrary<BusinessIdentity> = fc.record({
  tenantId: part,
  aggregateType: part,
  aggregateId: part,
  line: fc.option(part),
  target: part,
  purpose: part,
});

test("a key is the same for the same business act and attempt, another for any other, and fits into a header", () => {
  assert.equal(
    handOffKey(
      {
        tenantId: "t1",
        aggregateType: "order",
        aggregateId: "o:1",
        line: "2",
        target: "billing",
        purpose: "activate",
      },
      1,
    ),
    "t1:order:o%3A1:=2:billing:activate:1",
  );
  const wellFormed = (one: BusinessIdentity) =>
    JSON.stringify(Object.values(one).map((v) => v?.toWellFormed() ?? null));
  fc.assert(
    fc.property(
      identity,
      identity,
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      (a, b, m, n) => {
        const same = wellFormed(a) === wellFormed(b) && m === n;
        assert.equal(handOffKey(a, m) === handOffKey(b, n), same);
        assert.match(handOffKey(a, m), /^[\x21-\x7e]+$/);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("rows have outcomes of their own; silence about a row leaves it open", () => {
  const rows = new Map<string, KnownRow>(
    ["k0", "k1", "k2", "k3"].map((key, row) => [key, { row, outcome: "open" }]),
  );
  const first = findRows(
    {
      says: "accepted",
      rows: [
        { key: "k0", says: "completed" },
        { key: "k1", says: "code", code: "E10" },
        { key: "k9", says: "completed" },
      ],
    },
    rows,
    map,
  );
  assert.deepEqual(first, {
    changes: [
      { row: 0, outcome: "completed", code: null },
      { row: 1, outcome: "rejected", code: "E10" },
    ],
    finding: "accepted",
    notKnown: 0,
    impossible: ["k9"],
  });
  for (const { row, outcome } of first.changes) rows.set(`k${row}`, { row, outcome });
  const asked = findRows(
    { says: "accepted", rows: ["k2", "k3"].map((key) => ({ key, says: "not-known" as const })) },
    rows,
    map,
  );
  assert.deepEqual([asked.finding, asked.changes.length], ["not-done", 0]);
  const half = findRows({ says: "accepted", rows: [{ key: "k2", says: "not-known" }] }, rows, map);
  assert.equal(half.finding, "accepted");
  // Neither a row that has its outcome nor one named twice makes up for an open one that they say nothing of.
  const settledToo = ["k0", "k2", "k2"].map((key) => ({ key, says: "not-known" as const }));
  assert.equal(findRows({ says: "accepted", rows: settledToo }, rows, map).notKnown, 1);
  const last = findRows(
    {
      says: "accepted",
      rows: [
        { key: "k2", says: "completed" },
        { key: "k3", says: "completed" },
        { key: "k0", says: "code", code: "E10" },
      ],
    },
    rows,
    map,
  );
  assert.deepEqual([last.finding, last.impossible], ["completed", ["k0"]]);
});

const times = {
  retryFirstMs: 1_000,
  retryLongestMs: 10_000,
  inFlightMs: 5_000,
  resultWithinMs: 900_000,
  reconcileEveryMs: 900_000,
  personAfterMs: 3_600_000,
};

test("retries wait ever longer up to the limit, and what they ask us to wait is waited", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 99].map((tries) => retryDelayMs(times, tries, 0.5)),
    [1_000, 2_000, 4_000, 8_000, 10_000, 10_000],
  );
  assert.deepEqual([retryDelayMs(times, 1, 0), retryDelayMs(times, 1, 1)], [750, 1_250]);
  const waiting = { ...newHandOff, state: "retry_wait", tries: 1 } as const;
  assert.equal(dueTimes(waiting, times, 100, 0, 0.5, 60_000).nextTryAt, 60_100);
});

test("what is unknown is asked about only once nothing can be under way, and goes to a person in time", () => {
  const unknown = { ...newHandOff, state: "unknown", tries: 1, doubt: true } as const;
  assert.deepEqual(dueTimes(unknown, times, 50_000, 10_000, 0.5), {
    nextTryAt: null,
    lookAt: 55_000,
    deadlineAt: 3_610_000,
  });
  // Unknown only after its time was over: it is still asked about once.
  assert.equal(dueTimes(unknown, times, 9_000_000, 0, 0.5).deadlineAt, 9_010_000);
});

test("rows are taken out of a batch only while nothing of it may be under way, and what is left decides its end", () => {
  const states = ["created", "retry_wait", "blocked", "rejected", "fallout"] as const;
  for (const state of states) {
    assert.equal(mayTakeOutRows({ ...newHandOff, state }), true, state);
    assert.equal(mayTakeOutRows({ ...newHandOff, state, doubt: true }), false, state);
    assert.equal(mayTakeOutRows({ ...newHandOff, state, effectKnown: true }), false, state);
  }
  for (const state of ["sent", "accepted", "unknown"] as const)
    assert.equal(mayTakeOutRows({ ...newHandOff, state }), false, state);
  assert.deepEqual(withoutOpenRows(0), { what: "withdrawn" });
  assert.deepEqual(withoutOpenRows(3), { what: "rows-done" });
});
