import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { orderByCause } from "./cause-order.ts";
import type { Entry } from "./entry.ts";

const idOf = (n: number): string => `0199f0e2-7a3b-7c4d-8e5f-${n.toString(16).padStart(12, "0")}`;

function entry(n: number, cause: number | null, source: string, at: number): Entry {
  return {
    id: idOf(n),
    kind: "event",
    type: "bank.deposited",
    schemaVersion: "1.0.0",
    source,
    target: null,
    tenantId: "acme",
    key: "a-1",
    keyVersion: null,
    processId: idOf(0),
    correlationId: idOf(0),
    causationId: cause === null ? null : idOf(cause),
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: at,
    data: {},
    position: { xid: String(n + 1), seq: "1" },
    lane: 0,
  };
}

const clock = fc.integer({ min: 0, max: 3 });
const journal = fc.constantFrom("front", "ledger", "books");
/** Each is caused by one before it, by one that lies outside, or by nothing; clocks agree with nothing. */
const story = fc
  .array(fc.record({ cause: fc.double({ min: 0, max: 1.2, noNaN: true }), at: clock, source: journal }), {
    maxLength: 60,
  })
  .map((parts) =>
    parts.map(({ cause, at, source }, n) => {
      const before = Math.floor(cause * n);
      return entry(n, n === 0 ? null : before < n ? before : 1_000 + n, source, at);
    }),
  );
const shuffled = story.chain((entries) =>
  fc.tuple(
    fc.constant(entries),
    fc.shuffledSubarray(entries, { minLength: entries.length, maxLength: entries.length }),
  ),
);
const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
console.log(`# TEST_SEED=${seed}`);

test("every entry once, a cause before its effects and one level above them, in whatever order they were read", () => {
  fc.assert(
    fc.property(shuffled, ([entries, read]) => {
      const placed = orderByCause(read);
      assert.deepEqual(new Set(placed.map((one) => one.entry.id)), new Set(entries.map(({ id }) => id)));
      assert.equal(placed.length, entries.length);
      const depths = new Map<string, number>();
      for (const { entry: own, depth } of placed) {
        const above = own.causationId === null ? undefined : depths.get(own.causationId);
        assert.equal(depth, above === undefined ? 0 : above + 1);
        // Once placed as a root its cause is nowhere, not merely later.
        if (depth === 0) assert.ok(!entries.some(({ id }) => id === own.causationId));
        depths.set(own.id, depth);
      }
      assert.deepEqual(placed, orderByCause(entries));
      assert.deepEqual(orderByCause([...read, ...read]), placed);
    }),
    { seed, numRuns: 500 },
  );
});

test("what followed from an entry stands together, before its next sibling; siblings by clock", () => {
  fc.assert(
    fc.property(story, (entries) => {
      const placed = orderByCause(entries);
      placed.forEach(({ depth, entry: own }, n) => {
        const next = placed.slice(n + 1).find((one) => one.depth <= depth);
        if (next?.depth === depth && next.entry.causationId === own.causationId)
          assert.ok(next.entry.occurredAt >= own.occurredAt);
        const inside = placed.slice(n + 1, next === undefined ? undefined : placed.indexOf(next));
        for (const one of inside) assert.ok(one.depth > depth);
      });
    }),
    { seed, numRuns: 300 },
  );
});

test("causes that run in a circle lose nothing", () => {
  const circle = [
    entry(1, 3, "front", 5),
    entry(2, 1, "front", 4),
    entry(3, 2, "front", 6),
    entry(4, 3, "front", 1),
  ];
  assert.deepEqual(
    orderByCause(circle)
      .map((one) => one.entry.id)
      .sort(),
    [1, 2, 3, 4].map(idOf),
  );
  assert.deepEqual(
    orderByCause([entry(7, 7, "front", 0)]).map(({ depth }) => depth),
    [0],
  );
});

test("two journals with one id keep both entries, and its effects follow once", () => {
  const both = [entry(1, null, "front", 0), entry(1, null, "ledger", 0), entry(2, 1, "ledger", 1)];
  assert.deepEqual(
    orderByCause(both).map(({ entry: own, depth }) => [own.source, depth]),
    [
      ["front", 0],
      ["ledger", 1],
      ["ledger", 0],
    ],
  );
});
