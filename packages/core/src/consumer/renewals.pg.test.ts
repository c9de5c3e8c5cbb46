/** What the consumers of a process ask for together: one statement for all, and nobody's trouble is the others'. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { laneCount } from "../model/lane.ts";
import type { Database } from "../postgres/database.ts";
import { bank } from "../testing/bank.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { registerConsumer } from "./cursors.ts";
import { openRenewals } from "./renewals.ts";

const bed = await openTestBed();
const names = ["one", "two", "three"];
const leaseMs = 60_000;

async function newStage(): Promise<{ stage: Stage; ledger: Database }> {
  const stage = await bed.stage(bank(bed.newName()));
  const ledger = stage.database("ledger");
  const source = { context: "front", database: stage.database("front", "reader") };
  for (const name of names) await registerConsumer(ledger, name, [source]);
  return { stage, ledger };
}

/** A database that tells which statements were sent. */
function told(database: Database): { readonly database: Database; readonly sent: string[] } {
  const sent: string[] = [];
  return {
    sent,
    database: {
      ...database,
      run(statement, values) {
        sent.push(statement.name);
        return database.run(statement, values);
      },
    },
  };
}

const lengths = (leases: readonly (readonly unknown[])[]) => leases.map((one) => one.length);

test("the leases of all consumers are renewed, and their cursors and stalls read, in one statement each", async () => {
  const { ledger } = await newStage();
  const { database, sent } = told(ledger);
  const renewals = openRenewals(database, randomUUID(), leaseMs);
  await Promise.all(names.map((name) => renewals.lanes(name)));
  const [before] = await ledger.execute<{ until: number }>(
    "select min(leased_until) as until from entente.lease where owner is not null",
  );
  sent.length = 0;
  const leases = await Promise.all(names.map((name) => renewals.lanes(name)));
  assert.deepEqual(lengths(leases), [laneCount, laneCount, laneCount]);
  assert.ok(leases.flat().every(({ epoch }) => epoch === "1"));
  const cursors = await Promise.all(names.map((name) => renewals.cursors(name, "front")));
  assert.deepEqual(lengths(cursors), [laneCount, laneCount, laneCount]);
  await Promise.all(names.map((name) => renewals.stalls(name, [0, 1])));
  assert.deepEqual(sent, ["consumer-renew-lanes", "consumer-stored-cursors", "parked-open-keys"]);
  const [after] = await ledger.execute<{ until: number }>(
    "select min(leased_until) as until from entente.lease where owner is not null",
  );
  assert.ok((after?.until ?? 0) > (before?.until ?? 0), "every lane is leased for longer");
});

test("a consumer whose lanes somebody is taking waits alone: the others are renewed meanwhile", async () => {
  const { stage, ledger } = await newStage();
  const renewals = openRenewals(ledger, randomUUID(), leaseMs);
  await Promise.all(names.map((name) => renewals.lanes(name)));
  // Another worker is in the middle of taking lanes of `two`.
  const other = await stage.connect("ledger").reserve();
  await other.execute("begin");
  await other.execute("select entente.take_lanes('two', $1, $2)", [randomUUID(), leaseMs]);
  const waiting = renewals.lanes("two");
  const [one, three] = await Promise.all([renewals.lanes("one"), renewals.lanes("three")]);
  assert.deepEqual(lengths([one, three]), [laneCount, laneCount]);
  await other.execute("commit");
  other.release();
  assert.equal((await waiting).length, laneCount / 2, "half is the other's now");
});

test("what has lapsed or lies free is taken, what is too much is given back, what another took is not renewed", async () => {
  const { ledger } = await newStage();
  const [own, others] = [randomUUID(), randomUUID()];
  const renewals = openRenewals(ledger, own, leaseMs);
  await renewals.lanes("one");
  await ledger.execute(
    "update entente.lease set leased_until = '-infinity' where consumer = 'one' and lane < 3",
  );
  assert.equal((await renewals.lanes("one")).length, laneCount, "lapsed lanes are taken again");
  await openRenewals(ledger, others, leaseMs).lanes("one");
  assert.equal((await renewals.lanes("one")).length, laneCount / 2, "shared with another worker");
  assert.equal((await openRenewals(ledger, others, leaseMs).lanes("one")).length, laneCount / 2);
  await ledger.execute(
    "update entente.lease set owner = $1, epoch = epoch + 1 where consumer = 'one' and lane = (select min(lane) from entente.lease where owner = $2)",
    [others, own],
  );
  assert.equal((await renewals.lanes("one")).length, laneCount / 2 - 1);
});

test("a worker that was away longer than its lease is not renewed as if it had been there", async () => {
  const { ledger } = await newStage();
  const own = randomUUID();
  const renewals = openRenewals(ledger, own, leaseMs);
  await renewals.lanes("one");
  await ledger.execute("update entente.worker set beat_at = beat_at - interval '1 hour'");
  const { database, sent } = told(ledger);
  assert.equal((await openRenewals(database, own, leaseMs).lanes("one")).length, laneCount);
  assert.deepEqual(sent, ["consumer-renew-lanes", "consumer-take-lanes"]);
});
