import assert from "node:assert/strict";
import { test } from "node:test";
import type { FollowingBug } from "./odd-following.fixture.ts";
import { type Report, runSuiteOf } from "./run-suite.fixture.ts";

const runSuite = (env: Readonly<Record<string, string>>, only?: string): Promise<Report> =>
  runSuiteOf("odd-following-conformance.fixture.ts", env, only);

test("a treaty that follows and is right passes everything", async () => {
  const { passed, failed, skipped, code, text } = await runSuite({});
  assert.deepEqual([failed, skipped, code], [[], ["business rejection"], 0], text);
  assert.equal(passed.length, 26);
  assert.match(text, /# SKIP a feed is heard: nothing is asked of them that they could refuse/);
});

test("with a counterparty that can do less the rest passes, and what does not apply is skipped with its reason", async () => {
  const { passed, failed, skipped, code, text } = await runSuite(
    { PLAIN: "1" },
    "^(contract|duplicate|delayed|out-of-order|reconciliation|rejection|place lost|removed while|restart)",
  );
  assert.deepEqual([failed, code], [[], 0], text);
  assert.deepEqual(passed, ["contract", "restart"]);
  assert.deepEqual(skipped, [
    "duplicate callback",
    "reconciliation",
    "rejection",
    "delayed callback",
    "duplicate callback",
    "out-of-order callback",
    "place lost",
    "removed while we were away",
  ]);
});

/** What must fail with each bug. Only the tests in question are run: each failure waits for its patience. */
const planted: readonly (readonly [FollowingBug, string, readonly string[]])[] = [
  ["forgets its place", "^(restart|success)", ["restart"]],
  ["tells everything under the key of the first record", "^(tenant)", ["tenant"]],
  ["tells the same in other words each time", "^(success)", ["success"]],
  ["swallows what it cannot read", "^(rejection|success)", ["rejection"]],
  ["takes no answer for nothing there", "^(server error|success)", ["server error"]],
  ["passes over what it was told to wait for", "^(throttled|success)", ["throttled"]],
  ["takes refused credentials for trouble", "^(unauthorized|success)", ["unauthorized answer"]],
  ["goes out by another door", "^(security|success)", ["security"]],
  ["quotes what it could not read", "^(no answer|success)", ["no answer"]],
];

for (const [bug, only, expected] of planted) {
  test(`a treaty that ${bug} fails in ${expected.join(" and ")}`, async () => {
    const { failed, code, text } = await runSuite({ PLANTED_BUG: bug }, only);
    assert.deepEqual([failed, code], [expected, 1], text);
  });
}
