import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import type { Database, Row, Statement } from "../postgres/database.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import type { Happenings } from "../testing/happenings.fixture.ts";
import { openTestBed, type StartedSystem } from "../testing/test-bed.fixture.ts";
import { ledgerFacts, offer, startWorker } from "../testing/worker.fixture.ts";
import { checkJournals } from "./cursors.ts";
import { openRenewals } from "./renewals.ts";

const bed = await openTestBed();

async function deposits({ system, happenings }: StartedSystem, amount: number): Promise<string> {
  const { processId } = await system.accept(submission("deposit", "a-1", { amount }));
  await happenings.until("confirmed", async () => {
    return (await system.processes.read("acme", processId))?.state === "confirmed";
  });
  return processId;
}

/** A system that has worked once and stands still. */
async function usedSystem(): Promise<string> {
  const name = bed.newName();
  const started = await bed.start(bank(name));
  await deposits(started, 1);
  await started.system.stop();
  return name;
}

const standsStill = (happenings: Happenings, consumer: string) =>
  happenings.heard("stopped", (event) => event.consumer === consumer && event.code === "journal-replaced");

const cursors = (name: string, consumer = "account") =>
  bed.sql<{ place: string }>(
    name,
    "ledger",
    `select string_agg(lane || ':' || generation || ':' || xid || ':' || seq, ' ' order by lane) as place
     from entente.cursor where consumer = $1 and journal = 'front'`,
    [consumer],
  );

test("a journal that was re-created is not read on: its reader stands still, says so and keeps its cursor", async () => {
  const name = await usedSystem();
  const before = await cursors(name);
  await bed.sql(name, "ledger", `drop database ${name}_front with (force)`);
  const { system, happenings } = await bed.start(bank(name));
  const { text } = await standsStill(happenings, "account");
  assert.match(text, /front.*account.*re-created/);
  // Commands are accepted all the same, and wait.
  const { processId } = await system.accept(submission("deposit", "a-1", { amount: 2 }));
  await happenings.until("it was asked again", () => happenings.count("stopped", "account") > 2);
  assert.equal((await system.processes.read("acme", processId))?.state, "queued");
  assert.deepEqual(await cursors(name), before);
});

test("a journal restored to an earlier point is not read on: the cursor is ahead of everything it holds", async () => {
  const name = await usedSystem();
  await bed.sql(
    name,
    "ledger",
    "update entente.cursor set xid = '9000000000000000000' where journal = 'front' and lane = 3",
  );
  const { happenings } = await bed.start(bank(name));
  const { text } = await standsStill(happenings, "account");
  assert.match(text, /restored to an earlier point/);
});

test("a journal moved to another cluster is not read on, by none of its readers", async () => {
  const name = await usedSystem();
  await bed.sql(
    name,
    "ledger",
    "update entente.journal_identity set system_identifier = system_identifier - 1",
  );
  const { happenings } = await bed.start(bank(name));
  for (const reader of ["process-view", "balance", "account"]) await standsStill(happenings, reader);
});

test("a journal replaced under a consumer that runs is not read on", async () => {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const worker = await startWorker(bed, stage, { leaseMs: 1_000 });
  await offer(stage, [command({ data: { amount: 1 } })], worker);
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 1);
  const before = await cursors(name);
  await bed.sql(name, "front", "update entente.journal_identity set generation = gen_random_uuid()");
  await standsStill(worker.happenings, "account");
  await offer(stage, [command({ data: { amount: 2 } })], worker);
  const stops = worker.happenings.count("stopped");
  await worker.happenings.until("asked again", () => worker.happenings.count("stopped") > stops + 1);
  assert.equal((await ledgerFacts(stage)).length, 1);
  assert.deepEqual(await cursors(name), before);
});

test("a cursor that stands exactly at the end of its journal goes on", async () => {
  const name = await usedSystem();
  const started = await bed.start(bank(name));
  const processId = await deposits(started, 2);
  assert.deepEqual((await started.system.processes.read("acme", processId))?.outcome, {
    amount: 2,
    balance: 3,
  });
});

test("what others consume while a worker asks is progress, not a journal replaced", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  const busy = await startWorker(bed, stage);
  const front = stage.database("front", "reader");
  const overtaken: Database = {
    ...front,
    async run<R extends Row>(statement: Statement, values?: readonly unknown[]) {
      const rows = await front.run<R>(statement, values);
      await offer(stage, [command({ data: { amount: 1 } })], busy);
      await busy.happenings.until("consumed meanwhile", async () => (await ledgerFacts(stage)).length === 1);
      return rows;
    },
  };
  await checkJournals(openRenewals(stage.database("ledger"), randomUUID(), 1_000), "account", [
    { context: "front", database: overtaken },
  ]);
  assert.equal(busy.happenings.count("stopped"), 0);
});
