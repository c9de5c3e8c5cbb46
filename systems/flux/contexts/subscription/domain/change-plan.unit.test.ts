import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Fact } from "@entente/core/model";
import { given } from "@entente/testkit";
import type { CycleStarted } from "../contract/cycle-started.ts";
import {
  accountId,
  command,
  customerId,
  december,
  decemberStart,
  inProcess,
  januaryStart,
  running,
  topUpOf,
} from "./account.fixture.ts";
import { accountDecider } from "./account-decider.ts";

const toVoyager = command("flux.change-plan", { planId: "voyager" });

function changedFrom(effectiveAt: number): Fact {
  return {
    type: "flux.plan-changed",
    data: {
      accountId,
      previousPlanId: "commuter",
      planId: "voyager",
      monthlyQuotaUnits: 500,
      monthlyPriceMinor: 7_900,
      onDemandUnitPriceMinor: 20,
      currency: "EUR",
      effectiveAt,
    },
    customerId,
  };
}

describe("changing the plan", () => {
  test("holds from the next cycle on", () => {
    given(accountDecider, running)
      .when(toVoyager, inProcess(1))
      .expectFacts([changedFrom(decemberStart)]);
  });

  test("leaves the running cycle its quota and its on-demand price", () => {
    const [debit] = given(accountDecider, [...running, changedFrom(decemberStart)]).when(
      topUpOf(101),
      inProcess(1),
    ).facts;
    assert.deepEqual([debit?.data.fundedFromQuota, debit?.data.onDemandAmountMinor], [100, 25]);
  });

  test("gives the next cycle its quota, its price and its invoice amount", () => {
    const [cycle] = given(accountDecider, [...running, changedFrom(decemberStart)]).when(
      command("flux.start-cycle"),
      inProcess(1, decemberStart),
    ).facts;
    const { quotaUnits, onDemandUnitPriceMinor, planInvoice } = cycle!.data as CycleStarted;
    assert.deepEqual([quotaUnits, onDemandUnitPriceMinor, planInvoice.amountMinor], [500, 20, 7_900]);
  });

  test("asked for in a cycle not yet started bills that cycle on the old terms first", () => {
    given(accountDecider, running)
      .when(command("flux.change-plan", { planId: "voyager" }, decemberStart), inProcess(1, decemberStart))
      .expectFacts([december, changedFrom(januaryStart)]);
  });

  for (const [planId, code] of [
    ["commuter", "plan-unchanged"],
    ["gold", "plan-unknown"],
  ] as const) {
    test(`to ${planId} is refused as ${code}`, () => {
      given(accountDecider, running)
        .when(command("flux.change-plan", { planId }), inProcess(1))
        .expectRefusal(code);
    });
  }
});
