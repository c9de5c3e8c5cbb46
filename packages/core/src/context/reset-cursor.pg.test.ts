import assert from "node:assert/strict";
import { test } from "node:test";
import { openWakeUps } from "../consumer/wake-up.ts";
import { bank } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import {
  accountOnFront,
  actsIn,
  amountsBooked,
  ann,
  cursorsOf,
  frontLost,
  generationOf,
  goOnFromEnd,
  openScene,
  readAgain,
  replaceJournal,
  stateOf,
} from "../testing/replaced-journal.fixture.ts";
import { databaseOf, openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { ledgerFacts, offer, startWorker } from "../testing/worker.fixture.ts";
import type { ContextDefinition } from "./definition.ts";
import { type CursorResetAct, resetCursor } from "./reset-cursor.ts";
import { openWakeNetwork } from "./wake-network.ts";

const bed = await openTestBed();

test("a stopped consumer that is sent to the start goes on without a restart, and reads the new journal from its beginning", async () => {
  const here = await frontLost(bed);
  const waiting = await here.deposit(2);
  const reset = await here.system.resetCursor("ledger", readAgain);
  await here.becomes(waiting, "confirmed");
  await here.becomes(await here.deposit(3), "confirmed");
  assert.deepEqual(await amountsBooked(bed, here.name), [1, 2, 3]);
  assert.equal(reset.generation, await generationOf(bed, here.name, "front"));
});

test("a consumer that is sent to the end passes over what is there now, and executes what comes after", async () => {
  const here = await frontLost(bed);
  const skipped = await here.deposit(2);
  await here.system.resetCursor("ledger", goOnFromEnd);
  await here.becomes(await here.deposit(3), "confirmed");
  assert.deepEqual(await amountsBooked(bed, here.name), [1, 3]);
  assert.equal(await stateOf(here.system, skipped), "queued");
});

test("the control entry says who and why, which cursor, and from where to where", async () => {
  const here = await frontLost(bed);
  const before = await cursorsOf(bed, here.name);
  await here.system.resetCursor("ledger", readAgain);
  const [act, ...more] = await actsIn(bed, here.name);
  assert.deepEqual(more, []);
  const { lanes, ...said } = act?.data ?? {};
  assert.deepEqual(said, {
    consumer: "account",
    journal: "front",
    by: "ann",
    why: "front was restored, INC-1",
    to: "start",
    acceptRepeats: true,
    generationBefore: before[0]?.generation,
    generation: await generationOf(bed, here.name, "front"),
  });
  assert.deepEqual(
    lanes,
    before.map(({ place }, lane) => ({ lane, from: place, to: "0/0" })),
  );
  assert.deepEqual([act?.type, act?.tenant, act?.key], ["entente.cursor-reset", "acme", "context:ledger"]);
});

test("a worker in the middle of a batch is fenced by a reset and changes nothing", async () => {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const worker = await startWorker(bed, stage, { leaseMs: 60_000 });
  const deposit = (amount: number) => offer(stage, [command({ data: { amount } })], worker);
  await deposit(1);
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 1);
  const parked = worker.happenings.park("consumer:before-commit");
  await deposit(2);
  await parked.reached;
  await replaceJournal(bed, name, "front");
  await resetOn(stage, goOnFromEnd);
  parked.release();
  await worker.happenings.heard("fenced");
  // It reloads by itself, and goes on where the reset has put it.
  await deposit(3);
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 2);
  assert.deepEqual(
    (await ledgerFacts(stage)).map((fact) => fact.amount),
    [1, 3],
  );
});

test("a worker is fenced also when the reset leaves its cursor where it stood: the batch is of another journal", async () => {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const worker = await startWorker(bed, stage, { leaseMs: 60_000 });
  const parked = worker.happenings.park("consumer:before-commit");
  await offer(stage, [command({ data: { amount: 1 } })], worker);
  await parked.reached;
  await bed.sql(name, "front", "delete from entente.journal");
  await replaceJournal(bed, name, "front");
  await resetOn(stage, readAgain);
  parked.release();
  await worker.happenings.heard("fenced");
  await offer(stage, [command({ data: { amount: 2 } })], worker);
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length > 0);
  assert.deepEqual(
    (await ledgerFacts(stage)).map((fact) => fact.amount),
    [2],
  );
});

/** The act as a system would carry it out, without one at work. */
function resetOn(stage: Stage, act: CursorResetAct) {
  const definition = bank(stage.name).contexts[1] as ContextDefinition;
  const journals = new Map([["front", stage.database("front", "reader")]]);
  return resetCursor({ definition, database: stage.database("ledger") }, journals, Date.now(), act);
}

