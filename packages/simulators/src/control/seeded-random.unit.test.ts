import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "./seeded-random.ts";

const draws = (seed: number, label: string) => {
  const random = seededRandom(seed, label);
  return Array.from({ length: 1_000 }, () => random.next());
};

test("the same seed and label give the same draws, others do not", () => {
  assert.deepEqual(draws(7, "ids"), draws(7, "ids"));
  assert.notDeepEqual(draws(7, "ids"), draws(8, "ids"));
  assert.notDeepEqual(draws(7, "ids"), draws(7, "rule-1"));
});

test("draws lie in [0, 1) and are spread", () => {
  for (const seed of [0, 1, 4_294_967_295]) {
    const numbers = draws(seed, "ids");
    assert.ok(numbers.every((number) => number >= 0 && number < 1));
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    assert.ok(mean > 0.45 && mean < 0.55, `seed ${seed}: mean ${mean}`);
  }
});

test("tokens have their length, and no two are the same", () => {
  const random = seededRandom(7, "ids");
  const tokens = Array.from({ length: 1_000 }, () => random.token(24));
  assert.ok(tokens.every((token) => /^[0-9A-Za-z]{24}$/.test(token)));
  assert.equal(new Set(tokens).size, tokens.length);
});
