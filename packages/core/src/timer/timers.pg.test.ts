import assert from "node:assert/strict";
import { before, test } from "node:test";
import { startFaultProxy } from "@entente/testkit";
import { newId } from "../journal/new-id.ts";
import type { JsonObject } from "../model/entry.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { fireDueTimers, type ScheduledTimer, scheduleTimers } from "./timers.ts";

const bed = await openTestBed();
const name = bed.newName();
let stage: Stage;

before(async () => {
  stage = await bed.stage(bank(name));
});

const now = Date.now();

function timer(tenantId: string, said: Partial<ScheduledTimer> = {}): ScheduledTimer {
  return {
    tenantId,
    key: "a-1",
    name: "t",
    dueAt: now,
    type: "bank.ring",
    schemaVersion: "1.4.0",
    data: {},
    causationId: newId(now),
    ...said,
  };
}

/** Schedules each in a transaction of its own, in this order. */
async function schedule(...timers: readonly ScheduledTimer[]): Promise<void> {
  for (const one of timers)
    await stage.database("ledger").transaction((connection) => scheduleTimers(connection, [one]));
}

async function fired(tenantId: string): Promise<{ key: string; type: string; data: JsonObject }[]> {
  return stage
    .database("ledger")
    .execute(
      "select key, type, data from entente.journal where tenant_id = $1 and kind = 'command' order by xid, seq",
      [tenantId],
    );
}

test("a timer becomes a command to its own context at its due moment, not a millisecond before", async () => {
  const cause = timer("moment", { dueAt: now + 5, data: { n: 1 } });
  await schedule(cause);
  assert.equal(await fireDueTimers(stage.database("ledger"), "ledger", now + 4), 0);
  assert.equal(await fireDueTimers(stage.database("ledger"), "ledger", now + 5), 1);
  const [command] = await stage.database("ledger").execute(
    `select kind, type, schema_version, source, target, key, causation_id, process_id = id as starts, occurred_at, data
     from entente.journal where tenant_id = 'moment'`,
  );
  assert.deepEqual(command, {
    kind: "command",
    type: "bank.ring",
    schema_version: "1.4.0",
    source: "ledger",
    target: "ledger",
    key: "a-1",
    causation_id: cause.causationId,
    starts: true,
    occurred_at: now + 5,
    data: { n: 1, dueAt: now + 5 },
  });
});

test("a timer of the same name and key replaces the one before, in the same batch or later; other names stay", async () => {
  const ledger = stage.database("ledger");
  await ledger.transaction((connection) =>
    scheduleTimers(connection, [
      timer("replaced", { data: { n: 1 } }),
      timer("replaced", { data: { n: 2 } }),
      timer("replaced", { name: "other", data: { n: 3 } }),
      timer("replaced", { key: "a-2", data: { n: 4 } }),
    ]),
  );
  await schedule(
    timer("replaced", { data: { n: 5 }, dueAt: now + 1 }),
    timer("replaced-elsewhere", { data: { n: 6 } }),
  );
  await fireDueTimers(ledger, "ledger", now);
  assert.deepEqual((await fired("replaced")).map((one) => one.data.n).toSorted(), [3, 4]);
  await fireDueTimers(ledger, "ledger", now + 1);
  assert.deepEqual((await fired("replaced")).map((one) => one.data.n).toSorted(), [3, 4, 5]);
  assert.deepEqual((await fired("replaced-elsewhere")).length, 1);
});

test("timers that are due together become commands in the order they were due", async () => {
  const dueAt = [5, 1, 4, 2, 3];
  await schedule(...dueAt.map((n) => timer("ordered", { name: `t-${n}`, dueAt: now + n, data: { n } })));
  assert.equal(await fireDueTimers(stage.database("ledger"), "ledger", now + 10), 5);
  assert.deepEqual(
    (await fired("ordered")).map((one) => one.data.n),
    [1, 2, 3, 4, 5],
  );
});

