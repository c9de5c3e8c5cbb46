import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { laneCount, laneOf } from "./lane.ts";

test("the lane of a key is the same for ever: other releases and processes must agree", () => {
  // Written down when the first journals were; a change here re-orders keys of existing journals.
  assert.deepEqual(
    ["a-1", "a-2", "a-3", "acct-0001", "acct-1000", "日本", "🙂"].map((key) => laneOf("acme", key)),
    [6, 3, 0, 3, 5, 5, 3],
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (tenantId, key) => {
      const lane = laneOf(tenantId, key);
      assert.ok(Number.isInteger(lane) && lane >= 0 && lane < laneCount);
    }),
  );
});

test("keys spread over all lanes, and tenant and key do not run into each other", () => {
  const counts = new Array<number>(laneCount).fill(0);
  for (let n = 0; n < 8_000; n++) counts[laneOf("acme", `acct-${String(n).padStart(4, "0")}`)]!++;
  assert.ok(
    counts.every((count) => count > 850 && count < 1_150),
    `${counts}`,
  );
  const apart = Array.from({ length: 200 }, (_, n) => laneOf(`t${n}`, "k") === laneOf("t", `${n}k`));
  assert.ok(apart.includes(false));
});
