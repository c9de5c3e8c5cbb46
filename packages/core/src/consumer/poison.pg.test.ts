import assert from "node:assert/strict";
import { test } from "node:test";
import { appendEntries } from "../journal/append.ts";
import type { JsonObject } from "../model/entry.ts";
import { laneOf } from "../model/lane.ts";
import { bank } from "../testing/bank.fixture.ts";
import { command, fact } from "../testing/entries.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { ledgerFacts, offer, projects, putAside, startWorker } from "../testing/worker.fixture.ts";

const bed = await openTestBed();
const newStage = () => bed.stage(bank(bed.newName()));
const twice = { attempts: 2, firstMs: 5, longestMs: 5 };
const never = { attempts: 5, firstMs: 600_000, longestMs: 600_000 };

const deposit = (key: string, data: JsonObject = {}) => command({ key, data: { amount: 1, ...data } });
const settle = (key: string, data: JsonObject = {}) =>
  command({ key, type: "bank.settle", data: { amount: 1, ...data } });
const amounts = async (stage: Stage, key: string) => (await ledgerFacts(stage, key)).map((one) => one.amount);

test("a command that makes its decider throw is put aside alone; the rest of its batch is decided", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage, { poisoned: new Set(["x"]), retry: twice });
  const good = Array.from({ length: 99 }, (_, n) => deposit(`a-${n}`));
  await offer(stage, [...good.slice(0, 40), deposit("bad", { mark: "x" }), ...good.slice(40)], worker);
  await worker.happenings.heard("parked");
  assert.equal((await ledgerFacts(stage)).filter((one) => one.type === "bank.deposited").length, 99);
  assert.deepEqual(
    (await putAside(stage)).map(({ key, state, attempts, cause, text }) => ({
      key,
      state,
      attempts,
      cause,
      text,
    })),
    [{ key: "bad", state: "parked", attempts: 2, cause: "decider-threw", text: "Error: poisoned by x" }],
  );
});

test("facts the database refuses split their batch until the one command at fault stands alone", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage, { retry: twice });
  const good = Array.from({ length: 60 }, (_, n) => deposit(`a-${n % 20}`));
  // The journal's own constraint forbids a fact without a type.
  await offer(stage, [...good.slice(0, 23), deposit("bad", { fact: "" }), ...good.slice(23)], worker);
  const parked = await worker.happenings.heard("parked");
  assert.equal(parked.code, "data-rejected");
  await worker.happenings.until("the others are decided", async () => {
    return (await ledgerFacts(stage)).filter((one) => one.type === "bank.deposited").length === 60;
  });
  assert.deepEqual(
    (await putAside(stage)).map(({ key, state }) => [key, state]),
    [["bad", "parked"]],
  );
  for (let n = 0; n < 20; n++)
    assert.deepEqual(
      (await ledgerFacts(stage, `a-${n}`)).map((one) => one.version),
      [1, 2, 3],
    );
});

test("several commands at fault in one batch are all found, and nothing else is put aside for good", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage, { poisoned: new Set(["x"]), retry: twice });
  const batch = Array.from({ length: 64 }, (_, n) =>
    deposit(`a-${n}`, n % 16 === 3 ? { mark: "x" } : n % 16 === 9 ? { fact: "" } : {}),
  );
  await offer(stage, batch, worker);
  await worker.happenings.until("eight are parked", () => worker.happenings.count("parked") === 8);
  await worker.happenings.until("the others are decided", async () => {
    return (await ledgerFacts(stage)).filter((one) => one.type === "bank.deposited").length === 56;
  });
  const open = (await putAside(stage)).filter((one) => one.state !== "done");
  assert.deepEqual(open.map((one) => Number(one.key.slice(2)) % 16).toSorted(), [3, 3, 3, 3, 9, 9, 9, 9]);
});

