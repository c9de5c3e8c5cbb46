import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, type Fact, isRefusal } from "@entente/core/model";
import { Value } from "typebox/value";
import type { BalanceDebited } from "../contract/balance-debited.ts";
import { entitlementFollowed } from "../contract/entitlement-followed.ts";
import { command, decemberStart, inProcess, noon, running, topUpOf, undoOf } from "./account.fixture.ts";
import type { AccountState } from "./account.ts";
import { accountDecider } from "./account-decider.ts";

/** An account to which things happen one after the other. */
function scene(facts: readonly Fact[] = running) {
  let state: AccountState = facts.reduce(accountDecider.evolve, accountDecider.initial);
  let n = 0;
  const does = (what: Entry, now = noon): readonly Fact[] => {
    const decision = accountDecider.decide(state, what, inProcess(++n, now));
    if (isRefusal(decision)) assert.fail(decision.code);
    state = decision.facts.reduce(accountDecider.evolve, state);
    return decision.facts;
  };
  return {
    does,
    follows: (planId: string | null, monthlyQuotaUnits: number, isActive = true) =>
      does(entitled(planId, monthlyQuotaUnits, isActive)),
    topsUp: (units: number) => does(topUpOf(units))[0]?.data as BalanceDebited,
    refuses(what: Entry) {
      const decision = accountDecider.decide(state, what, inProcess(++n));
      return isRefusal(decision) ? decision.code : null;
    },
    /** Quota of the cycle and what is left of it. */
    quota: () => (state.opened ? [state.cycle.quotaUnits, state.cycle.quotaRemaining] : null),
    plan: () => (state.opened ? state.plan : null),
  };
}

const dataOf = (fact: Fact | undefined): Readonly<Record<string, unknown>> => fact?.data ?? {};

const entitled = (planId: string | null, monthlyQuotaUnits: number, isActive = true): Entry =>
  command("flux.follow-entitlement", { planId, monthlyQuotaUnits, isActive });

describe("what the authority says of an account's entitlement", () => {
  test("is its quota at once, and its prices from the next cycle on", () => {
    const account = scene();
    account.topsUp(30);
    const [fact, ...more] = account.follows("voyager", 500);
    assert.deepEqual(more, []);
    assert.deepEqual([...Value.Errors(entitlementFollowed.schema, fact?.data)], []);
    assert.deepEqual(account.quota(), [500, 470]);
    assert.equal(account.topsUp(480).onDemandAmountMinor, 10 * 25, "the running cycle keeps its price");
    const [december] = account.does(command("flux.start-cycle"), decemberStart);
    const { planId, quotaUnits, planInvoice } = dataOf(december);
    assert.deepEqual([planId, quotaUnits], ["voyager", 500]);
    assert.equal((planInvoice as { amountMinor: number }).amountMinor, 7_900);
  });

  test("is no news when it says the same again", () => {
    const account = scene();
    assert.equal(account.follows("commuter", 100).length, 1);
    assert.deepEqual(account.follows("commuter", 100), []);
  });

  test("wins over what was agreed here, and a plan is not changed here any more", () => {
    const account = scene();
    account.does(command("flux.change-plan", { planId: "fleet" }));
    account.follows("commuter", 120);
    assert.deepEqual([account.plan()?.planId, account.plan()?.monthlyQuotaUnits], ["commuter", 120]);
    const change = command("flux.change-plan", { planId: "voyager" });
    assert.equal(account.refuses(change), "plan-kept-elsewhere");
  });

  test("counts with a plan that our price list does not have: its quota, at the prices there were", () => {
    const account = scene();
    account.follows("agreed-by-hand", 250);
    assert.deepEqual(account.plan(), {
      planId: "agreed-by-hand",
      monthlyQuotaUnits: 250,
      monthlyPriceMinor: 1_900,
      onDemandUnitPriceMinor: 25,
    });
  });

  for (const [what, planId, quota, isActive] of [
    ["suspended", "commuter", 100, false],
    ["gone", null, 0, false],
  ] as const) {
    test(`lets nothing be taken while it is ${what}`, () => {
      const account = scene();
      account.topsUp(30);
      account.follows(planId, quota, isActive);
      assert.equal(account.refuses(topUpOf(1)), "not-entitled");
      account.follows("commuter", 100);
      assert.deepEqual(account.quota(), [100, 70]);
    });
  }

  test("keeps taken what was taken when the quota gets smaller and larger again, with an undo in between", () => {
    const account = scene();
    const first = account.topsUp(50);
    account.topsUp(30);
    const [fact] = account.follows("commuter", 60);
    assert.equal(dataOf(fact).overdrawnUnits, 20);
    assert.deepEqual(account.quota(), [60, 0]);
    const [undone] = account.does(undoOf(first));
    assert.equal(dataOf(undone).restoredToQuota, 50);
    assert.deepEqual(account.quota(), [60, 30]);
    account.follows("commuter", 100);
    assert.deepEqual(account.quota(), [100, 70]);
    account.does(command("flux.start-cycle"), decemberStart);
    assert.deepEqual(account.quota(), [100, 100]);
  });

  test("is remembered for an account that is not open yet, which opens with it", () => {
    const account = scene([]);
    assert.deepEqual(
      account.follows("voyager", 500).map(({ type }) => type),
      ["flux.entitlement-noted"],
    );
    assert.deepEqual(account.follows("voyager", 500), []);
    const open = { customerId: "cust-0001", planId: "commuter", timeZone: "Europe/Madrid", currency: "EUR" };
    const opened = account.does(command("flux.open-account", open));
    // What was heard before, nobody remembers when, is no news.
    assert.deepEqual(
      opened.map(({ type, ttlMs }) => [type, ttlMs]),
      [
        ["flux.account-opened", undefined],
        ["flux.cycle-started", undefined],
        ["flux.entitlement-followed", 1],
      ],
    );
    assert.deepEqual([account.plan()?.planId, account.quota()], ["voyager", [500, 500]]);
    account.does(command("flux.register-condenser", { condenserId: "car-0001", model: "car" }));
    assert.equal(account.topsUp(300).fundedFromQuota, 300);
    assert.deepEqual(account.follows("voyager", 500), []);
  });
});
