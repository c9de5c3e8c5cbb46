import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { System } from "../context/system.ts";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { Entry, JsonObject } from "../model/entry.ts";
import { laneOf } from "../model/lane.ts";
import type { ProcessDefinition } from "../model/process.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import type { Happenings } from "../testing/happenings.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { startWorker } from "../testing/worker.fixture.ts";
import { processViewConsumer } from "./process-view.ts";
import { openProcessReader } from "./read-process.ts";

const bed = await openTestBed();
const name = bed.newName();
const poisoned = new Set<string>();
const act = { tenantId: "acme", by: "ann", why: "drill" };
let system: System;
let happenings: Happenings;

before(async () => {
  const settings = { retryAttempts: 2, retryFirstMs: 5, retryLongestMs: 5 };
  ({ system, happenings } = await bed.start(bank(name, poisoned), { settings }));
});

let keys = 0;
const newKey = () => `a-${++keys}`;

async function accept(type: string, key: string, data: JsonObject): Promise<string> {
  return (await system.accept(submission(type, key, data))).processId;
}

const becomes = (processId: string, state: string) =>
  happenings.until(
    `${processId} is ${state}`,
    async () => (await system.processes.read("acme", processId))?.state === state,
  );

async function tally(): Promise<{ accepted: number; finished: number }> {
  const [row] = await bed.sql<{ accepted: number; finished: number }>(
    name,
    "front",
    `select coalesce(sum(total) filter (where name = 'accepted'), 0)::int as accepted,
       coalesce(sum(total) filter (where name = 'finished'), 0)::int as finished from entente.tally`,
  );
  return row ?? { accepted: -1, finished: -1 };
}

/** Every accepted process has ended, and each was counted once. */
async function allCounted(): Promise<void> {
  await happenings.until("all are counted", async () => {
    const { accepted, finished } = await tally();
    return finished >= accepted;
  });
  const { accepted, finished } = await tally();
  assert.equal(finished, accepted);
}

test("a process can be read from the moment its acceptance is answered: queued, with all that is known by then", async () => {
  await system.setPaused("ledger", true, act);
  const key = newKey();
  const accepted = await system.accept(submission("deposit", key, { amount: 1 }, { customerId: "c-1" }));
  assert.ok(accepted.outcome === "accepted");
  const { processId, acceptedAt } = accepted;
  assert.deepEqual(await system.processes.read("acme", processId), {
    processId,
    tenantId: "acme",
    type: "deposit",
    key,
    customerId: "c-1",
    state: "queued",
    delayed: false,
    steps: [],
    reason: null,
    outcome: null,
    acceptedAt,
    updatedAt: acceptedAt,
    freshUntil: null,
    stale: false,
    change: { xid: "0", seq: "0" },
  });
  await system.setPaused("ledger", false, act);
  await becomes(processId, "confirmed");
});

test("facts fold into state, steps, outcome and reason, as the process's definition says", async () => {
  const key = newKey();
  const deposited = await accept("deposit", key, { amount: 5 });
  const refused = await accept("withdraw", key, { amount: 9 });
  const withdrawn = await accept("withdraw", key, { amount: 2 });
  for (const [processId, state] of [
    [deposited, "confirmed"],
    [refused, "failed"],
    [withdrawn, "confirmed"],
  ] as const) {
    await becomes(processId, state);
  }
  const [one, two, three] = await Promise.all(
    [deposited, refused, withdrawn].map((id) => system.processes.read("acme", id)),
  );
  assert.deepEqual([one?.type, one?.outcome, one?.reason], ["deposit", { amount: 5, balance: 5 }, null]);
  assert.deepEqual([one?.freshUntil, one?.stale], [null, false]);
  assert.deepEqual(
    one?.steps.map((step) => [step.name, step.state]),
    [["bank.deposited", "done"]],
  );
  assert.deepEqual(two?.reason, {
    code: "insufficient-funds",
    message: "The account does not hold that much.",
  });
  assert.deepEqual(
    [two?.type, three?.type, three?.outcome],
    ["withdrawal", "withdrawal", { amount: -2, balance: 3 }],
  );
  assert.ok((three?.updatedAt ?? 0) >= (three?.acceptedAt ?? 0));
});

test("nobody reads another tenant's process, nor one that does not exist", async () => {
  const processId = await accept("deposit", newKey(), { amount: 5 });
  assert.equal(await system.processes.read("somebody-else", processId), null);
  await becomes(processId, "confirmed");
  assert.equal(await system.processes.read("somebody-else", processId), null);
  assert.equal(await system.processes.read("acme", newId(Date.now())), null);
  assert.equal(await system.processes.read("acme", "not-an-id"), null);
});