test("a fact that breaks a read model's constraint holds its key there; other keys and the decider go on", async () => {
  const stage = await newStage();
  const decider = await startWorker(bed, stage);
  const model = await startWorker(bed, stage, { definition: () => projects(stage), retry: twice });
  const overdraft = command({ key: "a-1", type: "bank.withdraw", data: { amount: 5, forced: true } });
  await offer(stage, [deposit("a-1"), overdraft, deposit("a-1", { amount: 10 }), deposit("a-2")], decider);
  await decider.happenings.until("decided", async () => (await ledgerFacts(stage)).length >= 4);
  model.wakeUps.ring("ledger");
  const parked = await model.happenings.heard("parked");
  assert.deepEqual(
    [parked.consumer, parked.code, parked.processId],
    ["balance", "data-rejected", overdraft.id],
  );
  await offer(stage, [deposit("a-2"), deposit("a-1")], decider);
  await decider.happenings.until(
    "decided",
    async () => (await ledgerFacts(stage)).filter((one) => one.amount).length === 6,
  );
  model.wakeUps.ring("ledger");
  const balances = () =>
    stage.database("ledger").execute("select account, balance::int, facts from bank.balance order by 1");
  await model.happenings.until("the other key is up to date", async () =>
    JSON.stringify(await balances()).includes('"facts":2'),
  );
  assert.deepEqual(await balances(), [
    { account: "a-1", balance: 1, facts: 1 },
    { account: "a-2", balance: 2, facts: 2 },
  ]);
  await model.happenings.until(
    "successors wait",
    async () => (await putAside(stage, "balance")).length === 3,
  );
  assert.deepEqual(
    (await putAside(stage, "balance")).map((one) => one.state),
    ["parked", "held", "held"],
  );
});

test("a command that fails is tried again with a growing pause, and has its effect once when it succeeds", async () => {
  const stage = await newStage();
  const poisoned = new Set(["x"]);
  const worker = await startWorker(bed, stage, {
    poisoned,
    retry: { attempts: 5, firstMs: 20, longestMs: 10_000 },
  });
  await offer(stage, [deposit("a-1", { mark: "x" })], worker);
  for (let tries = 1; tries <= 3; tries++) {
    await worker.happenings.until(
      `try ${tries}`,
      async () => Number((await putAside(stage))[0]?.attempts) >= tries,
    );
    // A busy machine may have gone on by the time of this look: the row says which try its wait belongs to.
    const [row] = await stage
      .database("ledger")
      .execute<{ attempts: number; ms: number }>(
        "select attempts, extract(epoch from next_try_at - clock_timestamp())::float8 * 1000 as ms from entente.parked",
      );
    // 20, 80 and 320 ms, less what the looking took.
    assert.ok(row !== undefined && row.ms <= 20 * 4 ** (row.attempts - 1) + 1, JSON.stringify(row));
  }
  poisoned.clear();
  await worker.happenings.until("done", async () => (await putAside(stage))[0]?.state === "done");
  assert.deepEqual(await amounts(stage, "a-1"), [1]);
  assert.equal(worker.happenings.count("parked"), 0);
  assert.equal((await ledgerFacts(stage)).length, 1, "nothing was said about parking");
});

test("tries are bounded: after the last one the entry is parked and not touched any more", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage, {
    poisoned: new Set(["x"]),
    retry: { attempts: 3, firstMs: 1, longestMs: 1 },
  });
  const bad = deposit("a-1", { mark: "x" });
  await offer(stage, [bad], worker);
  await worker.happenings.heard("parked");
  assert.equal(worker.happenings.count("retrying"), 2);
  await offer(stage, [deposit("a-2")], worker);
  await worker.happenings.until("decided", async () => (await amounts(stage, "a-2")).length === 1);
  assert.deepEqual(
    (await putAside(stage)).map(({ state, attempts }) => [state, attempts]),
    [["parked", 3]],
  );
  const [said, ...more] = await ledgerFacts(stage, "a-1");
  assert.deepEqual([said?.type, said?.cause, more.length], ["entente.command-parked", bad.id, 0]);
});

