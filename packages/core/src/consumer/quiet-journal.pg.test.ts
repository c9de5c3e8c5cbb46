/** How often a consumer looks: at once when something may be there, and hardly ever when nothing is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { appendEntries } from "../journal/append.ts";
import { Failure } from "../model/failure.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { bank } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { decides, ledgerFacts, offer, startWorker } from "../testing/worker.fixture.ts";

const bed = await openTestBed();

/** The safety net is out of reach, so that nothing is found by chance. */
const quietMs = 3_600_000;

/** A database that counts its statements by name. */
function counted(database: Database): { readonly database: Database; of(name: string): number } {
  const counts = new Map<string, number>();
  const count = ({ name }: Statement): void => void counts.set(name, (counts.get(name) ?? 0) + 1);
  return {
    database: {
      ...database,
      run(statement, values) {
        count(statement);
        return database.run(statement, values);
      },
      runRows(statement, values) {
        count(statement);
        return database.runRows(statement, values);
      },
    },
    of: (name) => counts.get(name) ?? 0,
  };
}

test("an entry behind the gate is taken once the gate opens, though nobody wakes the consumer again", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  const own = counted(stage.connect("ledger"));
  const worker = await startWorker(bed, stage, { quietMs, definition: () => decides(stage, own.database) });
  await worker.happenings.heard("lanes");
  const writer = await stage.database("ledger").reserve();
  await writer.execute("begin; select pg_current_xact_id()");
  // Commands of its own wake it by a name of their own.
  const due = command({ source: "ledger", target: "ledger", data: { amount: 5 } });
  await appendEntries(stage.database("ledger"), [due]);
  const before = own.of("journal-read-own-commands");
  worker.wakeUps.ring("ledger:commands");
  await worker.happenings.until(
    "it has looked twice",
    () => own.of("journal-find-own-commands") > 0 && own.of("journal-read-own-commands") > before + 1,
  );
  assert.deepEqual(await ledgerFacts(stage), []);
  await writer.execute("commit");
  writer.release();
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 1);
});

test("a wake-up that comes right after the look behind the gate is not forgotten", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  const front = stage.database("front", "reader");
  const reading = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let isParked = false;
  const parking: Database = {
    ...front,
    async runRows(statement, values) {
      const rows = await front.runRows(statement, values);
      if (isParked && statement.name === "journal-find-lanes") {
        isParked = false;
        reading.resolve();
        await release.promise;
      }
      return rows;
    },
  };
  const worker = await startWorker(bed, stage, {
    quietMs,
    definition: (own) => {
      const decider = decides(stage, own);
      const [first, ...others] = decider.sources;
      assert.ok(first);
      return { ...decider, sources: [{ ...first, database: parking }, ...others] };
    },
  });
  await worker.happenings.heard("lanes");
  isParked = true;
  worker.wakeUps.ring("front");
  await reading.promise;
  await offer(stage, [command({ data: { amount: 1 } })], worker);
  release.resolve();
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 1);
});

test("a journal that holds nothing more is not asked again", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  const front = counted(stage.database("front", "reader"));
  const own = counted(stage.database("ledger"));
  const worker = await startWorker(bed, stage, {
    quietMs,
    leaseMs: 1_000,
    database: own.database,
    definition: (database) => {
      const decider = decides(stage, database);
      const [first, ...others] = decider.sources;
      assert.ok(first);
      return { ...decider, sources: [{ ...first, database: front.database }, ...others] };
    },
  });
  await worker.happenings.heard("lanes");
  await offer(stage, [command({ data: { amount: 1 } })], worker);
  await worker.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 1);
  const renewals = own.of("consumer-renew-lanes");
  await worker.happenings.until("four renewals on", () => own.of("consumer-renew-lanes") >= renewals + 4);
  // Two before there was anything, one that found it, one that found no more; woken meanwhile it may have looked once more.
  assert.ok(front.of("journal-read-lanes") <= 5, `${front.of("journal-read-lanes")} reads`);
  assert.ok(front.of("journal-find-lanes") <= 3, `${front.of("journal-find-lanes")} looks behind the gate`);
});

test("a consumer that lets entries gather stops at once, and leaves them to the next", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  const hour = 3_600_000;
  const gathering = await startWorker(bed, stage, { quietMs, leaseMs: hour, gatherMs: hour, gatherFrom: 1 });
  await gathering.happenings.heard("lanes");
  await offer(stage, [command({ data: { amount: 1 } })], gathering);
  await gathering.happenings.heard("batch");
  await offer(stage, [command({ data: { amount: 1 } }), command({ data: { amount: 1 } })], gathering);
  await gathering.stop();
  assert.equal((await ledgerFacts(stage)).length, 1);
  const next = await startWorker(bed, stage);
  await next.happenings.until("all decided", async () => (await ledgerFacts(stage)).length === 3);
});

test("one journal that is away keeps nobody from the others, and is read on once it is back", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  const front = stage.database("front", "reader");
  let isAway = false;
  const there = <Answer>(ask: () => Promise<Answer>): Promise<Answer> =>
    isAway ? Promise.reject(new Failure("unavailable", "database-unavailable", "away")) : ask();
  const leaving: Database = {
    ...front,
    run: (statement, values) => there(() => front.run(statement, values)),
    runRows: (statement, values) => there(() => front.runRows(statement, values)),
  };
  const worker = await startWorker(bed, stage, {
    definition: (own) => {
      const decider = decides(stage, own);
      const [first, ...others] = decider.sources;
      assert.ok(first);
      return { ...decider, sources: [{ ...first, database: leaving }, ...others] };
    },
  });
  await worker.happenings.heard("lanes");
  isAway = true;
  await offer(stage, [command({ data: { amount: 1 } })], worker);
  await worker.happenings.heard("unavailable");
  // What it sent to itself stands in its own journal.
  const due = command({ source: "ledger", target: "ledger", data: { amount: 5 } });
  await appendEntries(stage.database("ledger"), [due]);
  worker.wakeUps.ring("ledger:commands");
  await worker.happenings.until("its own is decided", async () => {
    return (await ledgerFacts(stage)).length === 1;
  });
  isAway = false;
  await worker.happenings.until("both are decided", async () => (await ledgerFacts(stage)).length === 2);
});
