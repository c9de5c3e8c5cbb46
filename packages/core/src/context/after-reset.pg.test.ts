import assert from "node:assert/strict";
import { test } from "node:test";
import { rebuildProjection } from "../projection/rebuild.ts";
import { balanceProjection } from "../testing/bank.fixture.ts";
import {
  actsIn,
  amountsBooked,
  ann,
  cursorsOf,
  goOnFromEnd,
  openScene,
  readAgain,
  replaceJournal,
  standsStill,
} from "../testing/replaced-journal.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";

const bed = await openTestBed();

test("a cursor that is ahead of a restored journal may be reset, and only the journal named is touched", async () => {
  const here = await openScene(bed);
  await here.becomes(await here.deposit(1), "confirmed");
  await here.system.setPaused("ledger", true, ann);
  await bed.sql(
    here.name,
    "ledger",
    "update entente.cursor set xid = '9000000000000000000' where consumer = 'account' and journal = 'front' and lane = 3",
  );
  const own = await cursorsOf(bed, here.name, "account", "ledger");
  await here.system.resetCursor("ledger", goOnFromEnd);
  const ownAfter = await cursorsOf(bed, here.name, "account", "ledger");
  assert.deepEqual(ownAfter, own);
  await here.system.setPaused("ledger", false, ann);
  await here.becomes(await here.deposit(2), "confirmed");
  assert.deepEqual(await amountsBooked(bed, here.name), [1, 2]);
});

test("what was set aside before a reset keeps its place before everything the new journal holds for its key", async () => {
  const poisoned = new Set(["stuck"]);
  const here = await openScene(bed, poisoned);
  const head = await here.deposit(1, "settle", { mark: "stuck" });
  await here.happenings.heard("parked", (event) => event.entryId === head);
  const second = await here.deposit(2);
  await here.happenings.until("it waits", async () => {
    return (await here.system.listParked("ledger", "acme", 10))[0]?.waiting === 1;
  });
  // As in a cluster that has come less far: whatever comes now has lower positions.
  await bed.sql(here.name, "ledger", "update entente.parked set xid = '8000000000000000000'");
  await replaceJournal(bed, here.name, "front");
  await standsStill(here.happenings, "account");
  await here.system.resetCursor("ledger", goOnFromEnd);
  const third = await here.deposit(3);
  await here.happenings.until("both wait", async () => {
    return (await here.system.listParked("ledger", "acme", 10))[0]?.waiting === 2;
  });
  poisoned.clear();
  await here.system.redrive("ledger", { ...ann, entryId: head });
  for (const processId of [head, second, third]) await here.becomes(processId, "confirmed");
  assert.deepEqual(await amountsBooked(bed, here.name), [1, 2, 3]);
});

test("commands that a decider has executed already have no second effect when it reads them again", async () => {
  const poisoned = new Set(["stuck"]);
  const here = await openScene(bed, poisoned);
  await here.becomes(await here.deposit(1), "confirmed");
  const stuck = await here.deposit(2, "deposit", { mark: "stuck" });
  await here.happenings.heard("parked", (event) => event.entryId === stuck);
  await here.becomes(stuck, "failed");
  await replaceJournal(bed, here.name, "front");
  await standsStill(here.happenings, "account");
  await here.system.resetCursor("ledger", readAgain);
  await here.becomes(await here.deposit(4), "confirmed");
  assert.deepEqual(await amountsBooked(bed, here.name), [1, 4]);
  poisoned.clear();
  await here.system.redrive("ledger", { ...ann, entryId: stuck });
  await here.becomes(stuck, "confirmed");
  assert.deepEqual(await amountsBooked(bed, here.name), [1, 4, 2]);
});

test("a read model goes to the start without further ado, is to be rebuilt, and is right once it was", async () => {
  const here = await openScene(bed);
  await here.becomes(await here.deposit(1), "confirmed");
  await here.happenings.heard("batch", (event) => event.consumer === "balance");
  const held = async () =>
    (await bed.sql<{ balance: number }>(here.name, "ledger", "select balance::int from bank.balance"))[0]
      ?.balance;
  await here.happenings.until("projected", async () => (await held()) === 1);
  await replaceJournal(bed, here.name, "ledger");
  await standsStill(here.happenings, "balance");
  const act = { ...ann, consumer: "balance", journal: "ledger", to: "start" } as const;
  assert.equal((await here.system.resetCursor("ledger", act)).rebuildAdvised, true);
  await here.happenings.until("told twice", async () => (await held()) === 2);
  const source = { context: "ledger", database: databaseOf(here.system, "ledger", "reader") };
  await rebuildProjection(databaseOf(here.system, "ledger"), balanceProjection, [source]);
  assert.equal(await held(), 1);
});

test("the process view follows the new journal after its reset", async () => {
  const here = await openScene(bed);
  await here.becomes(await here.deposit(1), "confirmed");
  await replaceJournal(bed, here.name, "ledger");
  await standsStill(here.happenings, "process-view");
  const act = { ...ann, consumer: "process-view", journal: "ledger", to: "start" } as const;
  assert.equal((await here.system.resetCursor("front", act)).rebuildAdvised, false);
  await here.system.resetCursor("ledger", { ...ann, consumer: "account", journal: "ledger", to: "end" });
  await here.becomes(await here.deposit(2), "confirmed");
  assert.deepEqual(
    (await actsIn(bed, here.name, "front")).map(({ type, data }) => [type, data.consumer]),
    [["entente.cursor-reset", "process-view"]],
  );
});
