import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readAmount, writeAmount } from "./amount.ts";

for (const [text, currency, minor] of [
  ["12.50", "EUR", 1250],
  ["-12.5", "EUR", -1250],
  ["+1", "EUR", 100],
  ["349.9000-", "EUR", -34990],
  ["0.00-", "EUR", 0],
  ["12.501", "EUR", null],
  ["12.501", "KWD", 12501],
  ["700", "JPY", 700],
  ["700.00", "JPY", 700],
  ["700.5", "JPY", null],
  ["-1-", "EUR", null],
  ["1,50", "EUR", null],
  ["1.", "EUR", null],
  ["", "EUR", null],
  ["9007199254740993", "JPY", null],
] as const) {
  test(`${text} ${currency} is ${minor}`, () => {
    assert.equal(readAmount(text, currency), minor);
  });
}

test("what is written is read back", () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom("EUR", "JPY", "KWD"), (minor, currency) => {
      assert.equal(readAmount(writeAmount(minor, currency), currency), minor === 0 ? 0 : minor);
    }),
  );
});
