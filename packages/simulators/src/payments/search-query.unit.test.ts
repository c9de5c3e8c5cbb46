import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { metadataSought, readSearch } from "./search-query.ts";

const item = {
  amount: 500,
  created: 1_700_000_000,
  currency: "eur",
  customer: null,
  email: "Ada@example.com",
  metadata: { order: "17", "it's": 'a "b"' },
  status: "succeeded",
};

describe("a search finds", () => {
  for (const [query, found] of [
    ["metadata['order']:'17'", true],
    ['metadata["order"]:"17"', true],
    ["metadata['order']:'18'", false],
    ["metadata['none']:'17'", false],
    ['metadata[\'it\\\'s\']:"a \\"b\\""', true],
    ["-status:'succeeded'", false],
    ["-metadata['none']:'17'", true],
    ["customer:null", true],
    ["-customer:null", false],
    ["email~'ada'", true],
    ["amount:500", true],
    ["amount>500", false],
    ["amount>=500 amount<=500", true],
    ["amount<500 OR currency:'eur'", true],
    ["amount<500 AND currency:'eur'", false],
    ["created>1699999999 AND status:'succeeded'", true],
  ] as const) {
    test(`${query}: ${found}`, () => assert.equal(readSearch(query)(item), found));
  }
});

describe("a search refuses", () => {
  for (const query of [
    "",
    "status",
    "colour:'red'",
    "status:succeeded",
    "metadata:'17'",
    "status['a']:'b'",
    "status>'a'",
    "amount~5",
    "amount:'five'",
    "status:'a' AND amount:1 OR amount:2",
    "status:'a",
  ]) {
    test(`"${query}"`, () =>
      assert.throws(() => readSearch(query), { name: "StripeRefusal", statusCode: 400 }));
  }
});

test("the keys that a query asks for are told", () => {
  assert.deepEqual(metadataSought("metadata['k']:'a' OR metadata['k']:'b' OR metadata['j']:'c'", "k"), [
    "a",
    "b",
  ]);
  assert.deepEqual(metadataSought("status:'a'", "k"), []);
});