test("many processes may fire at once: each timer fires once", async () => {
  const ledger = stage.database("ledger");
  await ledger.transaction((connection) =>
    scheduleTimers(
      connection,
      Array.from({ length: 400 }, (_, n) => timer("crowd", { name: `t-${n}`, data: { n } })),
    ),
  );
  const counts = await Promise.all(
    Array.from({ length: 10 }, async () => {
      let count = 0;
      for (let some = 1; some > 0; count += some) some = await fireDueTimers(ledger, "ledger", now, 30);
      return count;
    }),
  );
  assert.equal(
    counts.reduce((a, b) => a + b),
    400,
  );
  assert.equal(new Set((await fired("crowd")).map((one) => one.data.n)).size, 400);
});

test("a timer whose firing was not answered has fired once or not at all, and is not fired twice", async () => {
  const { hostname, port } = new URL(bed.adminUrl);
  const proxy = await startFaultProxy({ target: { host: hostname, port: Number(port) } });
  const ledger = stage.connect("ledger", "app", { through: (url) => proxy.urlFor(url) });
  bed.atEnd(() => proxy.close());
  for (const [n, fault] of [proxy.resetBeforeCommit, proxy.resetAfterCommit].entries()) {
    await schedule(timer("unanswered", { name: `t-${n}`, data: { n } }));
    const armed = fault();
    await assert.rejects(fireDueTimers(ledger, "ledger", now), {
      code: "commit-unknown",
      kind: "unknown-outcome",
    });
    await armed.fired;
    await fireDueTimers(ledger, "ledger", now);
    assert.deepEqual(
      (await fired("unanswered")).map((one) => one.data.n),
      Array.from({ length: n + 1 }, (_, i) => i),
    );
  }
});

test("a timer whose data PostgreSQL cannot look into is stored and fired as it is", async () => {
  const data = { text: "nul \u0000, half \ud83d a character" };
  await schedule(timer("odd", { data }));
  await fireDueTimers(stage.database("ledger"), "ledger", now);
  assert.deepEqual(
    (await fired("odd")).map((one) => one.data),
    [{ ...data, dueAt: now }],
  );
});

const rung = async (system: string) =>
  (
    await bed.sql<{ name: string }>(
      system,
      "ledger",
      "select data->>'name' as name from entente.journal where type = 'bank.reminder-rung' order by xid, seq",
    )
  ).map((row) => row.name);

test("a decision's timers survive a restart and are decided at their due time, once, whichever process is there", async () => {
  const system = bed.newName();
  const first = await bed.start(bank(system));
  const dueAt = first.system.clock.now() + 3_600_000;
  const names = Array.from({ length: 30 }, (_, n) => `r-${String(n).padStart(2, "0")}`);
  for (const [n, one] of names.entries()) {
    await first.system.accept(submission("remind", `a-${n}`, { name: one, dueAt }));
  }
  await first.happenings.until("all are set", async () => {
    return (await bed.sql(system, "ledger", "select 1 from entente.timer")).length === names.length;
  });
  await first.system.stop();
  const [second, third] = await Promise.all([bed.start(bank(system)), bed.start(bank(system))]);
  assert.deepEqual(await rung(system), []);
  await second.system.setClock(dueAt);
  await second.happenings.until("all have rung", async () => (await rung(system)).length >= names.length);
  assert.deepEqual((await rung(system)).toSorted(), names);
  assert.deepEqual(await bed.sql(system, "ledger", "select 1 from entente.timer"), []);
  await third.system.stop();
});

test("a context that is off line fires nothing, and fires what was due meanwhile when it is back", async () => {
  const system = bed.newName();
  const { system: running, happenings } = await bed.start(bank(system));
  const act = { tenantId: "acme", by: "ann", why: "maintenance" };
  const dueAt = running.clock.now() + 3_600_000;
  await running.accept(submission("remind", "a-1", { name: "later", dueAt }));
  await happenings.until(
    "it is set",
    async () => (await bed.sql(system, "ledger", "select 1 from entente.timer")).length === 1,
  );
  await running.setPaused("ledger", true, act);
  await running.setClock(dueAt + 1);
  // A beat of the context that would have fired it: the clock's change asks for one at once.
  await running.working.find((context) => context.name === "ledger")?.refresh();
  assert.equal((await bed.sql(system, "ledger", "select 1 from entente.timer")).length, 1);
  await running.setPaused("ledger", false, act);
  await happenings.until("it has rung", async () => (await rung(system)).length === 1);
});
