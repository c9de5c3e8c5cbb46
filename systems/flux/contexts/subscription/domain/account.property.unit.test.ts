import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, type Fact, isRefusal } from "@entente/core/model";
import fc from "fast-check";
import { Value } from "typebox/value";
import { type BalanceDebited, balanceDebited } from "../contract/balance-debited.ts";
import type { CycleStarted } from "../contract/cycle-started.ts";
import { type QuotaDebitUndone, quotaDebitUndone } from "../contract/quota-debit-undone.ts";
import type { UndoQuotaDebit } from "../contract/undo-quota-debit.ts";
import { topUpUndone } from "../contract/undo-top-up.ts";
import { command, inProcess, noon, orderOf, running, topUpOf, undoOf } from "./account.fixture.ts";
import type { AccountState, OpenAccountState } from "./account.ts";
import { accountDecider } from "./account-decider.ts";

/** Put the printed number here to run a failure again. */
const seed = Math.floor(Math.random() * 2 ** 31);
const options = { seed, numRuns: 200 } as const;

const dayMs = 86_400_000;

/** One thing that happens to the account; `later` days after the one before. */
interface Happening {
  readonly later: number;
  readonly what: "top-up" | "undo" | "start-cycle" | "change-plan";
  readonly units: number;
  /** For undo: how many debits back. */
  readonly back: number;
  readonly planId: string;
}

const happenings = fc.array(
  fc.record<Happening>({
    later: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(70) }),
    what: fc.constantFrom("top-up", "top-up", "top-up", "undo", "undo", "start-cycle", "change-plan"),
    units: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constantFrom(99, 100, 101, 10_000, 10_001)),
    back: fc.oneof(fc.nat(3), fc.nat(25)),
    planId: fc.constantFrom("commuter", "voyager", "fleet", "gold"),
  }),
  { maxLength: 80 },
);

const figure = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 120 }) },
  { weight: 1, arbitrary: fc.integer({ min: -2, max: 5_000 }) },
  { weight: 1, arbitrary: fc.oneof(fc.double(), fc.maxSafeInteger()) },
);

/** What an undo may claim about a debit that never was. */
const claims = fc.record<UndoQuotaDebit["debit"]>({
  cycle: fc.constantFrom("2026-10", "2026-11", "2026-12", "2027-01", "2029-01"),
  fundedFromQuota: figure,
  fundedOnDemand: figure,
  onDemandAmountMinor: figure,
});

interface Run {
  readonly facts: readonly Fact[];
  readonly state: AccountState;
}

function run(script: readonly Happening[]): Run {
  let state = running.reduce(accountDecider.evolve, accountDecider.initial);
  const facts = [...running];
  let now = noon;
  for (const [n, happening] of script.entries()) {
    now += happening.later * dayMs;
    const entry = toCommand(happening, facts, now);
    if (entry === null) continue;
    const decision = accountDecider.decide(state, entry, inProcess(n, now));
    if (isRefusal(decision)) continue;
    facts.push(...decision.facts);
    state = decision.facts.reduce(accountDecider.evolve, state);
  }
  return { facts, state };
}

/** Null when there is no debit yet that could be undone. */
function toCommand(
  { what, units, back, planId }: Happening,
  facts: readonly Fact[],
  now: number,
): Entry | null {
  switch (what) {
    case "top-up":
      return topUpOf(units, now);
    case "undo": {
      const earlier = debits(facts);
      const debit = earlier[Math.max(0, earlier.length - 1 - back)];
      return debit === undefined ? null : undoOf(debit);
    }
    case "start-cycle":
      return command("flux.start-cycle", {}, now);
    case "change-plan":
      return command("flux.change-plan", { planId }, now);
  }
}

function debits(facts: readonly Fact[]): readonly BalanceDebited[] {
  return facts
    .filter((fact) => fact.type === "flux.balance-debited")
    .map((fact) => fact.data as BalanceDebited);
}

function undos(facts: readonly Fact[]): readonly QuotaDebitUndone[] {
  return facts
    .filter((fact) => fact.type === "flux.quota-debit-undone")
    .map((fact) => fact.data as QuotaDebitUndone);
}

