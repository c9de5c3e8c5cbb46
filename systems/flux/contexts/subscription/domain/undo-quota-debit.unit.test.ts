import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Fact } from "@entente/core/model";
import { given } from "@entente/testkit";
import type { BalanceDebited } from "../contract/balance-debited.ts";
import type { UndoQuotaDebit } from "../contract/undo-quota-debit.ts";
import {
  accountId,
  command,
  december,
  inProcess,
  processId,
  running,
  topUpOf,
  undoOf,
} from "./account.fixture.ts";
import type { OpenAccountState } from "./account.ts";
import { accountDecider } from "./account-decider.ts";
import { undosRemembered } from "./undone-debits.ts";

/** Facts after the account topped up `units` in process n. */
function withTopUp(facts: readonly Fact[], units: number, n: number): readonly Fact[] {
  const outcome = given(accountDecider, facts).when(topUpOf(units), inProcess(n));
  return [...facts, ...outcome.facts];
}

/** The debit of process n, as whoever compensates finds it in the journal. */
function debitOf(facts: readonly Fact[], n: number): BalanceDebited {
  const fact = facts.find(
    ({ type, data }) => type === "flux.balance-debited" && data.processId === processId(n),
  );
  assert.ok(fact !== undefined, `process ${n} debited nothing`);
  return fact.data as BalanceDebited;
}

function whenUndoing(facts: readonly Fact[], n: number, wrong: Partial<UndoQuotaDebit["debit"]> = {}) {
  return given(accountDecider, facts).when(undoOf(debitOf(facts, n), wrong), inProcess(n));
}

function withUndo(facts: readonly Fact[], n: number): readonly Fact[] {
  return [...facts, ...whenUndoing(facts, n).facts];
}

function stateOf(facts: readonly Fact[]): OpenAccountState {
  return facts.reduce(accountDecider.evolve, accountDecider.initial) as OpenAccountState;
}

describe("undoing a debit", () => {
  test("gives back quota and on-demand charge, and both entries stay", () => {
    const debited = withTopUp(running, 104, 1);
    const undone = withUndo(debited, 1);
    assert.deepEqual(stateOf(undone).cycle, stateOf(running).cycle);
    assert.equal(undone.length, running.length + 2);
    const { restoredToQuota, lapsedFromQuota, undoneOnDemand, creditedMinor } = undone.at(-1)!.data;
    assert.deepEqual([restoredToQuota, lapsedFromQuota, undoneOnDemand, creditedMinor], [100, 0, 4, 100]);
  });

  test("leaves the debits of other processes as they are", () => {
    const facts = withUndo(withTopUp(withTopUp(running, 10, 1), 20, 2), 1);
    const { quotaRemaining, usedUnits } = stateOf(facts).cycle;
    assert.deepEqual([quotaRemaining, usedUnits], [80, 20]);
  });

  test("is possible however many top-ups came after it", () => {
    let facts = running;
    for (let n = 1; n <= 200; n++) facts = withTopUp(facts, 1, n);
    const { restoredToQuota, quotaRemaining, usedUnits } = withUndo(facts, 1).at(-1)!.data;
    assert.deepEqual([restoredToQuota, quotaRemaining, usedUnits], [1, 1, 199]);
  });

  test("of an account never opened is refused", () => {
    const debit = debitOf(withTopUp(running, 1, 1), 1);
    given(accountDecider).when(undoOf(debit), inProcess(1)).expectRefusal("account-unknown");
  });
});

describe("undoing a debit a second time", () => {
  test("is refused, whatever figures the command carries", () => {
    const undone = withUndo(withTopUp(running, 10, 1), 1);
    const refusedAs = { processId: processId(1) };
    whenUndoing(undone, 1).expectRefusal("debit-already-undone", refusedAs);
    whenUndoing(undone, 1, { fundedFromQuota: 9 }).expectRefusal("debit-already-undone", refusedAs);
    whenUndoing(undone, 1, { cycle: "2026-10" }).expectRefusal("debit-already-undone", refusedAs);
  });

  test("is refused in a later cycle", () => {
    const undone = withUndo(withTopUp(running, 10, 1), 1);
    whenUndoing([...undone, december], 1).expectRefusal("debit-already-undone");
  });

  test("is refused as long as the undo is remembered, and not known for one after that", () => {
    let facts = running;
    for (let n = 1; n <= undosRemembered + 1; n++) facts = withTopUp(facts, 1, n);
    for (let n = 1; n <= undosRemembered; n++) facts = withUndo(facts, n);
    whenUndoing(facts, 1).expectRefusal("debit-already-undone");

    facts = withUndo(facts, undosRemembered + 1);
    whenUndoing(facts, 2).expectRefusal("debit-already-undone");
    // All used units are given back by now, so the repeat is still caught: by figures that cannot be.
    whenUndoing(facts, 1).expectRefusal("debit-unknown");
    assert.equal(whenUndoing(withTopUp(facts, 1, 99), 1).facts.length, 1);
  });
});

