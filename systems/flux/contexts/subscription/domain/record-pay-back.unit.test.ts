import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Fact } from "@entente/core/model";
import { given } from "@entente/testkit";
import type { BalanceDebited } from "../contract/balance-debited.ts";
import {
  accountId,
  command,
  customerId,
  inProcess,
  processId,
  running,
  topUpOf,
  undoOf,
} from "./account.fixture.ts";
import { accountDecider } from "./account-decider.ts";
import { undosRemembered } from "./undone-debits.ts";

const charge = { amountMinor: 100, currency: "EUR", chargeReference: "pi_1" };
const refund = { accountId, processId: processId(1), ...charge, refundReference: "re_1" };
const told = { reference: "SEPA-1", by: "olga", why: "ticket 4711" };

/** Process 1 took 104 units, 4 of them on demand for 100 minor units, and was undone after that was charged. */
const debited = given(accountDecider, running).when(topUpOf(104), inProcess(1)).facts;
const confirmed: readonly Fact[] = [...running, ...debited];
const undone: readonly Fact[] = [
  ...confirmed,
  ...given(accountDecider, confirmed).when(undoOf(debited[0]?.data as BalanceDebited), inProcess(1)).facts,
];
const stateOf = (facts: readonly Fact[]) => facts.reduce(accountDecider.evolve, accountDecider.initial);
const said = (facts: readonly Fact[], type: string) =>
  given(accountDecider, facts).when(command(type, refund), inProcess(1)).facts;
const refunded = said(undone, "flux.record-refund");
const sentBack = [...refunded, ...said([...undone, ...refunded], "flux.record-refund-failure")];
const payBack = command("flux.record-pay-back", { topUpProcessId: processId(1), ...charge, ...told });
const whenTold = (facts: readonly Fact[]) => given(accountDecider, facts).when(payBack, inProcess(2));

describe("an operator tells that what was charged was paid back another way", () => {
  test("it is back in the top-up's process; who told of it, why and by which receipt stands in its own", () => {
    whenTold(undone).expectFacts([
      {
        type: "flux.top-up-paid-back",
        customerId,
        processId: processId(1),
        data: { accountId, processId: processId(1), ...charge, refund: "not-made" },
      },
      {
        type: "flux.pay-back-recorded",
        customerId,
        data: { accountId, topUpProcessId: processId(1), ...charge, refund: "not-made", ...told },
      },
    ]);
  });

  test("no balance moves: the undo had credited it", () => {
    const returnedCharges = [{ processId: processId(1), how: "paid-back" }];
    assert.deepEqual(whenTold(undone).state, { ...stateOf(undone), returnedCharges });
  });

  test("it says that the provider's refund was made and sent back, where it was", () => {
    const [back, recorded] = whenTold([...undone, ...sentBack]).facts;
    assert.deepEqual([back?.data.refund, recorded?.data.refund], ["sent-back", "sent-back"]);
  });
});

describe("it is refused", () => {
  test("when the provider has given it back, or another operator told the same before", () => {
    const fields = { processId: processId(1) };
    whenTold([...undone, ...refunded]).expectRefusal("charge-already-given-back", fields);
    const paidBack = [...undone, ...whenTold(undone).facts];
    whenTold(paidBack).expectRefusal("charge-already-given-back", fields);
  });

  test("of a top-up that was not undone, and of an account that was never opened", () => {
    whenTold(confirmed).expectRefusal("top-up-not-undone", { processId: processId(1) });
    given(accountDecider).when(payBack, inProcess(2)).expectRefusal("account-unknown");
  });

  test("not for an undo that the account has forgotten: whoever read the journal knows", () => {
    const others = (count: number): readonly Fact[] =>
      Array.from({ length: count }, (_, n) => ({
        ...(undone.at(-1) as Fact),
        data: { ...(undone.at(-1) as Fact).data, undoneProcessId: processId(100 + n) },
      }));
    whenTold([...confirmed, ...others(undosRemembered - 1)]).expectRefusal("top-up-not-undone");
    assert.equal(whenTold([...confirmed, ...others(undosRemembered)]).facts.length, 2);
  });
});

describe("what the provider says after that", () => {
  const paidBack = [...undone, ...whenTold(undone).facts];

  test("that it gave the charge back, too, is a fact and changes nothing of what was paid back", () => {
    const twice = said(paidBack, "flux.record-refund");
    assert.deepEqual(
      twice.map(({ type }) => type),
      ["flux.top-up-refunded"],
    );
    assert.deepEqual(stateOf([...paidBack, ...twice]), stateOf(paidBack));
  });

  test("that its refund came back makes nothing owed again, however often it says so", () => {
    const again = [...undone, ...sentBack];
    for (const facts of [paidBack, [...again, ...whenTold(again).facts]])
      assert.deepEqual(said(facts, "flux.record-refund-failure"), []);
  });
});
