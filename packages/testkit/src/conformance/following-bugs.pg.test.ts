import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FollowingBug } from "./odd-following.fixture.ts";
import { runSuiteOf } from "./run-suite.fixture.ts";

/** What must fail with each bug. Only the tests in question are run: each failure waits for its patience. */
const planted: readonly (readonly [FollowingBug, string, readonly string[]])[] = [
  ["forgets its place", "^(restart|success)", ["restart"]],
  ["tells everything under the key of the first record", "^(tenant)", ["tenant"]],
  ["tells the same in other words each time", "^(success)", ["success"]],
  ["swallows what it cannot read", "^(rejection|success)", ["rejection"]],
  ["takes no answer for nothing there", "^(reading broken off|success)", ["reading broken off"]],
  ["passes over what it was told to wait for", "^(throttled|success)", ["throttled"]],
  ["takes refused credentials for trouble", "^(unauthorized|success)", ["unauthorized answer"]],
  ["goes out by another door", "^(security|success)", ["security"]],
  ["quotes what it could not read", "^(no answer|success)", ["no answer"]],
];

// Most of the time of each is spent waiting for what never comes.
describe("a treaty that follows", { concurrency: 3 }, () => {
  for (const [bug, only, expected] of planted) {
    test(`that ${bug} fails in ${expected.join(" and ")}`, async () => {
      const { failed, code, text } = await runSuiteOf(
        "odd-following-conformance.fixture.ts",
        { PLANTED_BUG: bug },
        only,
      );
      assert.deepEqual([failed, code], [expected, 1], text);
    });
  }
});
