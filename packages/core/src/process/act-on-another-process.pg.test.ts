/** A process about another one: an act in it changes what the other came to, and both stories have it. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { System } from "../context/system.ts";
import { gapsInStory } from "../fitness/gaps-in-story.ts";
import { type Decider, isRefusal } from "../model/decider.ts";
import type { ProcessDefinition } from "../model/process.ts";
import { accountDecider, bank, bankProcesses, submission } from "../testing/bank.fixture.ts";
import type { Happenings } from "../testing/happenings.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { readStories } from "./read-stories.ts";

const bed = await openTestBed();
const declared = (type: string) => ({ type, schemaVersion: "1.0.0" });

/** `bank.reverse` takes a deposit back: what became of the deposit is told in its process, the order in one of its own. */
const plain = accountDecider();
const reversing: typeof plain = {
  ...plain,
  commands: { ...plain.commands, "bank.reverse": { parking: "step-aside", schemaVersion: "1.0.0" } },
  facts: [...plain.facts, declared("bank.deposit-reversed"), declared("bank.reversed")],
  decide(state, command, context) {
    if (command.type !== "bank.reverse") return plain.decide(state, command, context);
    const { amount, of } = command.data;
    const taken = plain.decide(state, { ...command, type: "bank.withdraw" }, context);
    if (isRefusal(taken)) return taken;
    return {
      facts: [
        { type: "bank.deposit-reversed", data: { amount: -Number(amount) }, processId: String(of) },
        { type: "bank.reversed", data: { of: of ?? null, amount: 0 } },
      ],
    };
  },
};

const [deposit, ...others] = bankProcesses as [ProcessDefinition, ...ProcessDefinition[]];
const reversible: ProcessDefinition = {
  ...deposit,
  facts: [...deposit.facts, "bank.deposit-reversed"],
  apply: (view, fact) =>
    fact.type === "bank.deposit-reversed"
      ? { ...view, state: "failed", reason: { code: "reversed", message: "It was taken back." } }
      : deposit.apply(view, fact),
};
const reversal: ProcessDefinition = {
  type: "reversal",
  startedBy: "bank.reverse",
  delayedAfterMs: 15_000,
  facts: ["bank.reversed", "bank.refused"],
  apply: (view, { type }) => ({ ...view, state: type === "bank.reversed" ? "confirmed" : "failed" }),
  about: ({ type, data }) => (type === "bank.reverse" || type === "bank.reversed" ? String(data.of) : null),
};

let system: System;
let happenings: Happenings;

before(async () => {
  const definition = bank(bed.newName());
  const contexts = definition.contexts.map((context) => ({
    ...context,
    ...(context.intake === undefined
      ? {}
      : { intake: { processes: [reversible, reversal, ...others], factsFrom: ["ledger"] } }),
    ...(context.deciders === undefined
      ? {}
      : { deciders: [{ decider: reversing as Decider<object>, commandsFrom: ["front"] }] }),
  }));
  ({ system, happenings } = await bed.start({ ...definition, contexts }));
});

let accounts = 0;
const becomes = (processId: string, state: string) =>
  happenings.until(
    `${processId} is ${state}`,
    async () => (await system.processes.read("acme", processId))?.state === state,
  );

async function reversedDeposit(traceparent: string | null = null) {
  const key = `a-${++accounts}`;
  const said = { customerId: "cust-1", traceparent };
  const { processId: deposited } = await system.accept(submission("deposit", key, { amount: 5 }, said));
  await becomes(deposited, "confirmed");
  const order = { amount: 5, of: deposited, by: "olga", why: "a typing mistake" };
  const { processId: reversedBy } = await system.accept(submission("reverse", key, order));
  await becomes(reversedBy, "confirmed");
  await becomes(deposited, "failed");
  return { deposited, reversedBy };
}

test("a fact decided in one process moves the other; its cause stays the command, and its trace the other's own", async () => {
  const { deposited, reversedBy } = await reversedDeposit(
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  );
  const ledger = system.contexts.get("ledger");
  const rows = await ledger?.database.execute(
    `select type, process_id, causation_id, correlation_id, key_version::int as version, traceparent from entente.journal
     where causation_id = $1 order by seq`,
    [reversedBy],
  );
  const common = { causation_id: reversedBy, correlation_id: reversedBy, traceparent: null };
  assert.deepEqual(rows, [
    { type: "bank.deposit-reversed", process_id: deposited, version: 2, ...common },
    { type: "bank.reversed", process_id: reversedBy, version: 3, ...common },
  ]);
});

test("from the act's id one story tells who, why, what it is about, and all that became of both", async () => {
  const { deposited, reversedBy } = await reversedDeposit();
  const story = await system.timelines.read("acme", reversedBy, 100);
  assert.deepEqual(
    story?.steps.map(({ type, processId, depth }) => [type, processId, depth]),
    [
      ["bank.deposit", deposited, 0],
      ["bank.deposited", deposited, 1],
      ["bank.reverse", reversedBy, 0],
      ["bank.deposit-reversed", deposited, 1],
      ["bank.reversed", reversedBy, 1],
    ],
  );
  assert.deepEqual([story?.processId, story?.process?.type], [reversedBy, "reversal"]);
  assert.deepEqual([story?.about?.processId, story?.about?.reason?.code], [deposited, "reversed"]);
  const ordered = story?.steps.find(({ type }) => type === "bank.reverse");
  assert.deepEqual(ordered?.actor, { kind: "operator", name: "olga", why: "a typing mistake" });
  assert.deepEqual(story?.tookPart.people, ["olga"]);
  const seen = story?.steps.flatMap(({ type, customer }) =>
    customer === null ? [] : [`${type}: ${customer.state}`],
  );
  assert.deepEqual(seen, [
    "bank.deposit: queued",
    "bank.deposited: confirmed",
    "bank.reverse: queued",
    "bank.deposit-reversed: failed",
    "bank.reversed: confirmed",
  ]);
});

test("the story of what was changed has the command that changed it, and nothing else of that one", async () => {
  const { deposited, reversedBy } = await reversedDeposit();
  const story = await system.timelines.read("acme", deposited, 100);
  assert.deepEqual(
    story?.steps.map(({ type, processId, depth }) => [type, processId, depth]),
    [
      ["bank.deposit", deposited, 0],
      ["bank.deposited", deposited, 1],
      ["bank.reverse", reversedBy, 0],
      ["bank.deposit-reversed", deposited, 1],
    ],
  );
  assert.deepEqual([story?.about, story?.tookPart.people], [null, ["olga"]]);
  assert.equal(await system.timelines.read("rival", reversedBy, 100), null);
});

test("both stories are whole, and one that ended otherwise is counted as it ended", async () => {
  const { deposited, reversedBy } = await reversedDeposit();
  const stories = await readStories([...system.contexts.values()], "acme", [deposited, reversedBy], 100);
  for (const [id, { entries }] of stories) assert.deepEqual(gapsInStory(id, entries), [], id);
  const now = system.clock.now();
  const period = { from: now - 3_600_000, until: now + 60_000, resolution: "minute" } as const;
  const statistics = await system.statistics.read({
    tenantId: "acme",
    types: ["deposit", "reversal"],
    ...period,
  });
  assert.deepEqual(
    statistics.map(({ type, total: { confirmed, failed } }) => [type, confirmed, failed]),
    [
      ["deposit", 0, accounts],
      ["reversal", accounts, 0],
    ],
  );
});
