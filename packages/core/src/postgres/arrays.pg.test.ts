import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import {
  byteaArray,
  digestArray,
  int2Array,
  int8Array,
  jsonArray,
  textArray,
  timeArray,
  uuidArray,
  xid8Array,
} from "./arrays.ts";
import { openDatabase } from "./database.ts";

const bed = await openTestBed();
const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
console.log(`# arrays seed ${seed}`);
const database = openDatabase({ url: bed.adminUrl, applicationName: "arrays test", connections: 1 });
bed.atEnd(() => database.close());

const listOf = <Value>(values: fc.Arbitrary<Value>) =>
  fc.array(fc.option(values, { nil: null }), { maxLength: 40 });
const text = fc.string({ unit: "binary", maxLength: 30 }).filter((one) => !one.includes("\u0000"));

/** PostgreSQL reads the array as what it was made from, NULLs and the empty array included. */
async function survives<Value>(
  type: string,
  values: fc.Arbitrary<Value>,
  arrayOf: (values: readonly (Value | null)[]) => Buffer,
  shown: (value: Value) => string,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(listOf(values), async (list) => {
      const [row] = await database.execute<{ back: (string | null)[] | null; length: number }>(
        `select array_agg(v::text order by place) as back, count(*)::int as length
         from unnest($1::${type}[]) with ordinality as u(v, place)`,
        [arrayOf(list)],
      );
      assert.deepEqual(
        row?.back ?? [],
        list.map((value) => (value === null ? null : shown(value))),
      );
    }),
    { seed, numRuns: 60 },
  );
}

test("texts of any characters arrive as they are", () => survives("text", text, textArray, (one) => one));

test("JSON arrives as the text it was", () =>
  survives(
    "json",
    fc.jsonValue().map((value) => JSON.stringify(value)),
    jsonArray,
    (one) => one,
  ));

test("bytes of any length arrive as they are", () =>
  survives(
    "bytea",
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    byteaArray,
    (one) => `\\x${one.toString("hex")}`,
  ));

test("ids arrive as they are", () => survives("uuid", fc.uuid(), uuidArray, (one) => one));

test("small whole numbers arrive over their whole range", () =>
  survives("int2", fc.integer({ min: -32_768, max: 32_767 }), int2Array, String));

test("large whole numbers arrive over their whole range, from numbers and from text", async () => {
  await survives("int8", fc.maxSafeInteger(), int8Array, String);
  await survives(
    "int8",
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    int8Array,
    (one) => one,
  );
});

test("transaction numbers arrive over their whole range", async () => {
  const numbers = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
  await fc.assert(
    fc.asyncProperty(fc.array(numbers), async (list) => {
      const [row] = await database.execute<{ back: string[] }>(
        "select coalesce(array_agg(v::text order by place), '{}') as back from unnest($1::xid8[]) with ordinality as u(v, place)",
        [xid8Array(list)],
      );
      assert.deepEqual(row?.back, list);
    }),
    { seed, numRuns: 60 },
  );
});

test("digests arrive as they are", () =>
  survives(
    "uuid",
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString("hex")),
    (list) => digestArray(list),
    (one) => one.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
  ));

test("moments arrive to the millisecond, before and after 2000, and are read back as the same number", async () => {
  const moments = fc.integer({ min: Date.UTC(1900, 0), max: Date.UTC(2200, 0) });
  await fc.assert(
    fc.asyncProperty(fc.array(moments, { minLength: 1 }), async (list) => {
      const rows = await database.execute<{ at: number }>(
        "select v as at from unnest($1::timestamptz[]) with ordinality as u(v, place) order by place",
        [timeArray(list)],
      );
      assert.deepEqual(
        rows.map((row) => row.at),
        list,
      );
    }),
    { seed, numRuns: 100 },
  );
});
