import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, trendOf, weekMs, weekOf } from "./fitness.ts";

const lower = { better: "lower", target: 5, limit: 15 } as const;
const higher = { better: "higher", target: 0.95, limit: 0.5 } as const;

test("a value is judged by target and limit, in the direction that is better", () => {
  assert.deepEqual(
    [5, 6, 15, 16].map((value) => judge(lower, value)),
    ["within-target", "past-target", "past-target", "over-limit"],
  );
  assert.deepEqual(
    [1, 0.95, 0.9, 0.4].map((value) => judge(higher, value)),
    ["within-target", "within-target", "past-target", "over-limit"],
  );
});

test("what was not measured is no data, and what is held against nothing has no target: neither is well", () => {
  assert.equal(judge(lower, null), "no-data");
  assert.equal(judge(lower, Number.NaN), "no-data");
  assert.equal(judge({ better: "lower", target: null, limit: null }, 0), "no-target");
});

test("a trend needs two values, and small changes are none", () => {
  assert.equal(trendOf(lower, null, 3), "unknown");
  assert.equal(trendOf(lower, 100, 101), "steady");
  assert.deepEqual([trendOf(lower, 10, 5), trendOf(lower, 5, 10)], ["better", "worse"]);
  assert.deepEqual([trendOf(higher, 0.5, 0.9), trendOf(higher, 0.9, 0.5)], ["better", "worse"]);
});

test("a week begins on Monday at midnight UTC", () => {
  const monday = Date.UTC(2026, 2, 2);
  for (const at of [monday, monday + 1, monday + weekMs - 1]) assert.equal(weekOf(at), monday);
  assert.equal(weekOf(monday - 1), monday - weekMs);
});
