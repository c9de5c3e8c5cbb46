import assert from "node:assert/strict";
import { test } from "node:test";
import { laneCount } from "../model/lane.ts";
import { bank } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { ledgerFacts, offer, putAside, startWorker } from "../testing/worker.fixture.ts";

const bed = await openTestBed();

test("a worker that freezes in the middle of its transaction is cut off by the database, and its work is done by another", async () => {
  const stage = await bed.stage(bank(bed.newName()));
  const frozen = await startWorker(bed, stage, { leaseMs: 500 });
  const parked = frozen.happenings.park("consumer:before-commit");
  const keys = Array.from({ length: 20 }, (_, n) => `a-${n}`);
  await offer(
    stage,
    keys.map((key) => command({ key, data: { amount: 1 } })),
    frozen,
  );
  await parked.reached;
  const frozenAt = performance.now();
  const heir = await startWorker(bed, stage, { leaseMs: 500 });
  await heir.happenings.heard("lanes", (event) => event.lanes.length === laneCount);
  assert.ok(performance.now() - frozenAt < 5_000, "the lanes go to the other long before");
  // What the frozen one wrote is in the way until the database ends its session: 10 s after its last statement.
  await heir.happenings.until("all decided", async () => (await ledgerFacts(stage)).length === keys.length);
  assert.ok(performance.now() - frozenAt < 14_000);
  parked.release();
  await frozen.happenings.until(
    "it notices",
    () => frozen.happenings.count("unavailable") + frozen.happenings.count("fenced") > 0,
  );
  await offer(
    stage,
    keys.map((key) => command({ key, data: { amount: 1 } })),
    frozen,
    heir,
  );
  await heir.happenings.until(
    "decided again",
    async () => (await ledgerFacts(stage)).length === 2 * keys.length,
  );
  for (const key of keys)
    assert.deepEqual(
      (await ledgerFacts(stage, key)).map((fact) => fact.balance),
      [1, 2],
    );
  assert.deepEqual(await putAside(stage), []);
});
