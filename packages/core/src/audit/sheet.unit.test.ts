import assert from "node:assert/strict";
import { test } from "node:test";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { inOrder } from "../journal/canonical-json.ts";
import type { Entry, JsonObject } from "../model/entry.ts";
import { commitmentOf, leafOf, payloadBytes } from "./leaf.ts";
import { leafHash } from "./merkle-tree.ts";
import { type Sheet, sheetBytes, sheetEntries, sheetsOf } from "./sheet.ts";

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`# TEST_SEED=${seed}`);

const generation = "6f1c7a44-0a5e-4a3e-9d3b-0c0f5b1a2d3e";
const id = "01890a5d-ac96-774b-bcce-b302099a8057";
const day = Date.UTC(2030, 0, 10);

function entry(n: number, more: Partial<Entry> = {}): Entry {
  return {
    id,
    kind: "event",
    type: "bank.deposited",
    schemaVersion: "1.0.0",
    source: "ledger",
    target: null,
    tenantId: "acme",
    key: `a-${n % 5}`,
    keyVersion: n + 1,
    processId: id,
    correlationId: id,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: day + n,
    data: { units: n },
    position: { xid: "7", seq: String(n) },
    lane: 0,
    ...more,
  };
}

const noncesOf = (entries: readonly Entry[]): Buffer =>
  Buffer.concat(entries.map((_, i) => Buffer.alloc(32, i)));
const sheets = (entries: readonly Entry[]): Sheet[] => sheetsOf(entries, noncesOf(entries), () => generation);

test("a sheet holds what each entry's leaf, hash and payload are by themselves, where it says", () => {
  const data = fc.dictionary(fc.string(), fc.jsonValue() as fc.Arbitrary<JsonObject>);
  const texts = fc.string({ unit: "binary", maxLength: 400 });
  fc.assert(
    fc.property(fc.array(fc.tuple(data, texts), { minLength: 1, maxLength: 20 }), (said) => {
      const entries = said.map(([one, key], n) => entry(n, { data: one, key }));
      const [sheet, ...others] = sheets(entries);
      assert.ok(sheet !== undefined && others.length === 0);
      assert.equal(sheet.leafEnds.length, entries.length);
      entries.forEach((one, i) => {
        const part = (bytes: Buffer, ends: readonly number[]) => bytes.subarray(ends[i - 1] ?? 0, ends[i]);
        const nonce = Buffer.alloc(32, i);
        const payload = payloadBytes(one);
        const leaf = leafOf(one, generation, commitmentOf(nonce, payload));
        assert.deepEqual(part(sheet.leaves, sheet.leafEnds), leaf);
        assert.deepEqual(part(sheet.openings, sheet.openingEnds), Buffer.concat([nonce, payload]));
        assert.deepEqual(sheet.hashes.subarray(32 * i, 32 * i + 32), leafHash(leaf));
      });
      assert.equal(sheet.leaves.length, sheet.leafEnds.at(-1));
      assert.equal(sheet.openings.length, sheet.openingEnds.at(-1));
      assert.equal(sheet.hashes.length, 32 * entries.length);
    }),
    { seed, numRuns: 50 },
  );
});

test("a sheet ends at its number of entries, at its bytes and at the end of a day", () => {
  const counts = (entries: readonly Entry[]) => sheets(entries).map(({ keys }) => keys.length);
  const many = Array.from({ length: sheetEntries + 3 }, (_, n) => entry(n));
  assert.deepEqual(counts(many), [sheetEntries, 3]);
  const large = { text: "x".repeat(sheetBytes) };
  assert.deepEqual(counts([entry(0), entry(1, { data: large }), entry(2)]), [2, 1]);
  const [, next] = sheets([entry(0), entry(1, { occurredAt: day + 86_400_000 })]);
  assert.deepEqual([next?.firstAt, next?.keys.length], [day + 86_400_000, 1]);
  assert.deepEqual(counts([]), []);
});

test("entries of one key have one digest, which another tenant's do not share", () => {
  const [sheet] = sheets([entry(0), entry(5), entry(1)]);
  assert.equal(sheet?.keys[0], sheet?.keys[1]);
  assert.notEqual(sheet?.keys[0], sheet?.keys[2]);
  assert.notEqual(sheet?.keys[0], sheets([entry(0, { tenantId: "other" })])[0]?.keys[0]);
});

test("data in order is written as canonical JSON has it, and what cannot be promised is left to the library", () => {
  const names = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("__proto__", "10", "9", "a", "é", "\ud83d"),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: "binary" }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(names, tie("value"), { maxKeys: 5, noNullPrototype: true }),
    ),
  }));
  let promised = 0;
  fc.assert(
    fc.property(fc.dictionary(names, value, { maxKeys: 5, noNullPrototype: true }), (data) => {
      const before = JSON.stringify(data);
      const ordered = inOrder(data as JsonObject);
      assert.equal(JSON.stringify(data), before, "what was given is as it was");
      if (ordered === undefined) return;
      promised++;
      assert.equal(JSON.stringify(ordered), canonicalize(data));
    }),
    { seed },
  );
  assert.ok(promised > 0);
  const sorted = { a: 1, b: [{ c: 2, d: "é" }] };
  assert.equal(inOrder(sorted), sorted);
  assert.equal(JSON.stringify(inOrder({ b: 1, a: { d: 1, c: 2 } })), '{"a":{"c":2,"d":1},"b":1}');
  for (const odd of [{ a: "\ud800" }, { "1": 1 }, { a: Number.NaN }, { a: undefined }, { a: new Date(0) }])
    assert.equal(inOrder(odd as unknown as JsonObject), undefined);
});
