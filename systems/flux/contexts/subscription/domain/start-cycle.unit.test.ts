import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Timer } from "@entente/core/model";
import { given } from "@entente/testkit";
import {
  accountId,
  command,
  december,
  decemberStart,
  inProcess,
  januaryStart,
  opened,
  running,
} from "./account.fixture.ts";
import { accountDecider } from "./account-decider.ts";
import { cyclesPerDecision } from "./start-cycle.ts";

const start = command("flux.start-cycle");

function timerAt(dueAt: number): Timer {
  return { name: "cycle", dueAt, type: "flux.start-cycle", data: { accountId } };
}

describe("starting a cycle", () => {
  test("when it is due yields one invoice line and one fresh quota, and sets the next timer", () => {
    given(accountDecider, running)
      .when(start, inProcess(1, decemberStart))
      .expectFacts([december])
      .expectTimers([timerAt(januaryStart)]);
  });

  test("a millisecond early records nothing and sets the same timer again", () => {
    given(accountDecider, running)
      .when(start, inProcess(1, decemberStart - 1))
      .expectFacts([])
      .expectTimers([timerAt(decemberStart)]);
  });

  test("a second time records nothing", () => {
    given(accountDecider, [...running, december])
      .when(start, inProcess(1, decemberStart))
      .expectFacts([])
      .expectTimers([timerAt(januaryStart)]);
  });

  test("of an unknown account is refused", () => {
    given(accountDecider).when(start, inProcess(1)).expectRefusal("account-unknown");
  });

  test("after months of silence bills each missed cycle once, without gap or overlap", () => {
    const facts = given(accountDecider, running)
      .when(start, inProcess(1, Date.parse("2027-03-15T00:00:00Z")))
      .expectTimers([timerAt(Date.parse("2027-03-31T22:00:00Z"))]).facts;
    const lines = facts.map((fact) => (fact.data as typeof december.data).planInvoice.lineId);
    assert.deepEqual(
      lines,
      ["2026-12", "2027-01", "2027-02", "2027-03"].map((month) => `${accountId}:${month}:plan`),
    );
    for (const [index, fact] of facts.entries()) {
      const endBefore = index === 0 ? decemberStart : facts[index - 1]!.data.endsAt;
      assert.equal(fact.data.startsAt, endBefore);
    }
  });

  test("after more silence than one decision covers goes on at once", () => {
    const now = Date.parse("2040-01-01T00:00:00Z");
    const first = given(accountDecider, running).when(start, inProcess(1, now));
    assert.equal(first.facts.length, cyclesPerDecision);
    const last = first.facts.at(-1)!.data.endsAt as number;
    assert.ok(last < now);
    first.expectTimers([timerAt(last)]);
    const rest = given(accountDecider, [...running, ...first.facts]).when(start, inProcess(1, now)).facts;
    assert.equal(rest[0]!.data.startsAt, last);
    assert.equal(rest.at(-1)!.data.cycle, "2040-01");
  });

  test("between the two facts that open an account records nothing", () => {
    given(accountDecider, [opened]).when(start, inProcess(1, decemberStart)).expectFacts([]);
  });
});
