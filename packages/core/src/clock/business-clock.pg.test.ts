import assert from "node:assert/strict";
import { test } from "node:test";
import { bank, submission } from "../testing/bank.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { openBusinessClock, storeClockOffset } from "./business-clock.ts";

const bed = await openTestBed();
const day = 86_400_000;

test("business time is wall time plus the offset, and those who ask hear of every change once", () => {
  let wall = 1_000;
  const clock = openBusinessClock(() => wall);
  const heard: number[] = [];
  const unsubscribe = clock.onChange(() => heard.push(clock.now()));
  clock.setOffset(500);
  clock.setOffset(500);
  wall = 2_000;
  assert.deepEqual([clock.now(), clock.offsetMs(), heard], [2_500, 500, [1_500]]);
  unsubscribe();
  clock.setOffset(0);
  assert.deepEqual(heard, [1_500]);
});

test("a set clock goes on from there, in every context of the system and in every process", async () => {
  const name = bed.newName();
  let wall = Date.now();
  const wallClock = () => wall;
  const one = await bed.start(bank(name), { wallClock });
  const other = await bed.start(bank(name), { wallClock, run: ["ledger"] });
  const onlooker = await bed.start(bank(name), { wallClock, run: [] });
  const target = wall + 40 * day;
  await one.system.setClock(target);
  assert.equal(one.system.clock.now(), target);
  for (const { system, happenings } of [other, onlooker]) {
    await happenings.until("the other process sees it", () => system.clock.now() === target);
  }
  wall += 1_000;
  assert.deepEqual([one.system.clock.now(), other.system.clock.now()], [target + 1_000, target + 1_000]);
  const { processId } = await one.system.accept(submission("deposit", "a-1", { amount: 1 }));
  await one.happenings.until(
    "confirmed",
    async () => (await one.system.processes.read("acme", processId))?.state === "confirmed",
  );
  const [fact] = await bed.sql<{ at: Date }>(
    name,
    "ledger",
    "select occurred_at as at from entente.journal where kind = 'event'",
  );
  assert.equal(fact?.at.getTime(), target + 1_000);
});

test("while the contexts are told of a set clock one after the other, time does not go back", async () => {
  const name = bed.newName();
  const { system, happenings } = await bed.start(bank(name));
  const front = system.contexts.get("front");
  assert.ok(front !== undefined);
  const heard: number[] = [];
  system.clock.onChange(() => heard.push(system.clock.offsetMs()));
  // Whoever sets it has told the first context, and goes on to the next one later.
  await storeClockOffset(front.database, 5 * day, Date.now());
  await happenings.until("it is heard", () => heard.length > 0);
  const beats = async (): Promise<number> => {
    const [row] = await bed.sql<{ at: Date }>(
      name,
      "ledger",
      "select beat_at as at from entente.context_control",
    );
    return row?.at.getTime() ?? 0;
  };
  for (let beat = 0, last = await beats(); beat < 2; beat++) {
    await happenings.until(
      "the context that was not told gives a sign of life",
      async () => (await beats()) > last,
    );
    last = await beats();
  }
  assert.deepEqual(heard, [5 * day]);
  assert.equal(system.clock.offsetMs(), 5 * day);
});

test("of two who set the clock the later one holds, in whatever order a context hears of them", async () => {
  const name = bed.newName();
  const { system } = await bed.start(bank(name));
  const front = system.contexts.get("front");
  assert.ok(front !== undefined);
  const at = Date.now();
  await storeClockOffset(front.database, 2 * day, at);
  await storeClockOffset(front.database, 9 * day, at - 1);
  const [stored] = await bed.sql(
    name,
    "front",
    "select clock_offset_ms::float8 as offset from entente.context_control",
  );
  assert.deepEqual(stored, { offset: 2 * day });
});

test("a set clock stays set through a restart, and may be set back", async () => {
  const name = bed.newName();
  let wall = Date.now();
  const wallClock = () => wall;
  const first = await bed.start(bank(name), { wallClock });
  await first.system.setClock(wall + 100 * day);
  await first.system.stop();
  wall += 5_000;
  const second = await bed.start(bank(name), { wallClock });
  assert.equal(second.system.clock.now(), wall + 100 * day);
  await second.system.setClock(wall - 70 * day);
  assert.equal(second.system.clock.now(), wall - 70 * day);
  const { processId } = await second.system.accept(submission("deposit", "a-1", { amount: 1 }));
  await second.happenings.until("confirmed", async () => {
    return (await second.system.processes.read("acme", processId))?.state === "confirmed";
  });
});

test("setting the clock moves timers, and moves no lease", async () => {
  const name = bed.newName();
  const { system, happenings } = await bed.start(bank(name));
  const dueAt = system.clock.now() + 30 * day;
  await system.accept(submission("remind", "a-1", { name: "later", dueAt }));
  await happenings.until(
    "it is set",
    async () => (await bed.sql(name, "ledger", "select 1 from entente.timer")).length === 1,
  );
  const lanesBefore = happenings.count("lanes");
  await system.setClock(dueAt - 60_000);
  assert.equal((await bed.sql(name, "ledger", "select 1 from entente.timer")).length, 1);
  await system.setClock(dueAt);
  await happenings.until("it has rung", async () => {
    return (
      (await bed.sql(name, "ledger", "select 1 from entente.journal where type = 'bank.reminder-rung'"))
        .length === 1
    );
  });
  assert.deepEqual([happenings.count("lanes"), happenings.count("fenced")], [lanesBefore, 0]);
});
