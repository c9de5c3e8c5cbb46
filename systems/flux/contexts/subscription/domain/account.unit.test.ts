import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, type Fact, Failure } from "@entente/core/model";
import { given } from "@entente/testkit";
import type { BalanceDebited } from "../contract/balance-debited.ts";
import {
  command,
  december,
  inProcess,
  november,
  registered,
  running,
  topUpOf,
  undoOf,
} from "./account.fixture.ts";
import type { AccountState } from "./account.ts";
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

/** As many top-ups, each undone. */
function afterUndos(count: number): readonly Fact[] {
  let facts = running;
  for (let n = 1; n <= count; n++) {
    const [debit] = given(accountDecider, facts).when(topUpOf(7), inProcess(n)).facts;
    const debited = [...facts, debit!];
    const undo = undoOf(debit!.data as BalanceDebited);
    facts = [...debited, ...given(accountDecider, debited).when(undo, inProcess(n)).facts];
  }
  return facts;
}

function acceptedFacts(state: AccountState, entry: Entry): readonly Fact[] {
  const decision = accountDecider.decide(state, entry, inProcess(65));
  assert.ok("facts" in decision);
  return decision.facts;
}

function jsonBytes(facts: readonly Fact[]): number {
  return Buffer.byteLength(JSON.stringify(fold(facts)));
}

describe("the stored account", () => {
  test("survives the way through JSON", () => {
    const state = fold([...afterUndos(2), december]);
    assert.deepEqual(JSON.parse(JSON.stringify(state)), state);
  });

  // Measured: 377 bytes before the first top-up, 382 after 200 (only its figures have more digits).
  test("stays under 0.4 kB however many top-ups there were", () => {
    assert.ok(jsonBytes(afterTopUps(200)) < 400);
  });

  // Measured: 39 bytes per undo, 2,872 bytes in all with 64.
  test("grows with undos only, and stays under 3 kB however many there were", () => {
    assert.equal(jsonBytes(afterUndos(2)) - jsonBytes(afterUndos(1)), 39);
    assert.equal(jsonBytes(afterUndos(200)), jsonBytes(afterUndos(64)));
    assert.ok(jsonBytes(afterUndos(200)) < 3_000);
  });

  // Measured: 20 bytes once and 71 per charge; 4,563 with 64.
  test("grows with charges that went back, and stays under 5 kB however many there were", () => {
    const back = (count: number): readonly Fact[] =>
      Array.from({ length: count }, (_, n) => {
        return { type: "flux.top-up-refund-failed", data: { processId: inProcess(n).processId } };
      });
    const bytes = (count: number): number => jsonBytes([...running, ...back(count)]) - jsonBytes(running);
    assert.equal(bytes(2) - bytes(1), 71);
    assert.equal(bytes(200), bytes(64));
    assert.ok(bytes(64) < 5_000);
  });

  test("is not touched by facts it does not know or of an account never opened", () => {
    const state = fold(running);
    assert.equal(accountDecider.evolve(state, { type: "flux.top-up-refused", data: {} }), state);
    assert.equal(fold([november, registered]), accountDecider.initial);
  });

  test("is never changed in place", () => {
    const state = fold(afterUndos(64));
    const copy = structuredClone(state);
    const [debit] = acceptedFacts(state, topUpOf(1));
    const debited = accountDecider.evolve(state, debit!);
    acceptedFacts(debited, undoOf(debit!.data as BalanceDebited)).reduce(accountDecider.evolve, debited);
    assert.deepEqual(state, copy);
  });
});

test("a command the account never listed is a defect", () => {
  assert.throws(
    () => accountDecider.decide(fold(running), command("flux.unheard-of"), inProcess(1)),
    (error) => error instanceof Failure && error.kind === "defect" && error.code === "command-not-decided",
  );
});
