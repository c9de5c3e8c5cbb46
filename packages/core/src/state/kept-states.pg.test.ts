import assert from "node:assert/strict";
import { test } from "node:test";
import { deciderConsumer } from "../decider/decider-consumer.ts";
import { laneCount } from "../model/lane.ts";
import { accountDecider, bank } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { ledgerFacts, offer, putAside, startWorker, type Worker } from "../testing/worker.fixture.ts";
import type { KeptStatesOptions } from "./kept-states.ts";

const bed = await openTestBed();
const newStage = () => bed.stage(bank(bed.newName()));
const leaseMs = 400;
const never = { unwrittenFacts: 1e9, unwrittenMs: 1e9 };
const deposits = (keys: readonly string[]) => keys.map((key) => command({ key, data: { amount: 1 } }));
const named = (count: number) => Array.from({ length: count }, (_, n) => `a-${n}`);

function worker(stage: Stage, states: KeptStatesOptions): Promise<Worker> {
  const front = {
    context: "front",
    database: stage.database("front", "reader"),
    reading: "everything",
  } as const;
  const definition = () =>
    deciderConsumer(accountDecider(), {
      context: "ledger",
      sources: [front],
      now: Date.now,
      onFacts: () => {},
      states,
    });
  return startWorker(bed, stage, { leaseMs, definition });
}

/** The worker falls silent with whatever it has not written; returns what wakes it again. */
async function silence(stage: Stage, one: Worker): Promise<() => void> {
  const parked = one.happenings.park("consumer:read");
  await offer(stage, deposits(["a-0"]), one);
  await parked.reached;
  return parked.release;
}

async function decided(stage: Stage, one: Worker, count: number): Promise<void> {
  await one.happenings.until(`${count} decided`, async () => (await ledgerFacts(stage)).length === count);
}

const rows = (stage: Stage) =>
  stage
    .database("ledger")
    .execute<{ key: string; version: number; data: { balance: number } }>(
      "select key, version::int, data from entente.state order by key",
    );

/** Facts of a key are numbered without a gap, and each balance stands on the one before. */
async function holds(stage: Stage): Promise<void> {
  const byKey = Map.groupBy(await ledgerFacts(stage), (fact) => fact.key);
  for (const [key, facts] of byKey) {
    assert.deepEqual(
      facts.map(({ version, balance }) => [version, balance]),
      facts.map((_, n) => [n + 1, n + 1]),
      `facts of ${key}`,
    );
  }
  assert.deepEqual(await putAside(stage), []);
}

test("a lane taken over is decided on the facts its last owner never wrote down", async () => {
  const stage = await newStage();
  const keys = named(30);
  const first = await worker(stage, never);
  await offer(stage, [...deposits(keys), ...deposits(keys)], first);
  await decided(stage, first, 60);
  assert.deepEqual(await rows(stage), []);
  const wake = await silence(stage, first);
  const heir = await worker(stage, never);
  await offer(stage, deposits(keys), heir);
  await decided(stage, heir, 91);
  await holds(stage);
  wake();
});

test("whatever was written and whatever was not, each owner goes on where the last one was", async () => {
  const stage = await newStage();
  const keys = named(12);
  let count = 0;
  const wakes: (() => void)[] = [];
  for (const unwrittenFacts of [1, 5, 2, 1e9, 3]) {
    const one = await worker(stage, { unwrittenFacts, unwrittenMs: 1e9 });
    await one.happenings.heard("lanes", (event) => event.lanes.length === laneCount);
    for (let round = 0; round < 4; round++) {
      await offer(stage, deposits(keys), one);
      count += keys.length;
      await decided(stage, one, wakes.length + count);
    }
    wakes.push(await silence(stage, one));
  }
  const last = await worker(stage, never);
  await decided(stage, last, wakes.length + count);
  await holds(stage);
  assert.ok((await rows(stage)).length > 0, "some were written");
  for (const wake of wakes) wake();
});

test("a quiet moment has the states written, and so has the end of a worker", async () => {
  const stage = await newStage();
  const keys = named(9).toSorted();
  const one = await worker(stage, { unwrittenMs: 50 });
  await offer(stage, deposits(keys), one);
  const versions = async () =>
    (await rows(stage)).map(({ key, version, data }) => [key, version, data.balance]);
  await one.happenings.until("written", async () => (await rows(stage)).length === keys.length);
  assert.deepEqual(
    await versions(),
    keys.map((key) => [key, 1, 1]),
  );
  await one.stop();
  const two = await worker(stage, never);
  await offer(stage, deposits(keys), two);
  await decided(stage, two, 18);
  assert.deepEqual(
    await versions(),
    keys.map((key) => [key, 1, 1]),
  );
  await two.stop();
  assert.deepEqual(
    await versions(),
    keys.map((key) => [key, 2, 2]),
  );
  await holds(stage);
});

test("a worker that slept past its lease while writing states down changes neither rows nor marks", async () => {
  const stage = await newStage();
  const keys = named(10);
  const sleeper = await worker(stage, { unwrittenMs: 0, unwrittenFacts: 1e9 });
  const parked = sleeper.happenings.park("consumer:before-settle-commit");
  await offer(stage, deposits(keys), sleeper);
  await parked.reached;
  const marks = () =>
    stage.database("ledger").execute("select lane, xid from entente.state_mark order by lane");
  const before = await marks();
  const heir = await worker(stage, never);
  await heir.happenings.heard("lanes", (event) => event.lanes.length === laneCount);
  parked.release();
  await sleeper.happenings.heard("fenced");
  assert.deepEqual(await rows(stage), []);
  assert.deepEqual(await marks(), before);
  await sleeper.stop();
  await offer(stage, deposits(keys), heir);
  await decided(stage, heir, 20);
  await holds(stage);
});

test("what waits to be written is not forgotten, however many keys come by", async () => {
  const stage = await newStage();
  const one = await worker(stage, { ...never, remembered: 3 });
  for (let round = 1; round <= 3; round++) {
    await offer(stage, deposits(named(40)), one);
    await decided(stage, one, 40 * round);
  }
  await holds(stage);
});

test("facts of other deciders, and facts nobody decided, are none of a state's", async () => {
  const stage = await newStage();
  const first = await worker(stage, never);
  await offer(stage, deposits(["a-0"]), first);
  await decided(stage, first, 1);
  // As another decider of the context, and as the runtime itself, write them under the same key.
  await stage.database("ledger").execute(
    `insert into entente.journal (id, lane, kind, type, schema_version, source, tenant_id, key, key_version, process_id, correlation_id, occurred_at, data)
     select uuidv7(), lane, 'event', o.type, '1.0.0', source, tenant_id, key, o.version, uuidv7(), 'x', now(), '{"balance": 99}'
     from entente.journal j, (values ('bank.noted', 5), ('entente.parked', null)) as o(type, version) where j.type = 'bank.deposited'`,
  );
  const wake = await silence(stage, first);
  const heir = await worker(stage, never);
  await heir.happenings.until("decided by the heir", async () => {
    return (await ledgerFacts(stage)).filter(({ type }) => type === "bank.deposited").length === 2;
  });
  const own = (await ledgerFacts(stage)).filter(({ type }) => type === "bank.deposited");
  assert.deepEqual(
    own.map(({ version, balance }) => [version, balance]),
    [
      [1, 1],
      [2, 2],
    ],
  );
  wake();
});
