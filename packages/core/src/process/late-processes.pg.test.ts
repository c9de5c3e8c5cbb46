import assert from "node:assert/strict";
import { before, test } from "node:test";
import { openBusinessClock } from "../clock/business-clock.ts";
import { openWakeUps } from "../consumer/wake-up.ts";
import { newId } from "../journal/new-id.ts";
import type { Database } from "../postgres/database.ts";
import { bank, bankProcesses, submission } from "../testing/bank.fixture.ts";
import { openHappenings } from "../testing/happenings.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { type LateProcesses, openLateProcesses } from "./late-processes.ts";
import { openProcessPush, type ProcessPush, type Watcher } from "./process-push.ts";
import { type ChangeFilter, openProcessReader, type ProcessRecord } from "./read-process.ts";

const bed = await openTestBed();
const happenings = openHappenings();
/** What every process of the bank is given before it counts as delayed. */
const limitMs = 15_000;
let stage: Stage;
let front: Database;

before(async () => {
  stage = await bed.stage(bank(bed.newName()));
  front = stage.database("front");
});

const clockAt = (start: number) => {
  let now = start;
  return {
    ...openBusinessClock(() => now),
    pass(ms: number) {
      now += ms;
    },
  };
};
type TestClock = ReturnType<typeof clockAt>;

/** A push of its own, as one process of the system has it, by a clock that the test moves. */
function open(wrap: (late: LateProcesses) => LateProcesses = (late) => late) {
  const clock = clockAt(Date.now());
  const wakeUps = openWakeUps();
  const now = () => clock.now();
  const reader = openProcessReader(front, bankProcesses, now, 90 * 86_400_000);
  const late = wrap(openLateProcesses(front, bankProcesses, now));
  const push: ProcessPush = openProcessPush({ reader, late, context: "front", wakeUps, clock });
  bed.atEnd(() => push.close());
  return { clock, push, reader, ring: () => wakeUps.ring("front:processes") };
}

const nothing: ChangeFilter = { processIds: [], keys: [], tenants: [] };

/** A watcher that remembers what it was told, in order. */
function watcher(filter: Partial<ChangeFilter>): Watcher & { readonly told: [string, ProcessRecord][] } {
  const told: [string, ProcessRecord][] = [];
  return {
    filter: { ...nothing, ...filter },
    changed: (record) => void told.push(["changed", record]),
    late: (record) => void told.push(["late", record]),
    told,
  };
}

const told = (one: ReturnType<typeof watcher>, count: number) =>
  happenings.until(`${count} are told`, () => one.told.length >= count);
const inShort = (one: ReturnType<typeof watcher>) =>
  one.told.map(([how, { state, delayed }]) => `${how} ${state}${delayed ? " delayed" : ""}`);
const idsOf = (one: ReturnType<typeof watcher>) => one.told.map(([, record]) => record.processId);

/** Puts commands in the journal as the intake would, accepted at this moment; one statement for all. */
async function accept(
  clock: TestClock,
  tenantId: string,
  keys: readonly string[],
  type = "bank.deposit",
): Promise<string[]> {
  const ids = keys.map(() => newId(clock.now())).sort();
  await front.execute(
    `insert into entente.journal (id, lane, kind, type, schema_version, source, target, tenant_id, key, process_id, correlation_id, occurred_at, data)
     select id, 0, 'command', $5, '1.0.0', 'front', 'ledger', $2, key, id, id::text, to_timestamp($4::float8 / 1000), '{}'
     from unnest($1::uuid[], $3::text[]) as c(id, key)`,
    [ids, tenantId, keys, clock.now(), type],
  );
  return ids;
}

/** Changes a process's view as its consumer would. */
async function change(tenantId: string, processId: string, state: string): Promise<void> {
  await front.execute(
    `insert into entente.process as p (process_id, tenant_id, type, key, state, steps, updated_at) values ($1, $2, 'deposit', 'a-1', $3, '[]', now())
     on conflict (process_id) do update set state = excluded.state, xid = pg_current_xact_id(), change = nextval('entente.process_change')`,
    [processId, tenantId, state],
  );
}