describe("undoing a debit of an ended cycle", () => {
  const nextCycle = [...withTopUp(running, 104, 1), december];

  test("credits its money, lets its quota lapse and leaves the running balance alone", () => {
    const facts = withUndo(withTopUp(nextCycle, 7, 2), 1);
    const { cycle, restoredToQuota, lapsedFromQuota, undoneOnDemand, creditedMinor } = facts.at(-1)!.data;
    assert.deepEqual(
      [cycle, restoredToQuota, lapsedFromQuota, undoneOnDemand, creditedMinor],
      ["2026-12", 0, 100, 4, 100],
    );
    const { quotaRemaining, usedUnits, onDemandMinor } = stateOf(facts).cycle;
    assert.deepEqual([quotaRemaining, usedUnits, onDemandMinor], [93, 7, 0]);
  });

  test("happens once", () => {
    whenUndoing(withUndo(nextCycle, 1), 1).expectRefusal("debit-already-undone");
  });

  test("does not touch what counts as the running cycle's own debits", () => {
    const facts = withUndo(withTopUp(nextCycle, 1, 2), 1);
    assert.equal(withUndo(facts, 2).at(-1)!.data.restoredToQuota, 1);
  });
});

describe("an undo whose figures cannot be is refused:", () => {
  /** 90 of the quota in process 1; 10 of the quota and 4 on demand, for 100, in process 2. */
  const facts = withTopUp(withTopUp(running, 90, 1), 14, 2);
  const nothing = { fundedFromQuota: 0, fundedOnDemand: 0, onDemandAmountMinor: 0 };

  const cases: Readonly<Record<string, Partial<UndoQuotaDebit["debit"]>>> = {
    "no units": nothing,
    "negative quota units": { fundedFromQuota: -1 },
    "negative on-demand units": { fundedOnDemand: -1 },
    "negative money": { onDemandAmountMinor: -1 },
    "half a unit": { fundedFromQuota: 0.5 },
    "more than can be published": { cycle: "2026-10", onDemandAmountMinor: 1_000_000_000_001 },
    "money without units on demand": { fundedOnDemand: 0 },
    "more quota than was used": { ...nothing, fundedFromQuota: 101 },
    "more units than were used": { ...nothing, fundedOnDemand: 105, onDemandAmountMinor: 100 },
    "more money than was charged": { onDemandAmountMinor: 101 },
    "a cycle that has not begun": { cycle: "2026-12" },
    "no cycle": { cycle: "" },
  };
  for (const [name, wrong] of Object.entries(cases)) {
    test(name, () => {
      whenUndoing(facts, 2, wrong).expectRefusal("debit-unknown", { processId: processId(2) });
    });
  }

  test("none at all", () => {
    given(accountDecider, facts)
      .when(command("flux.undo-quota-debit", { processId: processId(2), reasonCode: "x" }), inProcess(2))
      .expectRefusal("debit-unknown");
  });

  test("of no process", () => {
    const debit = { ...debitOf(facts, 2), processId: "" };
    given(accountDecider, facts).when(undoOf(debit), inProcess(2)).expectRefusal("debit-unknown");
  });

  test("but the most that can be given back is", () => {
    const all = { fundedFromQuota: 100, fundedOnDemand: 4, onDemandAmountMinor: 100 };
    const [undone] = whenUndoing(facts, 2, all).facts;
    const { quotaRemaining, usedUnits, onDemandMinor } = undone!.data;
    assert.deepEqual([quotaRemaining, usedUnits, onDemandMinor], [100, 0, 0]);
  });

  test("but a figure too many does no harm", () => {
    const debit = debitOf(facts, 2);
    const copiedWhole = command("flux.undo-quota-debit", {
      processId: processId(2),
      reasonCode: "x",
      debit: { ...debit, accountId },
    });
    const expected = whenUndoing(facts, 2).facts[0]!.data;
    const [undone] = given(accountDecider, facts).when(copiedWhole, inProcess(2)).facts;
    assert.deepEqual(undone!.data, { ...expected, reasonCode: "x" });
  });
});
