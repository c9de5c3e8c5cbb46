import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Entry, type Fact, isRefusal } from "@entente/core/model";
import fc from "fast-check";
import { Value } from "typebox/value";
import type { BalanceDebited } from "../contract/balance-debited.ts";
import { subscriptionFacts } from "../contract/published-language.ts";
import type { QuotaAnswer, QuotaAsked, QuotaLent, QuotaRestored } from "../contract/quota-keeper.ts";
import {
  accountId,
  command,
  decemberStart,
  inProcess,
  noon,
  processId,
  running,
  topUpOf,
  undoOf,
} from "./account.fixture.ts";
import type { AccountState, OpenAccountState } from "./account.ts";
import { accountDecider } from "./account-decider.ts";
import { accountReducer } from "./account-reducer.ts";
import { isInShare, quotaShareDecider } from "./quota-share.ts";

/** Put the printed number here to run a failure again. */
const seed = Math.floor(Math.random() * 2 ** 31);

/** A share that leaves the account of these tests to the books, and one that takes it in. */
const theirs = 0;
const ours = 100;

type Note = { readonly n: number; readonly entry: Entry };

/**
 * The account and the books, with everything between them in the order in which the treaty keeps it: messages one after the other, and what
 * the account is told of them one after the other.
 */
class Dealings {
  state: AccountState = running.reduce(accountDecider.evolve, accountDecider.initial);
  readonly facts: { readonly n: number; readonly fact: Fact }[] = [];
  readonly messages: { readonly n: number; readonly fact: Fact }[] = [];
  readonly notes: Note[] = [];
  /** What really was decided over there, by top-up. */
  readonly decidedByBooks = new Map<string, number>();
  readonly decidedHere = new Set<string>();
  readonly refused: string[] = [];
  readonly books = { cycle: "2026-11", taken: 0, isHere: true };
  now = noon;

  decide(n: number, entry: Entry): void {
    const decision = accountDecider.decide(this.state, entry, inProcess(n, this.now));
    const facts: readonly Fact[] = isRefusal(decision)
      ? [{ type: accountDecider.refusalType, data: { code: decision.code, reason: decision.reason } }]
      : decision.facts;
    for (const fact of facts) {
      const schema = subscriptionFacts.find(({ type }) => type === fact.type)?.schema;
      assert.ok(schema !== undefined && Value.Check(schema, fact.data), JSON.stringify(fact));
      this.facts.push({ n, fact });
      this.state = accountDecider.evolve(this.state, fact);
      if (/quota-(asked|lent|recalled|restored)$/.test(fact.type)) this.messages.push({ n, fact });
      if (fact.type === "flux.top-up-refused") this.refused.push(processId(n));
    }
    const answered = facts.find(({ type }) => type === "flux.quota-answered")?.data as
      | { answer?: QuotaAnswer }
      | undefined;
    for (const { type } of facts) {
      if (type === "flux.balance-debited" && answered?.answer !== "taken") this.decidedHere.add(processId(n));
    }
  }

  /** The oldest message arrives over there and is answered. */
  deliver(): void {
    const next = this.messages.shift();
    if (next === undefined) return;
    const { n, fact } = next;
    const { books } = this;
    const told = (type: string, data: object) =>
      this.notes.push({ n, entry: command(type, data as never, this.now) });
    const { cycle } = fact.data as { cycle: string };
    if (books.isHere && cycle > books.cycle) Object.assign(books, { cycle, taken: 0 });
    switch (fact.type) {
      case "flux.quota-lent":
        assert.ok(books.isHere, "nothing is lent twice");
        books.taken = (fact.data as QuotaLent).takenUnits;
        return;
      case "flux.quota-restored":
        assert.ok(books.isHere, "nothing is restored where nothing is kept");
        if (cycle === books.cycle) books.taken -= (fact.data as QuotaRestored).units;
        return;
      case "flux.quota-recalled":
        books.isHere = false;
        told("flux.note-quota-return", { accountId, cycle: books.cycle, takenUnits: books.taken });
        return;
      default: {
        const asked = fact.data as QuotaAsked;
        if (!books.isHere)
          return void told("flux.note-quota-answer", { ...asked, answer: "not-here", fundedFromQuota: 0 });
        const left = cycle === books.cycle ? Math.max(0, asked.quotaUnits - books.taken) : 0;
        const fundedFromQuota = Math.min(asked.units, left);
        if (cycle === books.cycle) books.taken += fundedFromQuota;
        this.decidedByBooks.set(asked.processId, fundedFromQuota);
        told("flux.note-quota-answer", { ...asked, answer: "taken", fundedFromQuota });
      }
    }
  }

