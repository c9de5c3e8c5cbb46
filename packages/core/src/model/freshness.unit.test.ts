import assert from "node:assert/strict";
import { test } from "node:test";
import { freshUntil, isStale, ttlOf } from "./freshness.ts";

const heard = { occurredAt: 1_000, ttlMs: 500 };
const decided = { occurredAt: 1_000, ttlMs: null };

test("an observation is fresh up to the last millisecond of its time; a decision always is", () => {
  assert.deepEqual([isStale(heard, 1_500), isStale(heard, 1_501)], [false, true]);
  assert.equal(isStale(decided, Number.MAX_SAFE_INTEGER), false);
  assert.deepEqual([freshUntil(heard), freshUntil(decided)], [1_500, null]);
});

test("what follows from an observation claims no more than is left of it, and nothing when it is past", () => {
  assert.equal(ttlOf(500, heard, 1_000), 500);
  assert.equal(ttlOf(500, heard, 1_200), 300);
  assert.equal(ttlOf(100, heard, 1_200), 100);
  const late = { occurredAt: 9_000, ttlMs: ttlOf(500, heard, 9_000) };
  assert.equal(late.ttlMs, 1);
  assert.equal(isStale(late, 9_002), true);
});

test("what is declared to last, or declares nothing, lasts whatever it follows from", () => {
  assert.equal(ttlOf("never", heard, 1_200), null);
  assert.equal(ttlOf(undefined, heard, 1_200), null);
  assert.equal(ttlOf(500, decided, 9_000), 500);
  assert.equal(ttlOf(500, null, 9_000), 500);
});
