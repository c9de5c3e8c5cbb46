import assert from "node:assert/strict";
import { test } from "node:test";
import { type Report, runSuiteOf } from "./run-suite.fixture.ts";

const runSuite = (env: Readonly<Record<string, string>>, only?: string): Promise<Report> =>
  runSuiteOf("odd-following-conformance.fixture.ts", env, only);

test("a treaty that follows and is right passes everything", async () => {
  const { passed, failed, skipped, code, text } = await runSuite({});
  assert.deepEqual([failed, skipped, code], [[], ["business rejection"], 0], text);
  assert.equal(passed.length, 27);
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