test("a process that nobody moved is told as late once, when its limit passes, to those who watch it", async () => {
  const { clock, push } = open();
  const [first, second] = await accept(clock, "passing", ["a-1", "a-2"]);
  await accept(clock, "elsewhere", ["a-1"]);
  const watchers = [
    watcher({ tenants: ["passing"] }),
    watcher({ keys: [{ tenantId: "passing", key: "a-1" }] }),
    watcher({ processIds: [second as string] }),
  ] as const;
  for (const one of watchers) await push.watch(one);
  clock.setOffset(limitMs);
  const [third] = await accept(clock, "passing", ["a-3"]);
  clock.setOffset(limitMs + 1);
  await told(watchers[0], 2);
  clock.setOffset(2 * limitMs + 1);
  await told(watchers[0], 3);
  assert.deepEqual(idsOf(watchers[0]), [first, second, third]);
  assert.deepEqual(idsOf(watchers[1]), [first]);
  assert.deepEqual(idsOf(watchers[2]), [second]);
  assert.deepEqual(new Set(watchers.flatMap(inShort)), new Set(["late queued delayed"]));
});

test("a limit that passes by itself is noticed without anybody moving the clock", async () => {
  const { clock, push } = open();
  const [processId] = await accept(clock, "waiting", ["a-1"]);
  const one = watcher({ tenants: ["waiting"] });
  await push.watch(one);
  clock.pass(limitMs + 1);
  await told(one, 1);
  assert.deepEqual([idsOf(one), inShort(one)], [[processId], ["late queued delayed"]]);
});

test("what has ended is never late, and what is under way is late as it stands", async () => {
  const { clock, push, ring } = open();
  const [confirmed, processing] = (await accept(clock, "moving", ["a-1", "a-2"])) as [string, string];
  const one = watcher({ tenants: ["moving"] });
  await push.watch(one);
  await change("moving", confirmed, "confirmed");
  await change("moving", processing, "processing");
  ring();
  await told(one, 2);
  clock.setOffset(limitMs + 1);
  await told(one, 3);
  await change("moving", processing, "confirmed");
  ring();
  await told(one, 4);
  assert.deepEqual(inShort(one), [
    "changed confirmed",
    "changed processing",
    "late processing delayed",
    "changed confirmed",
  ]);
});

test("a change that already told of being late is not followed by another telling", async () => {
  // The look for late ones is held back, so that the change is read first although the limit passed before it.
  let held = true;
  const { clock, push, ring } = open((late) => ({
    ...late,
    next: (...given) => (held ? Promise.resolve({ records: [], more: false }) : late.next(...given)),
  }));
  const [moved, other] = (await accept(clock, "twice", ["a-1", "a-2"])) as [string, string];
  const one = watcher({ tenants: ["twice"] });
  await push.watch(one);
  clock.setOffset(limitMs + 1);
  await change("twice", moved, "processing");
  ring();
  await told(one, 1);
  held = false;
  clock.setOffset(limitMs + 2);
  await told(one, 2);
  assert.deepEqual(inShort(one), ["changed processing delayed", "late queued delayed"]);
  assert.deepEqual(idsOf(one), [moved, other]);
});

test("a change that is not told yet tells of being late itself", async () => {
  const late = openLateProcesses(front, bankProcesses, () => clock.now());
  const clock = clockAt(Date.now());
  const [processId] = (await accept(clock, "ahead", ["a-1"])) as [string];
  late.begin();
  await change("ahead", processId, "processing");
  clock.pass(limitMs + 1);
  const filter = { ...nothing, tenants: ["ahead"] };
  assert.deepEqual(await late.next({ xid: "0", seq: "0" }, filter), { records: [], more: false });
});

