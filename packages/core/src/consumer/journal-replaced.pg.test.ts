import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../model/failure.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";

const bed = await openTestBed();

/** A system that has worked once and stands still. */
async function usedSystem(): Promise<string> {
  const name = bed.newName();
  const { system, happenings } = await bed.start(bank(name));
  const { processId } = await system.accept(submission("deposit", "a-1", { amount: 1 }));
  await happenings.until("confirmed", async () => {
    return (await system.processes.read("acme", processId))?.state === "confirmed";
  });
  await system.stop();
  return name;
}

async function sessionsOf(name: string): Promise<number> {
  const [row] = await bed.sql<{ n: number }>(
    name,
    "ledger",
    "select count(*)::int as n from pg_stat_activity where datname like $1 and usename <> current_user",
    [`${name}\\_%`],
  );
  return row?.n ?? -1;
}

/** The start is refused, says which consumer stands in which journal, and leaves nothing running behind. */
async function refusesToStart(name: string, consumer: string, journal: string): Promise<void> {
  await assert.rejects(bed.start(bank(name)), (error) => {
    assert.ok(isFailure(error, "journal-replaced"), String(error));
    assert.equal(error.kind, "refused");
    assert.equal(error.fields.consumer, consumer);
    assert.equal(error.fields.journal, journal);
    return true;
  });
  const limit = performance.now() + 5_000;
  while ((await sessionsOf(name)) > 0) {
    assert.ok(performance.now() < limit, "a refused start closes what it opened");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const cursors = (name: string) =>
  bed.sql<{ place: string }>(
    name,
    "ledger",
    "select string_agg(lane || ':' || generation || ':' || xid || ':' || seq, ' ' order by lane) as place from entente.cursor where journal = 'front'",
  );

test("a journal that was re-created is not read on: the reader refuses and keeps its cursor", async () => {
  const name = await usedSystem();
  const before = await cursors(name);
  await bed.sql(name, "ledger", `drop database ${name}_front with (force)`);
  await refusesToStart(name, "account", "front");
  assert.deepEqual(await cursors(name), before);
});

test("a journal restored to an earlier point is not read on: the cursor is ahead of everything it holds", async () => {
  const name = await usedSystem();
  await bed.sql(
    name,
    "ledger",
    "update entente.cursor set xid = '9000000000000000000' where journal = 'front' and lane = 3",
  );
  await refusesToStart(name, "account", "front");
});

test("a journal moved to another cluster is not read on", async () => {
  const name = await usedSystem();
  await bed.sql(
    name,
    "ledger",
    "update entente.journal_identity set system_identifier = system_identifier - 1",
  );
  await refusesToStart(name, "process-view", "ledger");
});

test("a cursor that stands exactly at the end of its journal goes on", async () => {
  const name = await usedSystem();
  const { system, happenings } = await bed.start(bank(name));
  const { processId } = await system.accept(submission("deposit", "a-1", { amount: 2 }));
  await happenings.until("confirmed", async () => {
    return (await system.processes.read("acme", processId))?.state === "confirmed";
  });
  assert.deepEqual((await system.processes.read("acme", processId))?.outcome, { amount: 2, balance: 3 });
});

test("an operator who set the cursors by hand may go on", async () => {
  const name = await usedSystem();
  await bed.sql(name, "front", "update entente.journal_identity set generation = gen_random_uuid()");
  await refusesToStart(name, "account", "front");
  const [identity] = await bed.sql<{ generation: string }>(
    name,
    "front",
    "select generation from entente.journal_identity",
  );
  await bed.sql(name, "ledger", "update entente.cursor set generation = $1 where journal = 'front'", [
    identity?.generation,
  ]);
  const { system, happenings } = await bed.start(bank(name));
  const { processId } = await system.accept(submission("deposit", "a-1", { amount: 2 }));
  await happenings.until("confirmed", async () => {
    return (await system.processes.read("acme", processId))?.state === "confirmed";
  });
});
