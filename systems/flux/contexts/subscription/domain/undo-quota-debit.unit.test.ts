import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Fact } from "@entente/core/model";
import { given } from "@entente/testkit";
import { december, inProcess, processId, running, topUpOf, undoOf } from "./account.fixture.ts";
import type { OpenAccountState } from "./account.ts";
import { accountDecider } from "./account-decider.ts";
import { debitsRemembered } from "./recent-debits.ts";

/** Facts after the account topped up `units` in process n. */
function withTopUp(facts: readonly Fact[], units: number, n: number): readonly Fact[] {
  const outcome = given(accountDecider, facts).when(topUpOf(units), inProcess(n));
  return [...facts, ...outcome.facts];
}

function withUndo(facts: readonly Fact[], n: number): readonly Fact[] {
  return [...facts, ...given(accountDecider, facts).when(undoOf(processId(n)), inProcess(1)).facts];
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

  test("a second time is refused", () => {
    const undone = withUndo(withTopUp(running, 10, 1), 1);
    given(accountDecider, undone)
      .when(undoOf(processId(1)), inProcess(1))
      .expectRefusal("debit-already-undone");
  });

  test("of a process that debited nothing is refused", () => {
    given(accountDecider, running)
      .when(undoOf(processId(1)), inProcess(1))
      .expectRefusal("debit-unknown");
    given(accountDecider, withTopUp(running, 10, 1))
      .when(undoOf(processId(2)), inProcess(1))
      .expectRefusal("debit-unknown");
  });

  test("is possible for the oldest remembered debit and refused for the one before it", () => {
    let facts = running;
    for (let n = 1; n <= debitsRemembered + 1; n++) facts = withTopUp(facts, 1, n);
    given(accountDecider, facts)
      .when(undoOf(processId(1)), inProcess(1))
      .expectRefusal("debit-too-old");
    assert.equal(withUndo(facts, 2).length, facts.length + 1);
  });

  test("stays refused after the undone debit is pushed out", () => {
    let facts = withUndo(withTopUp(running, 1, 1), 1);
    for (let n = 2; n <= debitsRemembered + 1; n++) facts = withTopUp(facts, 1, n);
    given(accountDecider, facts)
      .when(undoOf(processId(1)), inProcess(1))
      .expectRefusal("debit-too-old");
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
    given(accountDecider, withUndo(nextCycle, 1))
      .when(undoOf(processId(1)), inProcess(1))
      .expectRefusal("debit-already-undone");
  });

  test("does not touch what counts as the running cycle's own debits", () => {
    let facts: readonly Fact[] = nextCycle;
    for (let n = 2; n <= debitsRemembered + 1; n++) facts = withTopUp(facts, 1, n);
    assert.equal(withUndo(facts, 2).at(-1)!.data.restoredToQuota, 1);
  });
});