test("a process unfinished past its definition's limit is shown as delayed, by business time, until it ends", async () => {
  await system.setPaused("ledger", true, act);
  const processId = await accept("deposit", newKey(), { amount: 1 });
  const { acceptedAt } = (await system.processes.read("acme", processId)) ?? { acceptedAt: 0 };
  const offset = system.clock.offsetMs();
  assert.equal((await system.processes.read("acme", processId))?.delayed, false);
  await system.setClock(acceptedAt + 15_001);
  assert.equal((await system.processes.read("acme", processId))?.delayed, true);
  await system.setClock(Date.now() + offset);
  await system.setPaused("ledger", false, act);
  await becomes(processId, "confirmed");
  assert.equal((await system.processes.read("acme", processId))?.delayed, false);
});

test("an end is counted once: also when a failed process is redriven and confirmed, or given up", async () => {
  const key = newKey();
  poisoned.add("x");
  const redriven = await accept("deposit", key, { amount: 1, mark: "x" });
  const givenUp = await accept("deposit", key, { amount: 1, mark: "x" });
  await becomes(redriven, "failed");
  await becomes(givenUp, "failed");
  await system.redrive("ledger", { ...act, entryId: redriven });
  await happenings.until("parked again", () => {
    return (
      happenings.events.filter((event) => event.event === "parked" && event.entryId === redriven).length === 2
    );
  });
  poisoned.delete("x");
  await system.redrive("ledger", { ...act, entryId: redriven });
  await system.discard("ledger", { ...act, entryId: givenUp });
  await becomes(redriven, "confirmed");
  await happenings.until(
    "discarded",
    async () => (await system.processes.read("acme", givenUp))?.reason?.code === "discarded",
  );
  await allCounted();
});

test("what due timers lead to counts neither as accepted nor as finished", async () => {
  const name_ = bed.newName();
  const [front, ledger] = bank(name_).contexts;
  // A definition that listens to what timers lead to: such a process was never accepted from outside.
  const rung: ProcessDefinition = {
    type: "ringing",
    startedBy: "bank.ring",
    delayedAfterMs: 1_000,
    facts: ["bank.reminder-rung"],
    apply: (view) => ({ ...view, state: "confirmed" }),
  };
  assert.ok(front?.intake !== undefined && ledger !== undefined);
  const contexts = [
    { ...front, intake: { ...front.intake, processes: [...front.intake.processes, rung] } },
    ledger,
  ];
  const { system: own, happenings: heard } = await bed.start({ name: name_, contexts });
  for (let n = 0; n < 5; n++)
    await own.accept(submission("remind", `a-${n}`, { name: "soon", dueAt: own.clock.now() }));
  const rows = () =>
    bed.sql<{ type: string; n: number }>(
      name_,
      "front",
      "select type, count(*)::int as n from entente.process group by type order by type",
    );
  await heard.until("all have ended", async () => (await rows()).reduce((sum, row) => sum + row.n, 0) === 10);
  assert.deepEqual(
    await bed.sql(
      name_,
      "front",
      "select name, sum(total)::int as total from entente.tally where name in ('accepted', 'finished') group by name order by name",
    ),
    [
      { name: "accepted", total: 5 },
      { name: "finished", total: 5 },
    ],
  );
});

/** A process of four steps on two keys; ended when all are done. */
const journey: ProcessDefinition = {
  type: "journey",
  startedBy: "bank.journey",
  delayedAfterMs: 1_000,
  facts: ["bank.left", "bank.right"],
  apply(view, { data, occurredAt }: Entry) {
    const steps = [...view.steps, { name: String(data.step), state: "done" as const, at: occurredAt }];
    return { ...view, steps, state: steps.length === 4 ? "confirmed" : "processing" };
  },
};

