import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonChanges } from "./json-changes.ts";

test("equal documents have no changes, whatever the order of their members", () => {
  assert.deepEqual(jsonChanges({ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }), []);
});

test("what was changed, added and removed is named by its place", () => {
  assert.deepEqual(
    jsonChanges(
      { units: 5, gone: true, lines: [{ n: 1 }, { n: 2 }], "a/b~c": 1 },
      { units: 6, lines: [{ n: 1 }], "a/b~c": 2, late: null },
    ),
    [
      { pointer: "/units", before: 5, after: 6 },
      { pointer: "/gone", before: true },
      { pointer: "/lines/1", before: { n: 2 } },
      { pointer: "/a~1b~0c", before: 1, after: 2 },
      { pointer: "/late", after: null },
    ],
  );
});

test("another kind of value is one change, and names such as __proto__ are names", () => {
  assert.deepEqual(jsonChanges([1], { 0: 1 }), [{ pointer: "", before: [1], after: { 0: 1 } }]);
  assert.deepEqual(jsonChanges({ a: null }, { a: {} }), [{ pointer: "/a", before: null, after: {} }]);
  const odd = JSON.parse('{"__proto__": 1, "constructor": 2}');
  assert.deepEqual(jsonChanges({}, odd), [
    { pointer: "/__proto__", after: 1 },
    { pointer: "/constructor", after: 2 },
  ]);
});

test("no more changes than the limit are named", () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`m${n}`, n]));
  assert.equal(jsonChanges({}, many, 10).length, 10);
});
