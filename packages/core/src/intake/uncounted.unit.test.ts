import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openUncounted, readSnapshot } from "./uncounted.ts";

const seeing = (...xids: number[]) => {
  const all = new Set(xids.map(BigInt));
  return (xid: bigint) => all.has(xid);
};

test("what a reading saw is counted, what it did not see stays", () => {
  const uncounted = openUncounted();
  uncounted.accepted(1, "1");
  uncounted.begin();
  uncounted.accepted(2, "2");
  uncounted.accepted(4, "3");
  assert.equal(uncounted.counted(seeing(1, 2)), true);
  assert.equal(uncounted.commands, 4);
});

test("a batch told of after the reading that saw it counts nothing", () => {
  const uncounted = openUncounted();
  uncounted.begin();
  uncounted.counted(seeing(1));
  uncounted.accepted(1, "1");
  assert.equal(uncounted.commands, 0);
});

test("batches that no reading comes for are not kept one by one, and none is lost", () => {
  const uncounted = openUncounted(10);
  for (let n = 0; n < 1_000; n++) {
    uncounted.begin();
    for (let m = 0; m < 5; m++) uncounted.accepted(3, String(n * 5 + m + 1));
    uncounted.failed();
    uncounted.accepted(3, null);
    assert.equal(uncounted.batches, 0);
  }
  assert.equal(uncounted.commands, 18_000);
  uncounted.begin();
  assert.equal(
    uncounted.counted(() => true),
    true,
  );
  assert.equal(uncounted.commands, 0);
});

test("more batches during one reading than are kept make it count nothing; the next one counts all", () => {
  const uncounted = openUncounted(10);
  uncounted.accepted(1, "1");
  uncounted.begin();
  for (let n = 2; n <= 100; n++) {
    uncounted.accepted(1, String(n));
    assert.ok(uncounted.batches <= 10);
  }
  assert.equal(
    uncounted.counted((xid) => xid <= 50n),
    false,
  );
  assert.equal(uncounted.commands, 100);
  uncounted.begin();
  uncounted.accepted(1, "101");
  assert.equal(
    uncounted.counted((xid) => xid <= 100n),
    true,
  );
  assert.equal(uncounted.commands, 1);
});

type Step = "commit" | "tell" | "begin" | "look" | "end" | "fail";

/** A database that commits, a process that hears of it later, and readings that look somewhere in between. */
function play(steps: readonly Step[], batchesKept: number): void {
  const uncounted = openUncounted(batchesKept);
  const committed: number[] = [];
  const told: number[] = [];
  let accepted = 0;
  let looked: readonly number[] | null = null;
  let reading = false;
  for (const step of steps) {
    if (step === "commit") committed.push(committed.length + 1);
    if (step === "tell" && told.length < committed.length) {
      told.push(told.length + 1);
      uncounted.accepted(1, String(told.length));
    }
    if (step === "begin" && !reading) {
      reading = true;
      looked = null;
      uncounted.begin();
    }
    if (step === "look" && reading) looked ??= [...committed];
    if (step === "fail" && reading) {
      reading = false;
      uncounted.failed();
    }
    if (step === "end" && reading && looked !== null) {
      reading = false;
      if (uncounted.counted(seeing(...looked))) accepted = looked.length;
    }
    assert.ok(uncounted.batches <= batchesKept);
    // The rest of what is committed was not told of: whoever waits for an answer has none yet.
    assert.equal(accepted + uncounted.commands, Math.max(accepted, told.length));
  }
}

test("whatever commits, is told of, read and fails in whatever order, each batch counts once", () => {
  const step = fc.constantFrom<Step>("commit", "commit", "tell", "tell", "begin", "look", "end", "fail");
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 0, max: 5 }), play), {
    numRuns: 2_000,
  });
});

test("a snapshot sees what committed before it, and nothing that was open or came later", () => {
  const seen = readSnapshot("10:14:11,13");
  assert.deepEqual(
    [9n, 10n, 11n, 12n, 13n, 14n].map((xid) => seen(xid)),
    [true, true, false, true, false, false],
  );
});