/** Two workers of the view, and a key that each of them follows alone. */
async function twoViews() {
  const stage = await bed.stage(bank(bed.newName()));
  const front = stage.database("front");
  const source = {
    context: "ledger",
    database: stage.database("ledger", "reader"),
    reading: "everything",
  } as const;
  const definition = () =>
    processViewConsumer({
      definitions: [journey],
      sources: [source],
      onChange: () => {},
      random: Math.random,
      now: Date.now,
    });
  const options = { context: "front", database: front, definition, leaseMs: 300, perLane: 10 };
  const workers = [await startWorker(bed, stage, options), await startWorker(bed, stage, options)] as const;
  await workers[0].happenings.until("four lanes each", () =>
    workers.every((worker) => worker.consumer.lanes().length === 4),
  );
  const [left, right] = workers.map((worker) => {
    const [lane] = worker.consumer.lanes();
    return (
      Array.from({ length: 1_000 }, (_, n) => `k-${n}`).find((key) => laneOf("acme", key) === lane) ?? ""
    );
  }) as [string, string];
  const step = (processId: string, n: number, side: "left" | "right") =>
    fact({
      type: `bank.${side}`,
      key: side === "left" ? left : right,
      processId,
      correlationId: processId,
      data: { step: n },
    });
  const append = async (facts: ReturnType<typeof step>[]) => {
    await appendEntries(stage.database("ledger"), facts);
    for (const worker of workers) worker.wakeUps.ring("ledger");
  };
  const rows = () =>
    front.execute<{ state: string; steps: number }>(
      "select state, json_array_length(steps) as steps from entente.process",
    );
  const finished = async () =>
    (
      await front.execute<{ n: number }>(
        "select sum(total)::int as n from entente.tally where name = 'finished'",
      )
    )[0]?.n ?? 0;
  return { front, workers, step, append, rows, finished };
}

test("a view another worker is changing at this moment is waited for, and no fact of either is lost", async () => {
  const { front, workers, step, append, rows, finished } = await twoViews();
  const processId = newId(Date.now());
  await append([step(processId, 1, "left"), step(processId, 2, "left")]);
  await workers[0].happenings.until("it is under way", async () => (await rows())[0]?.steps === 2);
  const parked = workers[0].happenings.park("consumer:before-commit");
  const read = workers[1].happenings.park("consumer:read");
  await append([step(processId, 3, "left"), step(processId, 4, "right")]);
  await Promise.all([parked.reached, read.reached]);
  read.release();
  await workers[1].happenings.until("the other one waits for the row", async () => {
    const waiting = await front.execute(
      "select 1 from pg_locks where not granted and database = (select oid from pg_database where datname = current_database()) union all select 1 from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()",
    );
    return waiting.length > 0;
  });
  parked.release();
  await workers[1].happenings.until("it has ended", async () => (await rows())[0]?.state === "confirmed");
  assert.deepEqual(await rows(), [{ state: "confirmed", steps: 4 }]);
  assert.equal(await finished(), 1);
});

test("facts of one process on different keys, followed by different workers at once, are all folded and counted once", async () => {
  const { workers, step, append, rows, finished } = await twoViews();
  const processes = Array.from({ length: 200 }, () => newId(Date.now()));
  for (let n = 0; n < processes.length; n += 20) {
    const some = processes.slice(n, n + 20);
    for (const [one, other] of [
      [1, 2],
      [3, 4],
    ] as const) {
      await append(
        some.flatMap((processId, i) => {
          const facts = [step(processId, one, "left"), step(processId, other, "right")];
          return i % 2 === 0 ? facts : facts.reverse();
        }),
      );
    }
  }
  await workers[0].happenings.until("all have ended", async () => {
    return (
      (await rows()).filter((row) => row.steps === 4 && row.state === "confirmed").length === processes.length
    );
  });
  assert.equal(await finished(), processes.length);
});

test("a process is as fresh as the fact that moved it last: past its time it is shown as it was and marked", async () => {
  const { front, workers, step, append } = await twoViews();
  const [seen, late, decided] = Array.from({ length: 3 }, () => newId(Date.now())) as [
    string,
    string,
    string,
  ];
  const ttlMs = 60_000;
  const now = Date.now();
  await append([
    { ...step(seen, 1, "left"), occurredAt: now, ttlMs },
    { ...step(late, 1, "left"), occurredAt: now - 2 * ttlMs, ttlMs },
    { ...step(decided, 1, "left"), occurredAt: now, ttlMs },
    step(decided, 2, "left"),
  ]);
  await workers[0].happenings.until("all are shown", async () => {
    const [row] = await front.execute<{ n: number }>(
      "select sum(json_array_length(steps))::int as n from entente.process",
    );
    return row?.n === 4;
  });
  const shown = async (at: number) => {
    const reader = openProcessReader(front, [], () => at, 86_400_000);
    const records = await Promise.all([seen, late, decided].map((id) => reader.read("acme", id)));
    return records.map((record) => [record?.freshUntil ?? null, record?.stale]);
  };
  const until = [now + ttlMs, now - ttlMs, null];
  assert.deepEqual(await shown(now + ttlMs), [
    [until[0], false],
    [until[1], true],
    [until[2], false],
  ]);
  assert.deepEqual(await shown(now + ttlMs + 1), [
    [until[0], true],
    [until[1], true],
    [until[2], false],
  ]);
});