  hear(): void {
    const next = this.notes.shift();
    if (next !== undefined) this.decide(next.n, next.entry);
  }

  finish(): void {
    while (this.messages.length + this.notes.length > 0) {
      this.deliver();
      this.hear();
    }
  }

  debits(): BalanceDebited[] {
    return this.facts.flatMap(({ fact }) =>
      fact.type === "flux.balance-debited" ? [fact.data as BalanceDebited] : [],
    );
  }

  get open(): OpenAccountState {
    assert.ok(this.state.opened);
    return this.state;
  }
}

/** The facts folded as an auditor's replay does, and what it finds. */
function replay(facts: readonly Fact[]) {
  let state = accountReducer.initial;
  let last: Entry | undefined;
  const findings: string[] = [];
  for (const [n, { type, data }] of facts.entries()) {
    last = { ...command(type, data as never), kind: "event", keyVersion: n + 1 };
    const step = accountReducer.steps[type]?.[1];
    if (step === undefined) findings.push(`${type} has no reducer`);
    else {
      const said = step.disagrees?.(state, last) ?? null;
      if (said !== null) findings.push(said);
      state = step.evolve(state, last);
    }
  }
  return { findings, balance: last && accountReducer.outcome(state, facts.length, last) };
}

const place = (sharePercent: number) => command("flux.place-quota", { sharePercent });

