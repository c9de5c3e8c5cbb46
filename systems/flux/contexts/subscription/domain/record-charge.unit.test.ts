import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Fact } from "@entente/core/model";
import { given } from "@entente/testkit";
import type { BalanceDebited } from "../contract/balance-debited.ts";
import { accountId, command, inProcess, processId, running, topUpOf, undoOf } from "./account.fixture.ts";
import { accountDecider } from "./account-decider.ts";

const charge = {
  accountId,
  processId: processId(1),
  amountMinor: 100,
  currency: "EUR",
  reference: "pi_1",
};
const debited: readonly Fact[] = [
  ...running,
  ...given(accountDecider, running).when(topUpOf(104), inProcess(1)).facts,
];
const stateOf = (facts: readonly Fact[]) => facts.reduce(accountDecider.evolve, accountDecider.initial);
const told = (facts: readonly Fact[], type: string, more: object = {}) =>
  given(accountDecider, facts).when(command(type, { ...charge, ...more }), inProcess(1)).facts;

describe("what the payment provider says of a charge", () => {
  test("that it was made is a fact and moves no balance: the debit had counted it", () => {
    const facts = told(debited, "flux.record-charge");
    assert.deepEqual(
      facts.map(({ type, data }) => [type, data]),
      [["flux.top-up-charged", charge]],
    );
    assert.deepEqual(stateOf([...debited, ...facts]), stateOf(debited));
  });

  test("that it was declined is a fact with a reason, and the undo that follows gives all of it back", () => {
    const facts = told(debited, "flux.record-decline", { reasonCode: "card-declined" });
    assert.deepEqual(
      facts.map(({ type, data }) => [type, data.reasonCode]),
      [["flux.charge-declined", "card-declined"]],
    );
    const debit = debited.at(-1)?.data as BalanceDebited;
    const undone = given(accountDecider, [...debited, ...facts]).when(undoOf(debit), inProcess(1)).facts;
    assert.equal(undone[0]?.data.restoredToQuota, 100);
  });

  test("a decline of what is undone already says nothing new; a charge of it is a fact all the same", () => {
    const debit = debited.at(-1)?.data as BalanceDebited;
    const undone = [...debited, ...given(accountDecider, debited).when(undoOf(debit), inProcess(1)).facts];
    assert.deepEqual(told(undone, "flux.record-decline", { reasonCode: "card-declined" }), []);
    assert.equal(told(undone, "flux.record-charge")[0]?.type, "flux.top-up-charged");
  });

  test("that it was given back is a fact and moves no balance: the undo had credited it", () => {
    const debit = debited.at(-1)?.data as BalanceDebited;
    const undone = [...debited, ...given(accountDecider, debited).when(undoOf(debit), inProcess(1)).facts];
    const { reference: chargeReference, ...about } = charge;
    const refund = { ...about, chargeReference, refundReference: "re_1" };
    const facts = given(accountDecider, undone).when(
      command("flux.record-refund", refund),
      inProcess(1),
    ).facts;
    assert.deepEqual(
      facts.map(({ type, data }) => [type, data]),
      [["flux.top-up-refunded", refund]],
    );
    const returnedCharges = [{ processId: processId(1), how: "refunded" }];
    assert.deepEqual(stateOf([...undone, ...facts]), { ...stateOf(undone), returnedCharges });
  });
});