test("a reset in one process wakes the consumers of others", async () => {
  const here = await frontLost(bed);
  const waiting = await here.deposit(2);
  const elsewhere = await bed.start(bank(here.name), { run: ["front"] });
  const wakeUps = openWakeUps();
  let woken = false;
  wakeUps.listen(["ledger:control"], () => {
    woken = true;
  });
  const reader = databaseOf(here.system, "ledger", "reader");
  const network = openWakeNetwork(reader, wakeUps, "the test", () => false);
  bed.atEnd(() => network.close());
  await here.happenings.until("both systems and the test listen", async () => {
    const [row] = await bed.sql<{ n: number }>(
      here.name,
      "ledger",
      `select count(*)::int as n from pg_stat_activity
       where datname = current_database() and query = 'listen entente_wake'`,
    );
    return row?.n === 3;
  });
  await elsewhere.system.resetCursor("ledger", readAgain);
  await here.happenings.until("woken", () => woken);
  await here.becomes(waiting, "confirmed");
});

test("of two operators who reset the same cursor at once one wins, and the other is told", async () => {
  const here = await frontLost(bed);
  const outcomes = await Promise.allSettled([
    here.system.resetCursor("ledger", readAgain),
    here.system.resetCursor("ledger", goOnFromEnd),
    here.system.resetCursor("ledger", { ...goOnFromEnd, by: "bob" }),
  ]);
  const lost = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
  assert.deepEqual(lost, ["cursor-not-replaced", "cursor-not-replaced"]);
  assert.equal((await actsIn(bed, here.name)).length, 1);
});

test("a reset is refused while the journal is the one the cursor was made for, and changes nothing", async () => {
  const here = await openScene(bed);
  await here.becomes(await here.deposit(1), "confirmed");
  const before = await cursorsOf(bed, here.name);
  for (const act of [readAgain, goOnFromEnd, { ...accountOnFront, to: "start" } as const]) {
    await assert.rejects(here.system.resetCursor("ledger", act), {
      kind: "conflict",
      code: "cursor-not-replaced",
      fields: { consumer: "account", journal: "front" },
    });
  }
  assert.deepEqual(await cursorsOf(bed, here.name), before);
  assert.deepEqual(await actsIn(bed, here.name), []);
});

test("a decider is not sent to the start unless repeats are accepted", async () => {
  const here = await frontLost(bed);
  const before = await cursorsOf(bed, here.name);
  for (const acceptRepeats of [{}, { acceptRepeats: false }]) {
    const act = { ...accountOnFront, to: "start", ...acceptRepeats } as const;
    await assert.rejects(here.system.resetCursor("ledger", act), {
      kind: "refused",
      code: "repeats-not-accepted",
      fields: { consumer: "account", journal: "front" },
    });
  }
  assert.deepEqual(await cursorsOf(bed, here.name), before);
  assert.deepEqual(await actsIn(bed, here.name), []);
});

test("a consumer, journal or context that is not there is refused as such", async () => {
  const here = await frontLost(bed);
  for (const [consumer, journal] of [
    ["nobody", "front"],
    ["account", "nowhere"],
    ["balance", "front"],
    ["process-view", "ledger"],
  ]) {
    const act = { ...ann, consumer: consumer as string, journal: journal as string, to: "end" } as const;
    await assert.rejects(here.system.resetCursor("ledger", act), {
      kind: "refused",
      code: "cursor-unknown",
      fields: { consumer, journal },
    });
  }
  await assert.rejects(here.system.resetCursor("warehouse", goOnFromEnd), { code: "context-unknown" });
});

test("a journal with entries from transactions its server has not come to is refused: they would show up later as new", async () => {
  const here = await frontLost(bed);
  await here.deposit(2);
  await bed.sql(here.name, "front", "update entente.journal set xid = '9000000000000000000'");
  await assert.rejects(here.system.resetCursor("ledger", goOnFromEnd), {
    kind: "refused",
    code: "journal-ahead-of-server",
  });
  assert.deepEqual(await actsIn(bed, here.name), []);
});

test("a journal that is away cannot be gone to: nothing is changed", async () => {
  const here = await frontLost(bed);
  const before = await cursorsOf(bed, here.name);
  await bed.sql(here.name, "ledger", `alter database ${here.name}_front with allow_connections false`);
  await bed.sql(
    here.name,
    "ledger",
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
    [`${here.name}_front`],
  );
  await assert.rejects(here.system.resetCursor("ledger", goOnFromEnd), { kind: "unavailable" });
  assert.deepEqual(await cursorsOf(bed, here.name), before);
});