function cycles(facts: readonly Fact[]): readonly CycleStarted[] {
  return facts.filter((fact) => fact.type === "flux.cycle-started").map((fact) => fact.data as CycleStarted);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function always(holds: (outcome: Run) => void): void {
  fc.assert(
    fc.property(happenings, (script) => holds(run(script))),
    options,
  );
}

describe(`whatever happens to an account (seed ${seed})`, () => {
  test("a cycle's quota pays for no more than the quota, net of what was given back", () => {
    always(({ facts }) => {
      for (const { cycle, quotaUnits } of cycles(facts)) {
        const taken = debits(facts).filter((debit) => debit.cycle === cycle);
        const given = undos(facts).filter((undo) => undo.cycle === cycle);
        const net =
          sum(taken.map((debit) => debit.fundedFromQuota)) - sum(given.map((undo) => undo.restoredToQuota));
        assert.ok(net >= 0 && net <= quotaUnits, `${net} of ${quotaUnits} in ${cycle}`);
      }
    });
  });

  test("every debit is split without rest, on demand only when the quota is used up", () => {
    always(({ facts }) => {
      for (const debit of debits(facts)) {
        assert.equal(debit.fundedFromQuota + debit.fundedOnDemand, debit.units);
        assert.ok(debit.quotaRemaining >= 0);
        assert.ok(debit.fundedOnDemand === 0 || debit.quotaRemaining === 0);
        assert.ok(Number.isSafeInteger(debit.onDemandMinor));
      }
    });
  });

  test("a debit is undone at most once, and for exactly what it took", () => {
    always(({ facts }) => {
      const undone = undos(facts);
      assert.equal(new Set(undone.map((undo) => undo.undoneProcessId)).size, undone.length);
      for (const undo of undone) {
        const debit = debits(facts).find((candidate) => candidate.processId === undo.undoneProcessId)!;
        assert.equal(undo.restoredToQuota + undo.lapsedFromQuota, debit.fundedFromQuota);
        assert.equal(undo.undoneOnDemand, debit.fundedOnDemand);
        assert.equal(undo.creditedMinor, debit.onDemandAmountMinor);
      }
    });
  });

  test("a debit that was not undone can be, however old it is", () => {
    always(({ facts, state }) => {
      const undone = new Set(undos(facts).map((undo) => undo.undoneProcessId));
      for (const debit of debits(facts)) {
        if (undone.has(debit.processId)) continue;
        const [undo] = acceptedFacts(state, undoOf(debit), 100);
        const { restoredToQuota, lapsedFromQuota } = undo!.data as QuotaDebitUndone;
        const running = debit.cycle === (state as OpenAccountState).cycle.month;
        assert.deepEqual(
          [restoredToQuota, lapsedFromQuota],
          running ? [debit.fundedFromQuota, 0] : [0, debit.fundedFromQuota],
        );
      }
    });
  });

  test("an undo with made-up figures never leaves a balance that cannot be", () => {
    fc.assert(
      fc.property(happenings, claims, (script, claim) => {
        const { state } = run(script);
        const decision = accountDecider.decide(state, undoOf(balanceDebited.example, claim), inProcess(99));
        if (isRefusal(decision)) {
          assert.equal(decision.code, "debit-unknown");
          return;
        }
        const { cycle } = decision.facts.reduce(accountDecider.evolve, state) as OpenAccountState;
        assert.ok(cycle.quotaRemaining >= 0 && cycle.quotaRemaining <= cycle.quotaUnits);
        assert.ok(cycle.usedUnits >= 0 && cycle.onDemandMinor >= 0);
        for (const fact of decision.facts) {
          assert.deepEqual([...Value.Errors(quotaDebitUndone.schema, fact.data)], []);
        }
      }),
      options,
    );
  });

  test("each month is started and billed once, in order", () => {
    always(({ facts }) => {
      const months = cycles(facts).map((cycle) => cycle.cycle);
      assert.deepEqual(months, [...new Set(months)].sort());
      assert.equal(
        new Set(cycles(facts).map((cycle) => cycle.planInvoice.lineId)).size,
        cycles(facts).length,
      );
    });
  });

  test("replaying its facts from the journal gives the state that was stored", () => {
    always(({ facts, state }) => {
      const read = JSON.parse(JSON.stringify(facts)) as readonly Fact[];
      assert.deepEqual(read.reduce(accountDecider.evolve, accountDecider.initial), state);
    });
  });

  test("a top-up that an operator undoes is to the account as if it never was, whatever happens meanwhile in its cycle", () => {
    const meanwhile = happenings.map((script) =>
      script.flatMap((one) => (one.what === "top-up" ? [] : [{ ...one, later: 0 }])),
    );
    fc.assert(
      fc.property(happenings, meanwhile, fc.integer({ min: 1, max: 10_000 }), (script, between, units) => {
        const before = run(script);
        const at = (before.state as OpenAccountState).cycle.endsAt - 1;
        const [debit] = acceptedFacts(before.state, topUpOf(units, at), 98);
        const after = (facts: readonly Fact[]) =>
          between.reduce(
            (so, happening, n) => {
              // Which debit is undone must not depend on whether there is one more.
              const entry = toCommand(happening, before.facts, at);
              if (entry === null) return so;
              const decision = accountDecider.decide(so, entry, inProcess(200 + n, at));
              return isRefusal(decision) ? so : decision.facts.reduce(accountDecider.evolve, so);
            },
            facts.reduce(accountDecider.evolve, before.state),
          ) as OpenAccountState;
        const without = after([]);
        const withIt = after([debit!]);
        const [undo, told] = acceptedFacts(withIt, orderOf(debit!.data as BalanceDebited), 99);
        const state = accountDecider.evolve(withIt, undo!) as OpenAccountState;
        assert.deepEqual(state.cycle, without.cycle);
        assert.deepEqual([...Value.Errors(topUpUndone.schema, told!.data)], []);
      }),
      options,
    );
  });

  test("a top-up and its undo at once leave the balance as before", () => {
    fc.assert(
      fc.property(happenings, fc.integer({ min: 1, max: 10_000 }), (script, units) => {
        const before = run(script).state as OpenAccountState;
        const at = before.cycle.endsAt - 1;
        const [debit] = acceptedFacts(before, topUpOf(units, at), 99);
        const debited = accountDecider.evolve(before, debit!);
        const [undo] = acceptedFacts(debited, undoOf(debit!.data as BalanceDebited), 100);
        const after = accountDecider.evolve(debited, undo!) as OpenAccountState;
        assert.deepEqual(after.cycle, before.cycle);
      }),
      options,
    );
  });
});

function acceptedFacts(state: AccountState, entry: Entry, n: number): readonly Fact[] {
  const decision = accountDecider.decide(state, entry, inProcess(n, entry.occurredAt));
  if (isRefusal(decision)) assert.fail(`refused: ${decision.code}`);
  return decision.facts;
}
