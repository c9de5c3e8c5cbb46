import assert from "node:assert/strict";
import { test } from "node:test";
import { laneCount } from "../model/lane.ts";
import { bank } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { ledgerFacts, offer, putAside, startWorker, type Worker } from "../testing/worker.fixture.ts";

const bed = await openTestBed();

const newStage = () => bed.stage(bank(bed.newName()));
const keys = Array.from({ length: 40 }, (_, n) => `a-${n}`);
const deposits = () => keys.map((key) => command({ key, data: { amount: 1 } }));

/** Both own lanes, no lane twice, none left over. */
async function sharedBy(workers: readonly Worker[], counts: readonly number[]): Promise<void> {
  const [first] = workers as [Worker];
  await first.happenings.until(`lanes shared as ${counts}`, () => {
    const lanes = workers.map((worker) => worker.consumer.lanes());
    return lanes.every((own, n) => own.length === counts[n]) && new Set(lanes.flat()).size === laneCount;
  });
}

test("lanes spread evenly over the workers that are there, as they come and go", async () => {
  const stage = await newStage();
  const leaseMs = 300;
  const one = await startWorker(bed, stage, { leaseMs });
  await sharedBy([one], [8]);
  const two = await startWorker(bed, stage, { leaseMs });
  await sharedBy([one, two], [4, 4]);
  const three = await startWorker(bed, stage, { leaseMs });
  await one.happenings.until("three share", () => {
    const own = [one, two, three].map((worker) => worker.consumer.lanes().length);
    return own.every((count) => count >= 2 && count <= 3) && own.reduce((a, b) => a + b) === laneCount;
  });
  await offer(stage, deposits(), one, two, three);
  await one.happenings.until("all decided", async () => (await ledgerFacts(stage)).length === keys.length);
  assert.ok(
    [one, two, three].every((worker) => worker.happenings.count("batch") > 0),
    "each has worked",
  );
  await Promise.all([two.stop(), three.stop()]);
  await sharedBy([one], [8]);
  assert.deepEqual(await putAside(stage), []);
});

test("more workers than lanes: each has at most one, and nobody is in the way of anybody", async () => {
  const stage = await newStage();
  const workers = await Promise.all(
    Array.from({ length: 10 }, () => startWorker(bed, stage, { leaseMs: 300 })),
  );
  await workers[0]?.happenings.until("eight have one each", () => {
    const own = workers.map((worker) => worker.consumer.lanes().length);
    return own.every((count) => count <= 1) && own.filter((count) => count === 1).length === laneCount;
  });
  await offer(stage, deposits(), ...workers);
  await workers[0]?.happenings.until(
    "all decided",
    async () => (await ledgerFacts(stage)).length === keys.length,
  );
});

test("a worker that stops cleanly gives its lanes back at once, long before its lease would run out", async () => {
  const stage = await newStage();
  const one = await startWorker(bed, stage, { leaseMs: 60_000 });
  await sharedBy([one], [8]);
  const two = await startWorker(bed, stage, { leaseMs: 60_000 });
  await one.stop();
  two.wakeUps.ring("ledger:control");
  await sharedBy([two], [8]);
});

test("the lanes of a worker that fell silent go to another when the lease has run out, and not before", async () => {
  const stage = await newStage();
  const leaseMs = 1_000;
  const silent = await startWorker(bed, stage, { leaseMs });
  await sharedBy([silent], [8]);
  const parked = silent.happenings.park("consumer:read");
  await offer(stage, deposits(), silent);
  await parked.reached;
  const silentSince = performance.now();
  const heir = await startWorker(bed, stage, { leaseMs });
  await sharedBy([heir], [8]);
  // The last renewal lies at most a third of the lease before the silence.
  assert.ok(performance.now() - silentSince > leaseMs * 0.6, "not before");
  await heir.happenings.until("all decided", async () => (await ledgerFacts(stage)).length === keys.length);
  parked.release();
});

