import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Fact, Failure } from "@entente/core/model";
import { given } from "@entente/testkit";
import { command, december, inProcess, november, registered, running, topUpOf } from "./account.fixture.ts";
import { accountDecider } from "./account-decider.ts";

function fold(facts: readonly Fact[]) {
  return facts.reduce(accountDecider.evolve, accountDecider.initial);
}

function afterTopUps(count: number): readonly Fact[] {
  let facts = running;
  for (let n = 1; n <= count; n++) {
    const outcome = given(accountDecider, facts).when(topUpOf(7), inProcess(n));
    facts = [...facts, ...outcome.facts];
  }
  return facts;
}

function jsonBytes(facts: readonly Fact[]): number {
  return Buffer.byteLength(JSON.stringify(fold(facts)));
}

describe("the stored account", () => {
  test("survives the way through JSON", () => {
    const state = fold([...afterTopUps(20), december]);
    assert.deepEqual(JSON.parse(JSON.stringify(state)), state);
  });

  test("stays under 1 kB with ten recent debits and under 1.3 kB however many there were", () => {
    assert.ok(jsonBytes(afterTopUps(10)) < 1_024);
    assert.ok(jsonBytes(afterTopUps(200)) < 1_331);
  });

  test("is not touched by facts it does not know or of an account never opened", () => {
    const state = fold(running);
    assert.equal(accountDecider.evolve(state, { type: "flux.top-up-refused", data: {} }), state);
    assert.equal(fold([november, registered]), accountDecider.initial);
  });

  test("is never changed in place", () => {
    const state = fold(afterTopUps(16));
    const copy = structuredClone(state);
    const decision = accountDecider.decide(state, topUpOf(1), inProcess(17));
    assert.ok("facts" in decision);
    decision.facts.reduce(accountDecider.evolve, state);
    assert.deepEqual(state, copy);
  });
});

test("a command the account never listed is a defect", () => {
  assert.throws(
    () => accountDecider.decide(fold(running), command("flux.unheard-of"), inProcess(1)),
    (error) => error instanceof Failure && error.kind === "defect" && error.code === "command-not-decided",
  );
});
