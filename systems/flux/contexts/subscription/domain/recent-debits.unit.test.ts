import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  debitsRemembered,
  endCycleOfDebits,
  findDebit,
  markUndone,
  noDebits,
  type RecentDebit,
  type RecentDebits,
  rememberDebit,
} from "./recent-debits.ts";

function debit(id: string): RecentDebit {
  return [id, 1, 0, 0];
}

/** One letter per debit, oldest first. */
function remembering(ids: string, from: RecentDebits = noDebits): RecentDebits {
  return [...ids].reduce((debits, id) => rememberDebit(debits, debit(id)), from);
}

const full = remembering("bcdefghijklmnopq");

describe("recent debits", () => {
  test("keep as many as remembered and push out the oldest for one more", () => {
    assert.equal(full.items.length, debitsRemembered);
    assert.equal(full.forgottenUpTo, "");
    const { items, forgottenUpTo } = remembering("r", full);
    assert.deepEqual([items.length, items[0]?.[0], items.at(-1)?.[0], forgottenUpTo], [16, "c", "r", "b"]);
  });

  test("tell a forgotten debit from one that never was, also when ids came out of order", () => {
    const debits = remembering("xyz", remembering("cbdefghijklmnopq"));
    assert.equal(debits.forgottenUpTo, "d");
    assert.equal(findDebit(remembering("xy", remembering("cbdefghijklmnopq")), "c"), "debit-too-old");
    assert.equal(findDebit(debits, "d"), "debit-too-old");
    assert.equal(findDebit(debits, "da"), "debit-unknown");
  });

  test("count the debits of ended cycles down to none as they are pushed out", () => {
    let debits = remembering("bc");
    debits = endCycleOfDebits(debits);
    debits = remembering("defghijklmnopqr", debits);
    assert.equal(debits.fromEndedCycles, 1);
    debits = remembering("s", debits);
    assert.equal(debits.fromEndedCycles, 0);
    debits = remembering("t", debits);
    assert.equal(debits.fromEndedCycles, 0);
  });

  test("find a debit in its own cycle and, after the cycle's end, in an ended one", () => {
    const debits = remembering("c", endCycleOfDebits(remembering("b")));
    assert.deepEqual(findDebit(debits, "b"), { debit: debit("b"), inRunningCycle: false });
    assert.deepEqual(findDebit(debits, "c"), { debit: debit("c"), inRunningCycle: true });
  });

  test("forget nothing of an undone debit but what it took", () => {
    const debits = markUndone(full, "c");
    assert.equal(findDebit(debits, "c"), "debit-already-undone");
    assert.equal(debits.items.length, full.items.length);
    assert.deepEqual(findDebit(debits, "d"), { debit: debit("d"), inRunningCycle: true });
  });
});
