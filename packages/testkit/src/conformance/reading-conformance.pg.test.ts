import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ReadingBug } from "./odd-reading.fixture.ts";
import { type Report, runSuiteOf } from "./run-suite.fixture.ts";

const runSuite = (env: Readonly<Record<string, string>>, only?: string): Promise<Report> =>
  runSuiteOf("odd-reading-conformance.fixture.ts", env, only);

test("a treaty that asks and is right passes everything, and what does not apply is skipped with its reason", async () => {
  const { passed, failed, skipped, code, text } = await runSuite({});
  assert.deepEqual([failed, code], [[], 0], text);
  assert.deepEqual(skipped, [
    "duplicate callback",
    "early callback",
    "replay",
    "delayed callback",
    "duplicate callback",
    "out-of-order callback",
  ]);
  assert.equal(passed.length, 19);
  assert.match(text, /# SKIP an answer comes to whoever asked: nobody calls back/);
});

/** What must fail with each bug. Only the tests in question are run: each failure waits for its patience. */
const planted: readonly (readonly [ReadingBug, string, readonly string[]])[] = [
  ["takes no answer for nothing there", "^(no answer|success)", ["no answer"]],
  ["gives what it last heard for what is there now", "^(no answer|tenant|success)", ["tenant", "no answer"]],
  ["takes a word it does not know for open", "^(unknown status|success)", ["unknown status"]],
  ["takes refused credentials for trouble", "^(unauthorized|success)", ["unauthorized answer"]],
  ["goes out by another door", "^(security|success)", ["security"]],
];

// Most of the time of each is spent waiting for what never comes.
describe("a treaty that asks", { concurrency: 3 }, () => {
  for (const [bug, only, expected] of planted) {
    test(`that ${bug} fails in ${expected.join(" and ")}`, async () => {
      const { passed, failed, code, text } = await runSuite({ PLANTED_BUG: bug }, only);
      assert.deepEqual([failed, passed, code], [expected, ["success"], 1], text);
    });
  }
});
