import assert from "node:assert/strict";
import { test } from "node:test";
import { type Decider, type Fact, timeOfId } from "@entente/core/model";
import { given } from "./given.ts";

interface Account {
  readonly units: number;
  readonly refusals: number;
}

const account: Decider<Account> = {
  name: "account",
  commands: {
    "test.debit": { parking: "hold-key", schemaVersion: "1.2.0" },
    "test.describe": { parking: "step-aside", schemaVersion: "1.0.0" },
  },
  facts: ["test.credited", "test.debited", "test.described", "test.debit-refused"].map((type) => ({
    type,
    schemaVersion: "1.0.0",
  })),
  refusalType: "test.debit-refused",
  initial: { units: 0, refusals: 0 },
  decide(state, command, context) {
    if (command.type === "test.describe") {
      const { id, schemaVersion, tenantId, key, processId, customerId } = command;
      const { now, version } = context;
      return {
        facts: [
          {
            type: "test.described",
            data: { id, schemaVersion, tenantId, key, processId, customerId, now, version },
          },
        ],
      };
    }
    const units = Number(command.data.units);
    if (units > state.units) {
      return {
        refused: true,
        code: "quota-exceeded",
        reason: "Not enough units are left.",
        fields: { left: state.units },
      };
    }
    return {
      facts: [debited(units)],
      timers: [{ name: "expiry", dueAt: context.now + 1000, type: "test.expire", data: {} }],
    };
  },
  evolve(state, fact) {
    if (fact.type === "test.credited") return { ...state, units: state.units + Number(fact.data.units) };
    if (fact.type === "test.debited") return { ...state, units: state.units - Number(fact.data.units) };
    if (fact.type === "test.debit-refused") return { ...state, refusals: state.refusals + 1 };
    return state;
  },
};

const credited = (units: number): Fact => ({ type: "test.credited", data: { units } });
const debited = (units: number): Fact => ({ type: "test.debited", data: { units } });
const debit = (units: number) => ({ type: "test.debit", data: { units } });

test("facts, timers and state follow from given facts and a command", () => {
  given(account, [credited(5), credited(3)])
    .when(debit(8), { now: 1_000 })
    .expectFacts([debited(8)])
    .expectTimers([{ name: "expiry", dueAt: 2_000, type: "test.expire", data: {} }])
    .expectState({ units: 0, refusals: 0 });
});

test("a refusal has its code and fields, and its fact reaches the state as in the runtime", () => {
  given(account, [credited(5)])
    .when(debit(6))
    .expectRefusal("quota-exceeded")
    .expectRefusal("quota-exceeded", { left: 5 })
    .expectState({ units: 5, refusals: 1 });
});

test("a story goes on, command by command, on the facts decided so far", () => {
  const story = given(account, [credited(5)])
    .when(debit(2), { now: 10_000, key: "key-7" })
    .and(debit(2))
    .expectState({ units: 1, refusals: 0 })
    .and(debit(2))
    .expectRefusal("quota-exceeded")
    .and({ type: "test.describe" });
  const { data } = story.facts[0]!;
  assert.deepStrictEqual([data.now, data.key, data.version], [10_000, "key-7", 4]);
});

test("what a test leaves unsaid is the same in every run", () => {
  const seen = () => given(account).when({ type: "test.describe" }).facts[0]?.data;
  assert.deepStrictEqual(seen(), seen());
  assert.deepStrictEqual(seen(), {
    id: "019b76da-a800-7000-8000-000000000003",
    schemaVersion: "1.0.0",
    tenantId: "tenant-1",
    key: "key-1",
    processId: "019b76da-a800-7000-8000-000000000002",
    customerId: null,
    now: Date.UTC(2026, 0, 1),
    version: 0,
  });
  assert.equal(timeOfId(String(seen()?.id)), Date.UTC(2026, 0, 1));
});

test("parts of the entry can be said, and follow the context otherwise", () => {
  const { data } = given(account).when({ type: "test.describe", customerId: "c-1" }, { tenantId: "t-9" })
    .facts[0]!;
  assert.deepStrictEqual([data.customerId, data.tenantId], ["c-1", "t-9"]);
});

test("awaiting an outcome gives the outcome: it is not a promise", async () => {
  const outcome = given(account, [credited(1)]).when(debit(1));
  assert.equal(await outcome, outcome);
});

test("failed expectations show what was decided instead", () => {
  const happy = given(account, [credited(5)]).when(debit(1));
  const refused = given(account).when(debit(1));
  assert.throws(() => happy.expectFacts([debited(2)]), /units: 1[\s\S]*units: 2/);
  assert.throws(() => happy.expectFacts([]), /test\.debited/);
  assert.throws(() => happy.expectRefusal("quota-exceeded"), /test\.debited[\s\S]*quota-exceeded/);
  assert.throws(() => happy.expectTimers([]), /expiry/);
  assert.throws(() => happy.expectState({ units: 9, refusals: 0 }), /units: 4[\s\S]*units: 9/);
  assert.throws(() => refused.expectFacts([]), /quota-exceeded/);
  assert.throws(() => refused.expectTimers([]), /quota-exceeded/);
  assert.throws(() => refused.expectRefusal("account-closed"), /quota-exceeded[\s\S]*account-closed/);
  assert.throws(() => refused.expectRefusal("quota-exceeded", { left: 3 }), /left: 0[\s\S]*left: 3/);
});

test("a command the runtime would not deliver is refused with the list of those it would", () => {
  assert.throws(
    () => given(account).when({ type: "test.credit" }),
    /never be given test\.credit: it lists test\.debit/,
  );
});

test("a fact that the decider does not declare is caught: the runtime would put its command aside", () => {
  const facts = account.facts.filter(({ type }) => type !== "test.debited");
  assert.throws(
    () => given({ ...account, facts }, [credited(5)]).when(debit(5)),
    /account records test\.debited, which is not among its facts/,
  );
});

test("a decider that changes its state in place is caught", () => {
  const careless: Decider<{ seen: number[] }> = {
    ...account,
    initial: { seen: [] },
    customerOf: () => null,
    decide: () => ({ facts: [credited(1)] }),
    evolve: (state) => {
      state.seen.push(1);
      return state;
    },
  };
  assert.throws(() => given(careless).when(debit(1)), TypeError);
});

test("a decider that decides by chance is caught", () => {
  let chance = 0;
  const gambler: Decider<Account> = { ...account, decide: () => ({ facts: [credited(chance++)] }) };
  assert.throws(() => given(gambler).when(debit(1)), /not a pure function/);
});