test("however many became late at once, each look reads a bounded part of the journal and the next goes on", async () => {
  const clock = clockAt(Date.now());
  const late = openLateProcesses(front, bankProcesses, () => clock.now());
  late.begin();
  const others = Array.from({ length: 2_500 }, (_, n) => `a-${n}`);
  await accept(clock, "crowd", others);
  clock.pass(1);
  const mine = await accept(clock, "lonely", ["a-1"]);
  clock.pass(limitMs + 1);
  const filter = { ...nothing, tenants: ["lonely"] };
  const pages: [number, boolean][] = [];
  for (let more = true; more; ) {
    const page = await late.next({ xid: "0", seq: "0" }, filter);
    assert.ok(page.records.every(({ processId }) => mine.includes(processId)));
    ({ more } = page);
    pages.push([page.records.length, more]);
  }
  assert.deepEqual(pages, [
    [0, true],
    [0, true],
    [1, false],
  ]);
});

test("each type has its own limit, and one without an end is never late", async () => {
  const clock = clockAt(Date.now());
  const limits: Record<string, number> = { deposit: 5_000, withdrawal: Number.POSITIVE_INFINITY };
  const definitions = bankProcesses.map((one) => ({ ...one, delayedAfterMs: limits[one.type] ?? limitMs }));
  const late = openLateProcesses(front, definitions, () => clock.now());
  const filter = { ...nothing, tenants: ["limits"] };
  late.begin();
  const found: string[] = [];
  for (const type of ["bank.deposit", "bank.withdraw", "bank.settle"])
    await accept(clock, "limits", ["a-1"], type);
  for (const ms of [5_000, 1, 9_999, 1, 1_000_000]) {
    clock.pass(ms);
    const types: string[] = [];
    for (let more = true; more; ) {
      const part = await late.next({ xid: "0", seq: "0" }, filter);
      types.push(...part.records.map(({ type }) => type));
      ({ more } = part);
    }
    found.push(types.join());
  }
  assert.deepEqual(found, ["", "deposit", "", "settlement", ""]);
});

test("while the store is away nobody is forgotten", async () => {
  let away = false;
  const refused = Promise.withResolvers<void>();
  const { clock, push } = open((late) => ({
    ...late,
    async next(...given) {
      if (!away) return late.next(...given);
      refused.resolve();
      throw new Error("away");
    },
  }));
  const [processId] = await accept(clock, "shaky", ["a-1"]);
  const one = watcher({ tenants: ["shaky"] });
  await push.watch(one);
  away = true;
  clock.setOffset(limitMs + 1);
  await refused.promise;
  away = false;
  await told(one, 1);
  assert.deepEqual(idsOf(one), [processId]);
});

test("who comes after the limit passed is told of what becomes late from then on", async () => {
  const { clock, push } = open();
  const [early] = await accept(clock, "after", ["a-1"]);
  clock.pass(1_000);
  const [late] = await accept(clock, "after", ["a-1"]);
  clock.pass(limitMs - 500);
  const one = watcher({ tenants: ["after"] });
  await push.watch(one);
  clock.setOffset(1_000);
  await told(one, 1);
  assert.deepEqual(idsOf(one), [late]);
  assert.notEqual(early, late);
});

test("watchers of a running system are told that a context which should answer keeps them waiting", async () => {
  const { system, happenings: heard } = await bed.start(bank(bed.newName()));
  await system.setPaused("ledger", true, { tenantId: "acme", by: "olga", why: "drill" });
  const one = watcher({ keys: [{ tenantId: "acme", key: "a-1" }] });
  await system.push.watch(one);
  const { processId } = await system.accept(submission("deposit", "a-1", { amount: 1 }));
  await system.setClock(system.clock.now() + limitMs + 1);
  await heard.until("it is told as late", () => one.told.length > 0);
  assert.deepEqual([idsOf(one), inShort(one)], [[processId], ["late queued delayed"]]);
  await system.setPaused("ledger", false, { tenantId: "acme", by: "olga", why: "over" });
  await heard.until("its end is told", () => one.told.length > 1);
  assert.deepEqual(inShort(one)[1], "changed confirmed");
});
