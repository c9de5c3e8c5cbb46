import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Fact } from "@entente/core/model";
import { given } from "@entente/testkit";
import type { BalanceDebited } from "../contract/balance-debited.ts";
import {
  accountId,
  command,
  customerId,
  decemberStart,
  inProcess,
  opened,
  processId,
  registered,
  running,
  topUpOf,
} from "./account.fixture.ts";
import { accountDecider } from "./account-decider.ts";

function debited(fields: Partial<BalanceDebited>): Fact {
  const data: BalanceDebited = {
    accountId,
    condenserId: "car-0001",
    processId: processId(1),
    cycle: "2026-11",
    units: 0,
    fundedFromQuota: 0,
    fundedOnDemand: 0,
    onDemandAmountMinor: 0,
    currency: "EUR",
    quotaRemaining: 100,
    usedUnits: 0,
    onDemandMinor: 0,
    ...fields,
  };
  return { type: "flux.balance-debited", data, customerId };
}

describe("a top-up", () => {
  test("within the quota is paid from the quota", () => {
    given(accountDecider, running)
      .when(topUpOf(99), inProcess(1))
      .expectFacts([debited({ units: 99, fundedFromQuota: 99, quotaRemaining: 1, usedUnits: 99 })])
      .expectTimers([]);
  });

  test("of exactly the quota leaves nothing and costs nothing", () => {
    given(accountDecider, running)
      .when(topUpOf(100), inProcess(1))
      .expectFacts([debited({ units: 100, fundedFromQuota: 100, quotaRemaining: 0, usedUnits: 100 })]);
  });

  test("of one unit more than the quota pays that unit on demand", () => {
    given(accountDecider, running)
      .when(topUpOf(101), inProcess(1))
      .expectFacts([
        debited({
          units: 101,
          fundedFromQuota: 100,
          fundedOnDemand: 1,
          onDemandAmountMinor: 25,
          quotaRemaining: 0,
          usedUnits: 101,
          onDemandMinor: 25,
        }),
      ]);
  });

  test("after the quota is used is paid on demand, on top of earlier charges", () => {
    const usedUp = debited({
      units: 104,
      fundedFromQuota: 100,
      fundedOnDemand: 4,
      onDemandAmountMinor: 100,
      quotaRemaining: 0,
      usedUnits: 104,
      onDemandMinor: 100,
    });
    given(accountDecider, [...running, usedUp])
      .when(topUpOf(2), inProcess(2))
      .expectFacts([
        debited({
          processId: processId(2),
          units: 2,
          fundedOnDemand: 2,
          onDemandAmountMinor: 50,
          quotaRemaining: 0,
          usedUnits: 106,
          onDemandMinor: 150,
        }),
      ]);
  });

  for (const units of [0, 10_001, -1, 1.5, Number.NaN, "5", null]) {
    test(`of ${typeof units} ${units} units is refused`, () => {
      given(accountDecider, running)
        .when(command("flux.top-up", { condenserId: "car-0001", units }), inProcess(1))
        .expectRefusal("units-out-of-range");
    });
  }

  for (const units of [1, 10_000]) {
    test(`of ${units} units is within range`, () => {
      const [fact] = given(accountDecider, running).when(topUpOf(units), inProcess(1)).facts;
      assert.equal(fact?.data.units, units);
    });
  }

  test("of a condenser not registered to the account is refused", () => {
    given(accountDecider, running)
      .when(command("flux.top-up", { condenserId: "car-0002", units: 1 }), inProcess(1))
      .expectRefusal("condenser-unknown");
  });

  test("of an account never opened is refused", () => {
    given(accountDecider).when(topUpOf(1), inProcess(1)).expectRefusal("account-unknown");
  });

  test("that would pass the cycle's on-demand limit is refused, and the one that meets it passes", () => {
    const nearLimit = debited({ quotaRemaining: 0, onDemandMinor: 1_000_000_000_000 - 25 });
    const account = given(accountDecider, [...running, nearLimit]);
    const [fact] = account.when(topUpOf(1), inProcess(1)).facts;
    assert.equal(fact?.data.onDemandMinor, 1_000_000_000_000);
    account.when(topUpOf(2), inProcess(1)).expectRefusal("on-demand-limit-reached");
  });

  test("between the two facts that open an account is paid on demand", () => {
    const [fact] = given(accountDecider, [opened, registered]).when(topUpOf(2), inProcess(1)).facts;
    assert.equal(fact?.data.onDemandAmountMinor, 50);
  });
});

describe("a top-up at the end of a cycle", () => {
  const afterEnd = inProcess(1, decemberStart + 60_000);

  test("asked for in its last millisecond draws on that cycle, even when decided later", () => {
    given(accountDecider, running)
      .when(topUpOf(5, decemberStart - 1), afterEnd)
      .expectFacts([debited({ units: 5, fundedFromQuota: 5, quotaRemaining: 95, usedUnits: 5 })]);
  });

  test("asked for at its end starts the next cycle first and draws on that", () => {
    const usedUp = debited({ fundedFromQuota: 100, units: 100, quotaRemaining: 0, usedUnits: 100 });
    const outcome = given(accountDecider, [...running, usedUp]).when(topUpOf(5, decemberStart), afterEnd);
    const [started, debit, ...rest] = outcome.facts;
    assert.equal(started?.type, "flux.cycle-started");
    assert.equal(started?.data.cycle, "2026-12");
    assert.deepEqual(
      debit,
      debited({ cycle: "2026-12", units: 5, fundedFromQuota: 5, quotaRemaining: 95, usedUnits: 5 }),
    );
    assert.deepEqual(rest, []);
  });

  test("does not start a cycle before business time, though its own time is ahead", () => {
    const outcome = given(accountDecider, running).when(
      topUpOf(5, decemberStart),
      inProcess(1, decemberStart - 1),
    );
    assert.deepEqual(
      outcome.facts.map((fact) => fact.data.cycle),
      ["2026-11"],
    );
  });

  test("more cycles behind than one decision starts waits for the timer to catch up", () => {
    const elevenYearsOn = Date.parse("2037-11-10T10:00:00Z");
    const account = running.reduce(accountDecider.evolve, accountDecider.initial);
    assert.throws(
      () => accountDecider.decide(account, topUpOf(1, elevenYearsOn), inProcess(1, elevenYearsOn)),
      { code: "cycles-behind", kind: "unavailable" },
    );
  });
});
