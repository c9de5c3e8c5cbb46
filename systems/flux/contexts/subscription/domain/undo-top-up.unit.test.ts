import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Fact } from "@entente/core/model";
import { given } from "@entente/testkit";
import { Value } from "typebox/value";
import type { BalanceDebited } from "../contract/balance-debited.ts";
import { topUpUndone } from "../contract/undo-top-up.ts";
import {
  accountId,
  customerId,
  december,
  inProcess,
  orderOf,
  processId,
  running,
  topUpOf,
  undoOf,
} from "./account.fixture.ts";
import type { OpenAccountState } from "./account.ts";
import { accountDecider } from "./account-decider.ts";

const charge = { amountMinor: 100, currency: "EUR", reference: "pi_1" };
/** Process 1 took 104 units: the whole quota of 100, and 4 on demand for 100 minor units. */
const debitedFacts = given(accountDecider, running).when(topUpOf(104), inProcess(1)).facts;
const debit = debitedFacts[0]?.data as BalanceDebited;
const confirmed: readonly Fact[] = [...running, ...debitedFacts];
const stateOf = (facts: readonly Fact[]) =>
  facts.reduce(accountDecider.evolve, accountDecider.initial) as OpenAccountState;
const whenOrdered = (facts: readonly Fact[], over = {}) =>
  given(accountDecider, facts).when(orderOf(debit, over), inProcess(2));

describe("an operator's undo of a top-up", () => {
  test("gives back what the debit took in the top-up's process, and tells who, why, before and after in its own", () => {
    whenOrdered(confirmed, { charge }).expectFacts([
      {
        type: "flux.quota-debit-undone",
        customerId,
        processId: processId(1),
        data: {
          accountId,
          undoneProcessId: processId(1),
          reasonCode: "undone-by-operator",
          cycle: "2026-11",
          restoredToQuota: 100,
          lapsedFromQuota: 0,
          undoneOnDemand: 4,
          creditedMinor: 100,
          currency: "EUR",
          quotaRemaining: 100,
          usedUnits: 0,
          onDemandMinor: 0,
        },
      },
      {
        type: "flux.top-up-undone",
        customerId,
        data: {
          accountId,
          undoneProcessId: processId(1),
          debitId: processId(101),
          by: "olga",
          why: "ticket 4711",
          before: { cycle: "2026-11", quotaRemaining: 0, usedUnits: 104, onDemandMinor: 100 },
          after: { cycle: "2026-11", quotaRemaining: 100, usedUnits: 0, onDemandMinor: 0 },
          restoredToQuota: 100,
          lapsedFromQuota: 0,
          undoneOnDemand: 4,
          creditedMinor: 100,
          currency: "EUR",
          refund: { amountMinor: 100, currency: "EUR", chargeReference: "pi_1" },
        },
      },
    ]);
  });

  test("leaves the account as if the top-up had never been, but for the memory of the undo", () => {
    const { state } = whenOrdered(confirmed);
    assert.deepEqual(state, { ...stateOf(running), undone: [processId(1)] });
  });

  test("of a cycle that has ended credits its money, lets its quota lapse and leaves the running balance alone", () => {
    const [, ordered] = whenOrdered([...confirmed, december]).facts;
    const { before, after, restoredToQuota, lapsedFromQuota, creditedMinor } = ordered!.data;
    assert.deepEqual(before, after);
    assert.deepEqual([restoredToQuota, lapsedFromQuota, creditedMinor], [0, 100, 100]);
    assert.deepEqual([...Value.Errors(topUpUndone.schema, ordered!.data)], []);
  });

  test("tells the books where they keep the quota, in the top-up's process as well", () => {
    const lent: Fact = { type: "flux.quota-lent", data: { accountId, cycle: "2026-11", takenUnits: 100 } };
    const facts = whenOrdered([...confirmed, lent]).facts;
    assert.deepEqual(
      facts.map(({ type, processId: partOf }) => [type, partOf]),
      [
        ["flux.quota-debit-undone", processId(1)],
        ["flux.quota-restored", processId(1)],
        ["flux.top-up-undone", undefined],
      ],
    );
  });
});

describe("an operator's undo is refused", () => {
  test("when another operator's came first, or a compensation did", () => {
    const undone = [...confirmed, ...whenOrdered(confirmed).facts];
    whenOrdered(undone).expectRefusal("debit-already-undone", { processId: processId(1) });
    given(accountDecider, undone).when(undoOf(debit), inProcess(3)).expectRefusal("debit-already-undone");
    const compensated = [
      ...confirmed,
      ...given(accountDecider, confirmed).when(undoOf(debit), inProcess(1)).facts,
    ];
    whenOrdered(compensated).expectRefusal("debit-already-undone");
  });

  test("with figures that cannot be, as one that was corrected by hand may have", () => {
    whenOrdered(confirmed, {
      debit: { cycle: "2026-11", fundedFromQuota: 101, fundedOnDemand: 4, onDemandAmountMinor: 100 },
    }).expectRefusal("debit-unknown", { processId: processId(1) });
  });

  test("of an account that was never opened", () => {
    given(accountDecider).when(orderOf(debit), inProcess(2)).expectRefusal("account-unknown");
  });
});
