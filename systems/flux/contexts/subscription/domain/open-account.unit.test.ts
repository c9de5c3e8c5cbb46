import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { given } from "@entente/testkit";
import {
  accountId,
  command,
  customerId,
  decemberStart,
  inProcess,
  noon,
  november,
  opened,
  registered,
  running,
} from "./account.fixture.ts";
import { accountDecider } from "./account-decider.ts";
import { condensersAllowed } from "./register-condenser.ts";

const request = { customerId, planId: "commuter", timeZone: "Europe/Madrid", currency: "EUR" };

describe("opening an account", () => {
  test("copies the plan terms and starts the first cycle at once, full quota and price, up to the local month's end", () => {
    given(accountDecider)
      .when(command("flux.open-account", request), inProcess(1))
      .expectFacts([opened, { ...november, data: { ...november.data, startsAt: noon } }])
      .expectTimers([{ name: "cycle", dueAt: decemberStart, type: "flux.start-cycle", data: { accountId } }]);
  });

  test("prices the same plan in the customer's own currency", () => {
    const [fact] = given(accountDecider).when(
      command("flux.open-account", { ...request, currency: "PLN", timeZone: "Europe/Warsaw" }),
      inProcess(1),
    ).facts;
    assert.deepEqual([fact?.data.monthlyPriceMinor, fact?.data.onDemandUnitPriceMinor], [7_900, 109]);
  });

  test("twice is refused", () => {
    given(accountDecider, running)
      .when(command("flux.open-account", request), inProcess(1))
      .expectRefusal("account-already-open");
  });

  for (const [fields, code] of [
    [{ planId: "gold" }, "plan-unknown"],
    [{ planId: "constructor" }, "plan-unknown"],
    [{ planId: "fleet", currency: "PLN" }, "currency-not-offered"],
    [{ currency: "toString" }, "currency-not-offered"],
    [{ timeZone: "Europe/Atlantis" }, "time-zone-unknown"],
  ] as const) {
    test(`with ${JSON.stringify(fields)} is refused as ${code}`, () => {
      given(accountDecider)
        .when(command("flux.open-account", { ...request, ...fields }), inProcess(1))
        .expectRefusal(code);
    });
  }
});

describe("registering a condenser", () => {
  const register = (condenserId: string) => command("flux.register-condenser", { condenserId, model: "car" });

  test("lets the account top it up", () => {
    given(accountDecider, [opened, november])
      .when(register("car-0001"), inProcess(1))
      .expectFacts([registered]);
  });

  test("twice is refused", () => {
    given(accountDecider, running)
      .when(register("car-0001"), inProcess(1))
      .expectRefusal("condenser-already-registered");
  });

  test("up to the limit passes, one more is refused", () => {
    let facts = running;
    for (let n = 2; n <= condensersAllowed; n++) {
      facts = [...facts, ...given(accountDecider, facts).when(register(`car-${n}`), inProcess(1)).facts];
    }
    given(accountDecider, facts)
      .when(register("car-17"), inProcess(1))
      .expectRefusal("condenser-limit-reached");
  });

  test("on an unknown account is refused", () => {
    given(accountDecider).when(register("car-0001"), inProcess(1)).expectRefusal("account-unknown");
  });
});
