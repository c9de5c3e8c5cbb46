import assert from "node:assert/strict";
import { test } from "node:test";
import type { SystemDefinition } from "../context/definition.ts";
import type { Decider } from "../model/decider.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";

const bed = await openTestBed();

/** Reminds of bills; its messages are at other versions than anybody else's. */
const bills: Decider<{ readonly bills: number }> = {
  name: "bills",
  commands: {
    "bank.bill": { parking: "step-aside", schemaVersion: "3.1.0" },
    "bank.dun": { parking: "step-aside", schemaVersion: "4.0.0" },
  },
  facts: [
    { type: "bank.billed", schemaVersion: "2.3.0" },
    { type: "bank.dunned", schemaVersion: "5.0.1" },
    { type: "bank.bill-refused", schemaVersion: "1.7.0" },
  ],
  refusalType: "bank.bill-refused",
  initial: { bills: 0 },
  decide(state, command) {
    const { facts, timer, refuse } = command.data as { facts?: string[]; timer?: string; refuse?: boolean };
    if (refuse === true) return { refused: true, code: "no-bill", reason: "There is nothing to bill." };
    const given = facts ?? ["bank.dunned"];
    const data = { bills: state.bills + 1 };
    const timers = timer === undefined ? [] : [{ name: "dun", dueAt: 1, type: timer, data: {} }];
    return { facts: given.map((type) => ({ type, data })), timers };
  },
  evolve: (state, fact) => ({ bills: Number(fact.data.bills ?? state.bills) }),
};

/** The bank with one more authority in its ledger. */
function bankWith(name: string, decider: Decider<never>): SystemDefinition {
  const { contexts } = bank(name);
  const and = { decider: decider as unknown as Decider<object>, commandsFrom: ["front"] };
  return {
    name,
    contexts: contexts.map((context) =>
      context.name === "ledger" ? { ...context, deciders: [...(context.deciders ?? []), and] } : context,
    ),
  };
}

test("facts, refusals and commands of timers carry the version that their contract declares", async () => {
  const name = bed.newName();
  const { system, happenings } = await bed.start(bankWith(name, bills as Decider<never>));
  await system.accept(submission("bill", "a-1", { facts: ["bank.billed"], timer: "bank.dun" }));
  await system.accept(submission("bill", "a-1", { facts: ["bank.billed"], timer: "bank.ring" }));
  await system.accept(submission("bill", "a-2", { facts: ["bank.billed"], timer: "bank.dun" }));
  await system.accept(submission("bill", "a-2", { refuse: true }));
  const written = () =>
    bed.sql<{ type: string; version: string }>(
      name,
      "ledger",
      "select distinct type, schema_version as version from entente.journal order by type",
    );
  await happenings.until("the timers have fired", async () => (await written()).length === 6);
  assert.deepEqual(
    (await written()).map(({ type, version }) => `${type} ${version}`),
    [
      "bank.bill-refused 1.7.0",
      "bank.billed 2.3.0",
      "bank.dun 4.0.0",
      "bank.dunned 5.0.1",
      // Decided by the other decider of the context, whose version it has.
      "bank.reminder-rung 1.0.0",
      "bank.ring 1.0.0",
    ],
  );
});

test("a fact or a timer's command that nobody declares puts its command aside, and only that one", async () => {
  const name = bed.newName();
  const { system, happenings } = await bed.start(bankWith(name, bills as Decider<never>), {
    settings: { retryAttempts: 1, retryFirstMs: 5 },
  });
  await system.accept(submission("bill", "a-1", { facts: ["bank.billed", "bank.unheard-of"] }));
  await system.accept(submission("bill", "a-2", { facts: ["bank.billed"], timer: "bank.unheard-of" }));
  await system.accept(submission("bill", "a-3", { facts: ["bank.billed"] }));
  await happenings.until(
    "two are parked and one is decided",
    async () =>
      happenings.count("parked") === 2 &&
      (await bed.sql(name, "ledger", "select 1 from entente.journal where type = 'bank.billed'")).length ===
        1,
  );
  assert.deepEqual(
    await bed.sql(name, "ledger", "select key, cause_code as code from entente.parked order by key"),
    [
      { key: "a-1", code: "fact-type-undeclared" },
      { key: "a-2", code: "command-type-unknown" },
    ],
  );
});
