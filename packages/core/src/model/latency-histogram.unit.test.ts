import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "@entente/testkit";
import { latencyBucket, latencyErrorBound, latencyOfBucket, latencyWithin } from "./latency-histogram.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 32);
console.log(`# TEST_SEED=${seed}`);
const random = seededRandom(seed);

function counted(latencies: readonly number[]): Map<number, number> {
  const histogram = new Map<number, number>();
  for (const ms of latencies) histogram.set(latencyBucket(ms), (histogram.get(latencyBucket(ms)) ?? 0) + 1);
  return histogram;
}

test("a latency read back is within the stated bound of what was counted, from a millisecond to weeks", () => {
  for (let n = 0; n < 20_000; n++) {
    const ms = 2 ** (random.next() * 31);
    const read = latencyOfBucket(latencyBucket(ms));
    assert.ok(Math.abs(read - ms) / ms <= latencyErrorBound + 1e-9, `${ms} ms was read as ${read}`);
  }
});

test("percentiles by nearest rank are within the bound of those of the latencies themselves", () => {
  const latencies = Array.from({ length: 5_000 }, () => 1 + random.next() ** 3 * 60_000);
  const sorted = [...latencies].sort((a, b) => a - b);
  for (const share of [0.5, 0.9, 0.99]) {
    const exact = sorted[Math.ceil(share * sorted.length) - 1] as number;
    const read = latencyWithin(counted(latencies), share) as number;
    assert.ok(
      Math.abs(read - exact) / exact <= latencyErrorBound + 1e-9,
      `${share}: ${exact} ms, read ${read}`,
    );
  }
});

test("counts of two parts added up are the counts of the whole", () => {
  const [a, b] = [0, 1].map(() => Array.from({ length: 500 }, () => random.next() * 10_000)) as [
    number[],
    number[],
  ];
  const sum = counted(a);
  for (const [bucket, count] of counted(b)) sum.set(bucket, (sum.get(bucket) ?? 0) + count);
  assert.deepEqual(new Map([...sum].sort()), new Map([...counted([...a, ...b])].sort()));
});

test("nothing counted has no percentile; under a millisecond is none; beyond the last bucket counts as the last", () => {
  assert.equal(latencyWithin(new Map(), 0.5), null);
  assert.equal(latencyWithin(counted([-5, 0, 0.4]), 0.9), 0);
  assert.equal(latencyBucket(1e15), latencyBucket(2 ** 31));
});
