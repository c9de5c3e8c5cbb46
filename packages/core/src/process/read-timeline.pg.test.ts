import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { System } from "../context/system.ts";
import { isFailure } from "../model/failure.ts";
import { openDatabase } from "../postgres/database.ts";
import { bank, bankProcesses, submission } from "../testing/bank.fixture.ts";
import type { Happenings } from "../testing/happenings.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import type { ProcessTimeline } from "./process-timeline.ts";
import { openTimelineReader } from "./read-timeline.ts";

const bed = await openTestBed();
const poisoned = new Set<string>();
let system: System;
let happenings: Happenings;

before(async () => {
  ({ system, happenings } = await bed.start(bank(bed.newName(), poisoned), {
    settings: { retryAttempts: 2, retryFirstMs: 5, retryLongestMs: 5 },
  }));
});

let accounts = 0;
const deposit = async (data: { amount: number; mark?: string }): Promise<string> =>
  (await system.accept(submission("deposit", `a-${++accounts}`, data, { customerId: "cust-1" }))).processId;
const becomes = (processId: string, state: string) =>
  happenings.until(
    `${processId} is ${state}`,
    async () => (await system.processes.read("acme", processId))?.state === state,
  );
const timelineOf = async (id: string, limit = 100): Promise<ProcessTimeline> => {
  const timeline = await system.timelines.read("acme", id, limit);
  assert.ok(timeline !== null, `no timeline of ${id}`);
  return timeline;
};
const seenBy = ({ steps }: ProcessTimeline) =>
  steps.flatMap(({ type, customer }) => (customer === null ? [] : [`${type}: ${customer.state}`]));

/** A deposit that was parked, corrected by bob, and done. */
async function correctedDeposit(): Promise<string> {
  const mark = `m-${accounts}`;
  poisoned.add(mark);
  const processId = await deposit({ amount: 1_000, mark });
  await becomes(processId, "failed");
  await system.redrive(
    "ledger",
    { tenantId: "acme", entryId: processId, by: "bob", why: "a typing mistake" },
    { amount: 10 },
  );
  await becomes(processId, "confirmed");
  return processId;
}

test("a process reads from its command to its fact, over both journals, with what its customer saw", async () => {
  const processId = await deposit({ amount: 5 });
  await becomes(processId, "confirmed");
  const timeline = await timelineOf(processId);
  assert.deepEqual(
    timeline.steps.map(({ context, type, depth, actor }) => [context, type, depth, actor]),
    [
      ["front", "bank.deposit", 0, { kind: "customer", name: "cust-1" }],
      ["ledger", "bank.deposited", 1, { kind: "context", name: "ledger" }],
    ],
  );
  assert.deepEqual(seenBy(timeline), ["bank.deposit: queued", "bank.deposited: confirmed"]);
  assert.equal(timeline.process?.state, "confirmed");
  assert.deepEqual(
    [timeline.more, timeline.away, timeline.attempts, timeline.cases, timeline.handOffs],
    [false, [], [], [], []],
  );
});

test("a manual act shows who, why, before and after; its own id leads to the original process", async () => {
  const processId = await correctedDeposit();
  const timeline = await timelineOf(processId);
  assert.deepEqual(seenBy(timeline), [
    "bank.deposit: queued",
    "entente.command-parked: failed",
    "bank.deposited: confirmed",
  ]);
  const parked = timeline.steps.find(({ type }) => type === "entente.command-parked");
  assert.equal(parked?.data.code, "decider-threw");
  const act = timeline.steps.find(({ type }) => type === "entente.parked-corrected");
  assert.deepEqual(act?.actor, { kind: "operator", name: "bob", why: "a typing mistake" });
  assert.deepEqual([act?.depth, act?.causedBy], [1, processId]);
  const [tried, ...others] = timeline.attempts;
  assert.deepEqual(others, []);
  assert.deepEqual(
    tried?.attempts.map(({ attempt, ordered, request, changes, outcomes }) => ({
      attempt,
      ordered,
      amount: request?.amount,
      changed: changes?.map(({ pointer, before, after }) => [pointer, before, after]) ?? null,
      outcomes: outcomes.map(({ state, code }) => [state, code]),
    })),
    [
      { attempt: 1, ordered: null, amount: 1_000, changed: null, outcomes: [["parked", "decider-threw"]] },
      {
        attempt: 2,
        ordered: { by: "bob", why: "a typing mistake" },
        amount: 10,
        changed: [
          ["/amount", 1_000, 10],
          ["/mark", tried?.attempts[0]?.request?.mark, undefined],
        ],
        outcomes: [],
      },
    ],
  );
  assert.deepEqual(timeline.tookPart, {
    contexts: ["front", "ledger"],
    counterparties: [],
    people: ["bob"],
  });
  assert.deepEqual(await timelineOf(act?.entryId ?? ""), timeline);
});

test("to another tenant, and under an id of nothing, there is no such process", async () => {
  const processId = await deposit({ amount: 5 });
  await becomes(processId, "confirmed");
  const fact = (await timelineOf(processId)).steps[1]?.entryId ?? "";
  for (const id of [processId, fact]) assert.equal(await system.timelines.read("rival", id, 100), null);
  assert.equal(await system.timelines.read("acme", "0199f0e2-7a3b-7c4d-8e5f-0123456789ab", 100), null);
  assert.equal(await system.timelines.read("acme", "nonsense", 100), null);
});

test("more entries than the limit: the earliest, and the word that there are more", async () => {
  const processId = await correctedDeposit();
  const whole = await timelineOf(processId);
  const part = await timelineOf(processId, 2);
  assert.deepEqual([part.steps.length, part.more, whole.more], [2, true, false]);
  assert.equal(part.steps[0]?.entryId, processId);
  assert.equal((await timelineOf(processId, whole.steps.length)).more, false);
});

test("a context whose database is away is named, and takes nothing from the others; alone it is no 'unknown'", async () => {
  const processId = await deposit({ amount: 5 });
  await becomes(processId, "confirmed");
  // Nothing listens there.
  const nowhere = openDatabase({ url: "postgres://nobody@127.0.0.1:1/none", applicationName: "test" });
  bed.atEnd(() => nowhere.close());
  const reader = (away: string) =>
    openTimelineReader({
      contexts: new Map(
        [...system.contexts].map(([name, context]) => [
          name,
          name === away ? { ...context, database: nowhere, journal: nowhere } : context,
        ]),
      ),
      processes: system.processes,
      definitions: bankProcesses,
      factsFrom: ["ledger"],
    });
  const timeline = await reader("ledger").read("acme", processId, 100);
  assert.deepEqual([timeline?.away, timeline?.steps.map(({ context }) => context)], [["ledger"], ["front"]]);
  await assert.rejects(reader("ledger").read("acme", "0199f0e2-7a3b-7c4d-8e5f-0123456789ab", 100), (error) =>
    isFailure(error, "database-unavailable"),
  );
});

test("the journals are asked by index, never scanned", async () => {
  const journal = system.contexts.get("ledger")?.journal;
  const plan = await journal?.execute<{ "QUERY PLAN": string }>(
    `explain select * from entente.journal where process_id = '0199f0e2-7a3b-7c4d-8e5f-0123456789ab' and process_id <> id
     and tenant_id = 'acme'`,
  );
  const text = plan?.map((row) => row["QUERY PLAN"]).join("\n") ?? "";
  assert.match(text, /process_id/);
  assert.doesNotMatch(text, /Seq Scan/);
});
