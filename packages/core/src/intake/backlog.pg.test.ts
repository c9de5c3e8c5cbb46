import assert from "node:assert/strict";
import { test } from "node:test";
import type { System } from "../context/system.ts";
import type { Database } from "../postgres/database.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { openBacklog } from "./backlog.ts";

const bed = await openTestBed();
const act = { tenantId: "acme", by: "ann", why: "drill" };

async function journalLength(name: string): Promise<number> {
  const [row] = await bed.sql<{ n: number }>(
    name,
    "front",
    "select count(*)::int as n from entente.journal where kind = 'command'",
  );
  return row?.n ?? -1;
}

/** A command's count as the statement of acceptance writes it; returns its transaction. */
async function acceptOne(front: Database): Promise<string> {
  const [row] = await front.execute<{ xid: string }>(
    `insert into entente.tally as t (name, shard, total) values ('accepted', 2, 1)
     on conflict (name, shard) do update set total = t.total + 1 returning pg_current_xact_id()::text as xid`,
  );
  return row?.xid ?? "";
}

/** Readings come by the clock and signal nothing: the condition is asked in every turn of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 60_000;
  while (!condition()) {
    assert.ok(performance.now() < limit, "not within a minute");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const deposit = (key: string) => submission("deposit", key, { amount: 1 });

/** Accepts one command after another; the limit is exact for those who wait for their answer. */
async function fill(system: System, count: number): Promise<ReturnType<typeof deposit>[]> {
  const sent = Array.from({ length: count }, (_, n) => deposit(`a-${n}`));
  for (const one of sent) assert.equal((await system.accept(one)).outcome, "accepted");
  return sent;
}

test("a backlog at its limit answers with the expected wait and stores nothing; the same key works later", async () => {
  const name = bed.newName();
  const { system, happenings } = await bed.start(bank(name), {
    settings: { backlogAllowed: 5, assumedDrainPerSecond: 2 },
  });
  await system.setPaused("ledger", true, act);
  await fill(system, 5);
  assert.equal(system.backlog().backlog, 5);
  const late = deposit("a-9");
  await assert.rejects(system.accept(late), {
    code: "backlog-full",
    kind: "unavailable",
    fields: { backlog: 5, backlogAllowed: 5, expectedWaitSeconds: 3 },
  });
  assert.equal(await journalLength(name), 5);
  assert.deepEqual(await bed.sql(name, "front", "select 1 from entente.idempotency offset 5"), []);
  await system.setPaused("ledger", false, act);
  await happenings.until("the backlog is gone", () => system.backlog().backlog === 0);
  assert.equal((await system.accept(late)).outcome, "accepted");
});

test("a repeat of what was accepted is answered even then, and so is a reused key", async () => {
  const name = bed.newName();
  const { system } = await bed.start(bank(name), { settings: { backlogAllowed: 2 } });
  await system.setPaused("ledger", true, act);
  const [first] = await fill(system, 2);
  assert.ok(first !== undefined);
  assert.equal((await system.accept(first)).outcome, "repeated");
  assert.equal((await system.accept({ ...first, data: { amount: 2 } })).outcome, "key-reused");
  await assert.rejects(system.accept({ ...first, caller: "another" }), { code: "backlog-full" });
  assert.equal(await journalLength(name), 2);
});

test("the backlog counts what is accepted and not ended: restarts, refusals, parked and discarded commands included", async () => {
  const name = bed.newName();
  const poisoned = new Set(["x"]);
  const settings = { retryAttempts: 2, retryFirstMs: 5, retryLongestMs: 5 };
  const first = await bed.start(bank(name, poisoned), { run: ["front"], settings });
  await fill(first.system, 3);
  await first.system.accept(submission("withdraw", "a-0", { amount: 100 }));
  await first.system.accept(submission("settle", "held", { amount: 1, mark: "x" }));
  await first.system.accept(submission("deposit", "aside", { amount: 1, mark: "x" }));
  assert.equal(first.system.backlog().backlog, 6);
  await first.system.stop();
  // Nobody decides meanwhile: a process that starts now knows the backlog at once.
  const second = await bed.start(bank(name, poisoned), { run: ["front"], settings });
  assert.equal(second.system.backlog().backlog, 6);
  await second.system.stop();
  const third = await bed.start(bank(name, poisoned), { settings });
  await third.happenings.until("only the held one is left", () => third.system.backlog().backlog === 1);
  const [held] = (await third.system.listParked("ledger", "acme", 10)).filter((one) => one.key === "held");
  await third.system.discard("ledger", { ...act, entryId: held?.entryId ?? "" });
  await third.happenings.until("nothing is left", () => third.system.backlog().backlog === 0);
});