describe("the keeper of a quota", () => {
  test("an account that is lent asks the books, and debits what they answer", () => {
    const dealings = new Dealings();
    dealings.decide(1, topUpOf(30));
    dealings.decide(2, place(theirs));
    dealings.decide(3, topUpOf(90));
    assert.equal(dealings.debits().length, 1, "nothing is debited before they have answered");
    dealings.finish();
    const [, debit] = dealings.debits();
    assert.deepEqual(
      [debit?.fundedFromQuota, debit?.fundedOnDemand, debit?.onDemandAmountMinor],
      [70, 20, 500],
    );
    assert.deepEqual([dealings.open.cycle.quotaRemaining, dealings.open.cycle.usedUnits], [0, 120]);
  });

  test("what reaches the books after the recall is not here: it is decided here, once, on what they returned", () => {
    const dealings = new Dealings();
    dealings.decide(1, place(theirs));
    dealings.decide(2, topUpOf(60));
    dealings.decide(3, place(ours));
    dealings.decide(4, topUpOf(60));
    assert.equal(dealings.debits().length, 0);
    dealings.finish();
    assert.deepEqual(
      dealings.debits().map(({ processId: id, fundedFromQuota }) => [id, fundedFromQuota]),
      [
        [processId(2), 60],
        [processId(4), 40],
      ],
    );
    assert.deepEqual(
      [...dealings.decidedByBooks.keys(), "|", ...dealings.decidedHere],
      [processId(2), "|", processId(4)],
    );
    dealings.decide(5, topUpOf(1));
    assert.equal(dealings.debits().length, 3, "then nobody is asked");
  });

  test("an answer that comes when the cycle is over leaves the running one as it is", () => {
    const dealings = new Dealings();
    dealings.decide(1, place(theirs));
    dealings.decide(2, topUpOf(60));
    dealings.now = decemberStart;
    dealings.decide(3, command("flux.start-cycle", {}, decemberStart));
    dealings.finish();
    const [debit] = dealings.debits();
    assert.deepEqual([debit?.cycle, debit?.fundedFromQuota, debit?.quotaRemaining], ["2026-11", 60, 100]);
    assert.equal(dealings.open.cycle.usedUnits, 0);
  });

  test("questions under way count against the on-demand limit before they are answered", () => {
    const dealings = new Dealings();
    dealings.decide(1, place(theirs));
    dealings.decide(2, topUpOf(10_000));
    dealings.decide(3, topUpOf(10_000));
    const [one, two] = dealings.facts.flatMap(({ fact }) =>
      fact.type === "flux.quota-asked" ? [fact.data as QuotaAsked] : [],
    );
    assert.equal((one?.onDemandUnitsAllowed ?? 0) - (two?.onDemandUnitsAllowed ?? 0), 10_000);
    dealings.finish();
    assert.equal(dealings.open.keeper?.askedUnits, 0);
  });

  for (const [answer, code] of [
    ["exceeded", "on-demand-limit-reached"],
    ["unanswered", "quota-unanswered"],
  ] as const) {
    test(`a question that is ${answer} refuses its top-up, and the answer stands on record`, () => {
      const dealings = new Dealings();
      dealings.decide(1, place(theirs));
      dealings.decide(2, topUpOf(5));
      const asked = dealings.messages.at(-1)?.fact.data;
      dealings.decide(2, command("flux.note-quota-answer", { ...asked, answer, fundedFromQuota: 0 }));
      const [answered, refusal] = dealings.facts.slice(-2).map(({ fact }) => fact);
      assert.equal(answered?.data.answer, answer);
      assert.equal(refusal?.data.code, code);
      assert.equal(dealings.debits().length, 0);
    });
  }

  test("evidence of a debit whose parts are not its units does not replay", () => {
    const dealings = new Dealings();
    dealings.decide(1, place(theirs));
    dealings.decide(2, topUpOf(60));
    dealings.finish();
    const facts = [...running, ...dealings.facts.map(({ fact }) => fact)];
    assert.deepEqual(replay(facts).findings, []);
    const altered = facts.map((fact) =>
      fact.type === "flux.balance-debited" ? { ...fact, data: { ...fact.data, fundedFromQuota: 59 } } : fact,
    );
    assert.deepEqual(replay(altered).findings, ["Of 60 units it takes 59 from the quota and 0 on demand."]);
  });

  test("not here is no answer while, for all we know, the books keep the quota", () => {
    const dealings = new Dealings();
    dealings.decide(1, place(theirs));
    dealings.decide(2, topUpOf(5));
    const asked = dealings.messages.at(-1)?.fact.data;
    const note = command("flux.note-quota-answer", { ...asked, answer: "not-here", fundedFromQuota: 0 });
    assert.throws(() => dealings.decide(2, note), { code: "quota-not-returned", kind: "unavailable" });
  });

  test(`whatever happens in whatever order, each top-up is decided in one place, and the quota is spent once (seed ${seed})`, () => {
    let moved = 0;
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom(
          "top-up",
          "top-up",
          "undo",
          "deliver",
          "deliver",
          "hear",
          "hear",
          "recall",
          "cycle",
          "entitle",
        ),
        units: fc.integer({ min: 1, max: 60 }),
        back: fc.nat(5),
      }),
      { minLength: 10, maxLength: 120 },
    );
    fc.assert(
      fc.property(steps, fc.nat(30), (script, lendAt) => {
        const dealings = new Dealings();
        let asked = 0;
        for (const [n, { what, units, back }] of script.entries()) {
          if (n === lendAt) dealings.decide(1_000, place(theirs));
          if (what === "top-up") {
            asked++;
            dealings.decide(n + 1, topUpOf(units, dealings.now));
          } else if (what === "undo") {
            const debit = dealings.debits().at(-1 - back);
            // Of whoever undid it: a refusal of an undo says nothing of a top-up.
            if (debit !== undefined && !dealings.open.undone.includes(debit.processId))
              dealings.decide(2_000 + n, undoOf(debit));
          } else if (what === "deliver") dealings.deliver();
          else if (what === "hear") dealings.hear();
          else if (what === "recall") dealings.decide(3_000 + n, place(ours));
          else if (what === "entitle") {
            // A quota that grows: one that shrinks below what is taken is another property's.
            const monthlyQuotaUnits = dealings.open.cycle.quotaUnits + units;
            const entitlement = { planId: "commuter", monthlyQuotaUnits, isActive: true };
            dealings.decide(4_000 + n, command("flux.follow-entitlement", entitlement, dealings.now));
          } else if (back === 0) {
            dealings.now = dealings.open.cycle.endsAt;
            dealings.decide(5_000 + n, command("flux.start-cycle", {}, dealings.now));
          }
        }
        dealings.finish();
        const debits = dealings.debits();
        const ids = debits.map(({ processId: id }) => id);
        assert.equal(new Set(ids).size, ids.length, "none is debited twice");
        assert.equal(ids.length, asked, "none is lost");
        assert.deepEqual(
          [...dealings.decidedByBooks.keys(), ...dealings.decidedHere].toSorted(),
          ids.toSorted(),
        );
        for (const { processId: id, fundedFromQuota } of debits) {
          const theirFigure = dealings.decidedByBooks.get(id);
          if (theirFigure !== undefined) assert.equal(fundedFromQuota, theirFigure);
        }
        const { cycle, keeper } = dealings.open;
        const undone = new Set(
          dealings.facts.flatMap(({ fact }) =>
            fact.type === "flux.quota-debit-undone"
              ? [(fact.data as { undoneProcessId: string }).undoneProcessId]
              : [],
          ),
        );
        const taken = debits
          .filter((one) => one.cycle === cycle.month && !undone.has(one.processId))
          .reduce((sum, { fundedFromQuota }) => sum + fundedFromQuota, 0);
        assert.equal(cycle.quotaRemaining, cycle.quotaUnits - taken, "what is left is what was not taken");
        assert.equal(keeper?.askedUnits ?? 0, 0);
        const replayed = replay([...running, ...dealings.facts.map(({ fact }) => fact)]);
        assert.deepEqual(replayed.findings, [], "and its evidence can be replayed");
        const { quotaRemaining, usedUnits, onDemandMinor } = replayed.balance ?? {};
        assert.deepEqual(
          [quotaRemaining, usedUnits, onDemandMinor],
          [cycle.quotaRemaining, cycle.usedUnits, cycle.onDemandMinor],
        );
        if (keeper?.at === "here" && dealings.decidedByBooks.size > 0 && dealings.decidedHere.size > 0)
          moved++;
      }),
      { seed, numRuns: 500 },
    );
    assert.ok(moved > 50, `only ${moved} runs decided in both places`);
  });
});