test("step-aside: later commands of the key wait while it is tried, and go on in order once it is parked", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage, {
    poisoned: new Set(["x"]),
    retry: { attempts: 3, firstMs: 100, longestMs: 100 },
  });
  const later = Array.from({ length: 10 }, (_, n) => deposit("a-1", { amount: 10 + n }));
  await offer(
    stage,
    [deposit("a-1", { amount: 1 }), deposit("a-1", { mark: "x" }), ...later.slice(0, 5)],
    worker,
  );
  await worker.happenings.heard("retrying");
  assert.deepEqual(await amounts(stage, "a-1"), [1]);
  await offer(stage, later.slice(5), worker);
  await worker.happenings.heard("parked");
  await worker.happenings.until("all decided", async () => (await ledgerFacts(stage, "a-1")).length === 12);
  assert.deepEqual(
    (await amounts(stage, "a-1")).filter((amount) => amount !== null),
    [1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
  );
  assert.deepEqual(
    (await ledgerFacts(stage, "a-1")).filter((one) => one.version !== null).map((one) => one.version),
    Array.from({ length: 11 }, (_, n) => n + 1),
  );
});

test("hold-key: later commands of the key wait behind the parked one, other keys of the lane flow", async () => {
  const stage = await newStage();
  const poisoned = new Set(["x"]);
  const worker = await startWorker(bed, stage, { poisoned, retry: twice });
  // Of one lane: the lane itself must not stand still.
  const neighbour = Array.from({ length: 1_000 }, (_, n) => `b-${n}`).find(
    (key) => laneOf("acme", key) === laneOf("acme", "a-1"),
  );
  await offer(stage, [settle("a-1", { mark: "x", amount: 1 }), settle("a-1", { amount: 2 })], worker);
  await worker.happenings.heard("parked");
  await offer(stage, [deposit("a-1", { amount: 3 }), deposit(neighbour as string)], worker);
  await worker.happenings.until(
    "the neighbour is decided",
    async () => (await amounts(stage, neighbour as string)).length === 1,
  );
  assert.deepEqual(
    (await putAside(stage)).map((one) => one.state),
    ["parked", "held", "held"],
  );
  assert.deepEqual(await amounts(stage, "a-1"), [null], "only the fact that it is parked");
});

test("a poisoned successor holds those behind it in its turn, and none is overtaken", async () => {
  const stage = await newStage();
  const poisoned = new Set(["x", "y"]);
  const worker = await startWorker(bed, stage, {
    poisoned,
    retry: { attempts: 20, firstMs: 20, longestMs: 20 },
  });
  await offer(
    stage,
    [
      settle("a-1", { mark: "x", amount: 1 }),
      settle("a-1", { amount: 2 }),
      settle("a-1", { mark: "y", amount: 3 }),
      settle("a-1", { amount: 4 }),
    ],
    worker,
  );
  await worker.happenings.heard("retrying");
  poisoned.delete("x");
  await worker.happenings.until(
    "the second is decided",
    async () => (await amounts(stage, "a-1")).length === 2,
  );
  await offer(stage, [settle("a-1", { amount: 5 })], worker);
  poisoned.delete("y");
  await worker.happenings.until("all decided", async () => (await amounts(stage, "a-1")).length === 5);
  assert.deepEqual(await amounts(stage, "a-1"), [1, 2, 3, 4, 5]);
  // The key flows freely again: the next one is not put aside any more.
  await worker.happenings.until("nothing is open", async () =>
    (await putAside(stage)).every((one) => one.state === "done"),
  );
  const before = (await putAside(stage)).length;
  await worker.happenings.until("the key is forgotten", async () => {
    await offer(stage, [settle("a-1")], worker);
    const count = (await amounts(stage, "a-1")).length;
    await worker.happenings.until("decided", async () => (await amounts(stage, "a-1")).length > count - 1);
    return (await putAside(stage)).length === before || worker.happenings.count("batch") > 20;
  });
});

