import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Failure } from "../model/failure.ts";
import { deriveId } from "../model/id.ts";
import { command } from "../testing/entries.fixture.ts";
import { backoffMs, causeOf, defaultRetryRule, parkingFact } from "./parking.ts";

test("each retry waits four times as long as the one before, up to the longest, give or take a quarter", () => {
  const rule = { attempts: 10, firstMs: 100, longestMs: 30_000 };
  const waits = [1, 2, 3, 4, 5, 6, 9].map((attempts) => backoffMs(rule, attempts, 0.5));
  assert.deepEqual(waits, [100, 400, 1_600, 6_400, 25_600, 30_000, 30_000]);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempts, jitter) => {
        const full = backoffMs(defaultRetryRule, attempts, 0.5);
        const wait = backoffMs(defaultRetryRule, attempts, jitter);
        assert.ok(wait >= Math.floor(full * 0.75) && wait <= Math.ceil(full * 1.25));
        assert.ok(wait <= defaultRetryRule.longestMs * 1.25);
      },
    ),
  );
});

test("the cause of a failure is its code and a short text, whatever was thrown", () => {
  assert.deepEqual(causeOf(new Failure("defect", "command-type-unknown", "Unknown.")), {
    code: "command-type-unknown",
    text: "Unknown.",
  });
  assert.deepEqual(causeOf(new RangeError("out of range")), {
    code: "decider-threw",
    text: "RangeError: out of range",
  });
  for (const thrown of ["text", 5, null, undefined, { a: 1 }, Symbol("s"), Object.create(null)]) {
    assert.equal(causeOf(thrown).code, "decider-threw");
  }
  assert.equal(causeOf(new Error("x".repeat(10_000))).text.length, 500);
});

test("the text of a cause can always be stored: no NUL, no half of a character, also where it is cut", () => {
  assert.equal(causeOf(new Error("a\u0000b")).text.includes("\u0000"), false);
  assert.equal(causeOf(new Error("a\ud83db")).text.isWellFormed(), true);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 600 }), (message) => {
      const { text } = causeOf(new Error(`${message}${"🙂".repeat(300)}`));
      assert.ok(text.isWellFormed() && !text.includes("\u0000") && text.length <= 500);
    }),
  );
});

test("facts about a parked entry never share an id: not between tries, acts or consumers, nor with the decider's facts", () => {
  const about = { ...command(), position: { xid: "1", seq: "1" }, lane: 0 };
  const ids = new Set<string>();
  let made = 0;
  for (let ordinal = 0; ordinal < 1_000; ordinal++, made++) ids.add(deriveId(about.id, ordinal));
  for (const consumer of ["account", "balance", "process-view"]) {
    for (const type of ["entente.command-parked", "entente.command-discarded"] as const) {
      for (let attempts = 1; attempts <= 150; attempts++, made++) {
        ids.add(parkingFact("ledger", consumer, about, type, 0, attempts, {}).id);
      }
    }
  }
  assert.equal(ids.size, made);
});