describe("the share", () => {
  const decide = (state: { sharePercent: number | null }, sharePercent: number) =>
    quotaShareDecider.decide(state, command("flux.move-quota-share", { sharePercent }), inProcess(1));

  test("rises only; the first word may be any, and the same word is told again", () => {
    assert.ok(!isRefusal(decide({ sharePercent: null }, 0)));
    assert.ok(!isRefusal(decide({ sharePercent: 50 }, 50)));
    const falls = decide({ sharePercent: 50 }, 49);
    assert.ok(isRefusal(falls));
    assert.equal(falls.code, "quota-share-falls");
  });

  test("takes in about as many accounts as it says, and never lets one out again", () => {
    const accounts = Array.from({ length: 10_000 }, (_, n) => `acct-${n}`);
    let before = new Set<string>();
    for (const share of [0, 1, 10, 50, 99, 100]) {
      const inside = new Set(accounts.filter((one) => isInShare("demo", one, share)));
      assert.ok([...before].every((one) => inside.has(one)));
      assert.ok(Math.abs(inside.size / 100 - share) < 2, `${inside.size} of 10,000 for ${share} %`);
      before = inside;
    }
    // Stable for ever: programs of different releases must agree.
    assert.deepEqual(
      accounts.slice(0, 8).map((one) => isInShare("demo", one, 50)),
      firstEight,
    );
  });
});

const firstEight = [false, true, false, true, false, true, true, true];
