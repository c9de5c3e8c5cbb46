import assert from "node:assert/strict";
import { test } from "node:test";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { payloadHash, shortHash } from "./payload-hash.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000);
console.log(`# TEST_SEED=${seed}`);

const hashOf = (text: string) => payloadHash(JSON.parse(text));

/** The same value with the members of every object in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reordered(member)]),
  );
}

const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify({ value })) as object);

test("bodies that differ only in white space, member order or the spelling of numbers and characters hash alike", () => {
  const plain = hashOf('{"a":100,"b":{"c":"é","d":[1,2]}}');
  for (const same of [
    ' { "b" : { "d" : [ 1 , 2 ] , "c" : "é" } ,\n\t"a" : 100 } ',
    '{"a":1e2,"b":{"c":"\\u00e9","d":[1.0,2]}}',
    '{"a":100.00,"b":{"d":[1,2],"c":"é"}}',
  ]) {
    assert.equal(hashOf(same), plain, same);
  }
  fc.assert(
    fc.property(json, (value) => {
      assert.deepEqual(payloadHash(reordered(value) as object), payloadHash(value));
    }),
    { seed },
  );
});

test("bodies that differ in anything else hash differently", () => {
  const plain = hashOf('{"a":100,"b":["x","y"]}');
  for (const other of [
    '{"a":101,"b":["x","y"]}',
    '{"a":"100","b":["x","y"]}',
    '{"a":100,"b":["y","x"]}',
    '{"a":100,"b":["x","y"],"c":null}',
    '{"A":100,"b":["x","y"]}',
    '{"a":100,"b":["x","y "]}',
    '{"b":["x","y"]}',
  ]) {
    assert.notEqual(hashOf(other), plain, other);
  }
  assert.notEqual(hashOf('{"a":"\\u00e9"}'), hashOf('{"a":"e\\u0301"}'), "letters that only look alike");
  fc.assert(
    fc.property(json, json, (one, other) => {
      const equal = payloadHash(one) === payloadHash(other);
      assert.equal(equal, JSON.stringify(sorted(one)) === JSON.stringify(sorted(other)));
    }),
    { seed, numRuns: 500 },
  );
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? 0 : value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}

test("what is hashed is canonical JSON to the byte, whatever the value", () => {
  fc.assert(
    fc.property(json, (value) => {
      assert.equal(payloadHash(value), shortHash(canonicalize(value) as string));
    }),
    { seed, numRuns: 1_000 },
  );
  const rows = ["b", "a"];
  assert.equal(payloadHash(rows), shortHash('["b","a"]'));
  assert.throws(() => payloadHash({ a: "\ud800" }));
});

test("a hash has 16 bytes", () => {
  assert.equal(payloadHash({}).length, 32);
  assert.equal(shortHash("").length, 32);
});