for (const when of ["before", "after"] as const) {
  test(`a command accepted while a reading is under way counts once, committed ${when} the reading looked`, async () => {
    const name = bed.newName();
    const stage = await bed.stage(bank(name));
    const front = stage.database("front");
    const asked = Promise.withResolvers<void>();
    const looked = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    let readings = 0;
    const parked = {
      ...front,
      run: (async (statement, values) => {
        const second = ++readings === 2;
        if (second) {
          asked.resolve();
          if (when === "before") await goOn.promise;
        }
        const rows = await front.run(statement, values);
        if (second) {
          looked.resolve();
          await goOn.promise;
        }
        return rows;
      }) as typeof front.run,
    };
    const backlog = await openBacklog({ database: parked, everyMs: 5 });
    bed.atEnd(() => backlog.close());
    await (when === "before" ? asked : looked).promise;
    backlog.accepted(1, await acceptOne(front));
    goOn.resolve();
    await until(() => {
      assert.equal(backlog.read().backlog, 1);
      return readings >= 5;
    });
  });
}

test("more accepted during one reading than is kept of it counts once, while readings go on and after them", async () => {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const front = stage.database("front");
  const asked = Promise.withResolvers<void>();
  const halfway = Promise.withResolvers<void>();
  const looked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  let readings = 0;
  const parked = {
    ...front,
    run: (async (statement, values) => {
      const second = ++readings === 2;
      if (second) {
        asked.resolve();
        await halfway.promise;
      }
      const rows = await front.run(statement, values);
      if (second) {
        looked.resolve();
        await goOn.promise;
      }
      return rows;
    }) as typeof front.run,
  };
  const backlog = await openBacklog({ database: parked, everyMs: 5, batchesKept: 3 });
  bed.atEnd(() => backlog.close());
  await asked.promise;
  for (let n = 1; n <= 8; n++) {
    backlog.accepted(1, await acceptOne(front));
    assert.equal(backlog.read().backlog, n);
    if (n === 4) {
      halfway.resolve();
      await looked.promise;
    }
  }
  goOn.resolve();
  await until(() => {
    assert.equal(backlog.read().backlog, 8);
    return readings >= 6;
  });
});

test("a command that a reading saw before its acceptance was heard counts once", async () => {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const front = stage.database("front");
  const backlog = await openBacklog({ database: front, everyMs: 5 });
  bed.atEnd(() => backlog.close());
  const xid = await acceptOne(front);
  await until(() => backlog.read().backlog === 1);
  backlog.accepted(1, xid);
  assert.equal(backlog.read().backlog, 1);
});

test("the wait is computed from the measured drain once there is one, and a measure that was kept is used from the start", async () => {
  const name = bed.newName();
  const stage = await bed.stage(bank(name));
  const front = stage.database("front");
  const count = (what: string, total: number) =>
    front.execute(
      `insert into entente.tally as t (name, shard, total) values ($1, 1, $2)
       on conflict (name, shard) do update set total = t.total + excluded.total`,
      [what, total],
    );
  await count("accepted", 1_000);
  const backlog = await openBacklog({ database: front, assumedDrainPerSecond: 10, everyMs: 20 });
  bed.atEnd(() => backlog.close());
  assert.deepEqual(backlog.read(), { backlog: 1_000, drainPerSecond: 10, expectedWaitSeconds: 100 });
  backlog.accepted(50, null);
  assert.equal(backlog.read().backlog, 1_050, "what this process accepted counts before the next reading");
  await count("finished", 400);
  await until(() => backlog.read().drainPerSecond !== 10);
  const reading = backlog.read();
  assert.equal(reading.backlog, 600);
  assert.equal(reading.expectedWaitSeconds, Math.ceil(600 / reading.drainPerSecond));
  await backlog.close();
  await front.execute("delete from entente.tally where name = 'drain-per-second'");
  await count("drain-per-second", 250);
  const next = await openBacklog({ database: front, assumedDrainPerSecond: 10 });
  bed.atEnd(() => next.close());
  assert.deepEqual(next.read(), { backlog: 600, drainPerSecond: 250, expectedWaitSeconds: 3 });
});