test("a restart while entries are tried again or held keeps their order", async () => {
  const stage = await newStage();
  const poisoned = new Set(["x"]);
  const first = await startWorker(bed, stage, { poisoned, retry: never });
  await offer(stage, [settle("a-1", { mark: "x", amount: 1 }), settle("a-1", { amount: 2 })], first);
  await first.happenings.heard("retrying");
  await first.stop();
  await offer(stage, [settle("a-1", { amount: 3 })]);
  const second = await startWorker(bed, stage, { poisoned, retry: never });
  await second.happenings.until("the third waits as well", async () => (await putAside(stage)).length === 3);
  await second.stop();
  poisoned.clear();
  await stage
    .database("ledger")
    .execute("update entente.parked set next_try_at = clock_timestamp() where state = 'retrying'");
  await offer(stage, [settle("a-1", { amount: 4 })]);
  const third = await startWorker(bed, stage, { poisoned, retry: never });
  await third.happenings.until("all decided", async () => (await amounts(stage, "a-1")).length === 4);
  assert.deepEqual(await amounts(stage, "a-1"), [1, 2, 3, 4]);
});

test("a command type nobody lists is parked, not lost, and does not hold its key", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage, { retry: twice });
  const unknown = command({ key: "a-1", type: "bank.close-account", data: {} });
  await offer(stage, [unknown, deposit("a-1")], worker);
  const parked = await worker.happenings.heard("parked");
  assert.deepEqual([parked.code, parked.entryId], ["command-type-unknown", unknown.id]);
  await worker.happenings.until("the deposit is decided", async () =>
    (await amounts(stage, "a-1")).includes(1),
  );
});

test("commands for another context, and what is not a command, are passed over", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage);
  const foreign = command({ target: "warehouse" });
  await offer(stage, [foreign, fact({ source: "front", kind: "control" }), deposit("a-1")], worker);
  await worker.happenings.until("decided", async () => (await amounts(stage, "a-1")).length === 1);
  assert.equal((await ledgerFacts(stage)).length, 1);
  assert.deepEqual(await putAside(stage), []);
});

test("an error whose text cannot be stored as it is does not stop the lane", async () => {
  const stage = await newStage();
  const marks = ["nul \u0000 inside", "half \ud83d a character", `${"x".repeat(484)}🙂🙂🙂`];
  const worker = await startWorker(bed, stage, { poisoned: new Set(marks), retry: twice });
  // The marks reach the decider through its commands' data, so they have to survive the journal as well.
  await offer(
    stage,
    marks.map((mark, n) => deposit(`bad-${n}`, { mark })),
    worker,
  );
  await offer(stage, [deposit("a-1")], worker);
  await worker.happenings.until("all are parked", () => worker.happenings.count("parked") === marks.length);
  await worker.happenings.until(
    "the deposit is decided",
    async () => (await amounts(stage, "a-1")).length === 1,
  );
  assert.equal(worker.happenings.count("stopped"), 0);
});

test("one entry may be put aside by several consumers of a context, each with a record of its own", async () => {
  const stage = await newStage();
  const copy = (name: string) => () => ({ ...projects(stage), name });
  const models = await Promise.all(
    ["balance", "balance-copy"].map((name) =>
      startWorker(bed, stage, { definition: copy(name), retry: twice }),
    ),
  );
  const bad = fact({ key: "a-1", type: "bank.withdrawn", data: { amount: -5, balance: -5 } });
  await appendEntries(stage.database("ledger"), [bad]);
  for (const model of models) {
    model.wakeUps.ring("ledger");
    const parked = await model.happenings.heard("parked");
    assert.equal(parked.entryId, bad.id);
    assert.equal(model.happenings.count("stopped"), 0);
  }
});

test("a thousand keys that stand still do not slow down the others", async () => {
  const stage = await newStage();
  const worker = await startWorker(bed, stage, { poisoned: new Set(["x"]), retry: never });
  await offer(
    stage,
    Array.from({ length: 1_000 }, (_, n) => settle(`stuck-${n}`, { mark: "x" })),
    worker,
  );
  await worker.happenings.until("all stand still", () => worker.happenings.count("retrying") === 1_000);
  const startedAt = performance.now();
  for (let n = 1; n <= 20; n++) {
    await offer(stage, [deposit("a-1", { amount: n })], worker);
    await worker.happenings.until("decided", async () => (await amounts(stage, "a-1")).length === n);
  }
  const each = (performance.now() - startedAt) / 20;
  assert.ok(each < 150, `${Math.round(each)} ms for each command that flows`);
});