test("a worker that slept past its lease is fenced: it changes nothing, and goes on under a new lease", async () => {
  const stage = await newStage();
  const leaseMs = 400;
  const sleeper = await startWorker(bed, stage, { leaseMs });
  await sharedBy([sleeper], [8]);
  const parked = sleeper.happenings.park("consumer:read");
  await offer(stage, deposits(), sleeper);
  await parked.reached;
  const heir = await startWorker(bed, stage, { leaseMs });
  await heir.happenings.until("all decided", async () => (await ledgerFacts(stage)).length === keys.length);
  const before = await ledgerFacts(stage);
  parked.release();
  await sleeper.happenings.heard("fenced");
  await sharedBy([sleeper, heir], [4, 4]);
  await offer(stage, deposits(), sleeper, heir);
  await heir.happenings.until(
    "decided again",
    async () => (await ledgerFacts(stage)).length === 2 * keys.length,
  );
  const after = await ledgerFacts(stage);
  assert.deepEqual(after.slice(0, before.length), before);
  for (const key of keys) {
    const own = after.filter((fact) => fact.key === key);
    assert.deepEqual(
      own.map((fact) => [fact.version, fact.balance]),
      [
        [1, 1],
        [2, 2],
      ],
      `${key} is decided twice, in order`,
    );
  }
  assert.deepEqual(await putAside(stage), []);
});

test("a worker that slept before its commit is fenced there, and what it had written is undone", async () => {
  const stage = await newStage();
  const leaseMs = 400;
  const sleeper = await startWorker(bed, stage, { leaseMs });
  await sharedBy([sleeper], [8]);
  const parked = sleeper.happenings.park("consumer:before-commit");
  await offer(stage, deposits(), sleeper);
  await parked.reached;
  const heir = await startWorker(bed, stage, { leaseMs });
  await heir.happenings.heard("lanes", (event) => event.lanes.length === laneCount);
  assert.deepEqual(await ledgerFacts(stage), []);
  parked.release();
  await sleeper.happenings.heard("fenced");
  await heir.happenings.until("all decided", async () => (await ledgerFacts(stage)).length === keys.length);
  assert.deepEqual(await putAside(stage), []);
});

test("a retry of a put-aside entry by a worker that slept past its lease is fenced as well", async () => {
  const stage = await newStage();
  const leaseMs = 400;
  const retry = { attempts: 5, firstMs: 1, longestMs: 1 };
  const poisoned = new Set(["x"]);
  const sleeper = await startWorker(bed, stage, { leaseMs, retry, poisoned });
  await sharedBy([sleeper], [8]);
  await offer(stage, [command({ data: { amount: 1, mark: "x" } })], sleeper);
  await sleeper.happenings.heard("retrying");
  const parked = sleeper.happenings.park("consumer:before-resume-commit");
  poisoned.clear();
  await parked.reached;
  const heir = await startWorker(bed, stage, { leaseMs, retry });
  await heir.happenings.heard("lanes", (event) => event.lanes.length === laneCount);
  parked.release();
  await sleeper.happenings.heard("fenced");
  await heir.happenings.until("decided", async () => (await ledgerFacts(stage)).length === 1);
  await heir.happenings.until("done", async () => (await putAside(stage))[0]?.state === "done");
});

test("a worker that slept past its lease while nobody else was there goes on as if nothing had been", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage, { leaseMs: 150 });
  await sharedBy([worker], [8]);
  const parked = worker.happenings.park("consumer:read");
  await offer(stage, deposits(), worker);
  await parked.reached;
  await worker.happenings.until("the lease has run out", async () => {
    const lapsed = await stage
      .database("ledger")
      .execute("select 1 from entente.lease where leased_until < clock_timestamp()");
    return lapsed.length === laneCount;
  });
  parked.release();
  await worker.happenings.until("all decided", async () => (await ledgerFacts(stage)).length === keys.length);
  assert.equal(worker.happenings.count("fenced"), 0);
});
