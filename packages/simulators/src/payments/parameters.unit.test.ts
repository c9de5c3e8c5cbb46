import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { canonical, changedMetadata, readParameters } from "./parameters.ts";

/** Plain objects, for comparison: what is read has no prototype. */
const read = (text: string) => JSON.parse(JSON.stringify(readParameters(text)));

describe("parameters", () => {
  for (const [text, expected] of [
    ["", {}],
    ["a=1&b=", { a: "1", b: "" }],
    ["a[b][c]=1&a[d]=2", { a: { b: { c: "1" }, d: "2" } }],
    ["a[0]=x&a[1]=y", { a: ["x", "y"] }],
    ["a[1]=y&a[0]=x", { a: ["x", "y"] }],
    ["a[]=x&a[]=y", { a: ["x", "y"] }],
    ["a[0][b]=1&a[0][c]=2", { a: [{ b: "1", c: "2" }] }],
    ["a%5Bb%5D=%C3%A4+%2B", { a: { b: "ä +" } }],
    ["metadata[__proto__]=x", { metadata: { ["__proto__"]: "x" } }],
  ] as const) {
    test(`${text || "(empty)"} are read`, () =>
      assert.deepEqual(JSON.stringify(read(text)), JSON.stringify(expected)));
  }

  for (const text of ["a=1&a[b]=2", "a[b]=1&a=2", "a[b", "[a]=1", "%E0=1", "a[b][c][d][e][f][g][h]=1"]) {
    test(`${text} are refused`, () => assert.throws(() => readParameters(text), { name: "StripeRefusal" }));
  }

  test("of great number are refused", () => {
    assert.throws(() => readParameters("a=1&".repeat(1_001)), { statusCode: 400 });
  });

  test("are the same in any order, and not the same with other values", () => {
    assert.equal(
      canonical(readParameters("a=1&b[c]=2&b[d]=3")),
      canonical(readParameters("b[d]=3&b[c]=2&a=1")),
    );
    assert.notEqual(canonical(readParameters("a=1&b=2")), canonical(readParameters("a=2&b=1")));
    assert.notEqual(canonical(readParameters("a[0]=1&a[1]=2")), canonical(readParameters("a[0]=2&a[1]=1")));
  });
});

describe("metadata", () => {
  const before = { a: "1", b: "2" };
  test("is added to, replaced and removed name by name", () => {
    assert.deepEqual(changedMetadata(before, readParameters("metadata[a]=9&metadata[b]=&metadata[c]=3")), {
      a: "9",
      c: "3",
    });
  });
  test("is removed as a whole by an empty value, and kept when it is not spoken of", () => {
    assert.deepEqual(changedMetadata(before, readParameters("metadata=")), {});
    assert.deepEqual(changedMetadata(before, readParameters("x=1")), before);
  });
  for (const [title, text] of [
    ["a key of 41 characters", `metadata[${"k".repeat(41)}]=1`],
    ["a value of 501 characters", `metadata[k]=${"v".repeat(501)}`],
    ["51 keys", Array.from({ length: 51 }, (_, n) => `metadata[k${n}]=1`).join("&")],
    ["a value that is no text", "metadata[k][j]=1"],
  ] as const) {
    test(`is refused with ${title}`, () => {
      assert.throws(() => changedMetadata({}, readParameters(text)), { name: "StripeRefusal" });
    });
  }
});
