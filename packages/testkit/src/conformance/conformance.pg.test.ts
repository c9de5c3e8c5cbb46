import assert from "node:assert/strict";
import { test } from "node:test";
import type { BatchBug } from "./odd-batch-treaty.fixture.ts";
import type { PlantedBug } from "./odd-treaty.fixture.ts";
import { type Report, runSuiteOf } from "./run-suite.fixture.ts";

const runSuite = (env: Readonly<Record<string, string>>, only?: string): Promise<Report> =>
  runSuiteOf("odd-conformance.fixture.ts", env, only);

test("a treaty that is right passes everything", async () => {
  const { passed, failed, skipped, code, text } = await runSuite({});
  assert.deepEqual([failed, skipped, code], [[], [], 0], text);
  assert.equal(passed.length, 21);
});

test("a treaty without callbacks passes, and what does not apply is skipped with its reason", async () => {
  const { passed, failed, skipped, code, text } = await runSuite({ WITHOUT_CALLBACKS: "1" });
  assert.deepEqual([failed, code], [[], 0], text);
  assert.deepEqual(skipped, [
    "duplicate callback",
    "early callback",
    "security",
    "delayed callback",
    "duplicate callback",
    "out-of-order callback",
  ]);
  assert.equal(passed.length, 15);
  assert.match(text, /# SKIP the treaty has no callbacks/);
});

/** What must fail with each bug. Only the tests in question are run: each failure waits for its patience. */
const planted: readonly (readonly [PlantedBug, string, readonly string[]])[] = [
  ["takes silence for failure", "^(timeout|no answer|success)", ["timeout", "no answer"]],
  ["makes a new key for every sending", "^(idempotency|no answer|success)", ["idempotency", "no answer"]],
  ["trusts recorded callbacks", "^(security|success)", ["security"]],
  ["trusts unsigned callbacks", "^(security|success)", ["security"]],
  ["repeats without asking", "^(idempotency|timeout|success)", ["idempotency", "timeout"]],
];

for (const [bug, only, expected] of planted) {
  test(`a treaty that ${bug} fails in ${expected.join(" and ")}`, async () => {
    const { passed, failed, code, text } = await runSuite({ PLANTED_BUG: bug }, only);
    assert.deepEqual([failed, passed, code], [expected, ["success"], 1], text);
  });
}

test("a treaty that sends batches passes everything, and what batches add", async () => {
  const { passed, failed, skipped, code, text } = await runSuite({ BATCHES: "right" });
  assert.deepEqual([failed, skipped, code], [[], [], 0], text);
  assert.equal(passed.length, 25);
});

const plantedInBatches: readonly (readonly [BatchBug, string, readonly string[]])[] = [
  ["gives all rows one key", "^(batch of rows|success)", ["success", "batch of rows"]],
  ["takes refused rows for done", "^(partly refused|success)", ["partly refused"]],
  ["asks about the first row only", "^(idempotency|partly done|success)", ["idempotency"]],
  ["sends rows again that have happened", "^(partly done|success)", ["partly done"]],
];

for (const [bug, only, expected] of plantedInBatches) {
  test(`a batch treaty that ${bug} fails in ${expected.join(" and ")}`, async () => {
    const { failed, code, text } = await runSuite({ BATCHES: bug, WITHOUT_CALLBACKS: "1" }, only);
    assert.deepEqual([failed, code], [expected, 1], text);
  });
}
