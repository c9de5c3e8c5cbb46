import assert from "node:assert/strict";
import { before, test } from "node:test";
import { openBusinessClock } from "../clock/business-clock.ts";
import { openWakeUps } from "../consumer/wake-up.ts";
import { newId } from "../journal/new-id.ts";
import { comparePositions, type Position } from "../model/entry.ts";
import type { Database } from "../postgres/database.ts";
import { bank, bankProcesses, submission } from "../testing/bank.fixture.ts";
import { openHappenings } from "../testing/happenings.fixture.ts";
import { openTestBed, type Stage } from "../testing/test-bed.fixture.ts";
import { openLateProcesses } from "./late-processes.ts";
import { openProcessPush, type ProcessPush, type Watcher } from "./process-push.ts";
import {
  type ChangeFilter,
  openProcessReader,
  type ProcessReader,
  type ProcessRecord,
} from "./read-process.ts";

const bed = await openTestBed();
const name = bed.newName();
const happenings = openHappenings();
let stage: Stage;
let front: Database;
let reader: ProcessReader;

before(async () => {
  stage = await bed.stage(bank(name));
  front = stage.database("front");
  reader = openProcessReader(front, bankProcesses, Date.now, 90 * 86_400_000);
});

/** A push of its own, as one process of the system has it, and the wake-up that announces changes to it. */
function open(through: ProcessReader = reader): { push: ProcessPush; ring: () => void } {
  const wakeUps = openWakeUps();
  const clock = openBusinessClock();
  const late = openLateProcesses(front, bankProcesses, clock.now);
  const push = openProcessPush({ reader: through, late, context: "front", wakeUps, clock });
  bed.atEnd(() => push.close());
  return { push, ring: () => wakeUps.ring("front:processes") };
}

const nothing: ChangeFilter = { processIds: [], keys: [], tenants: [] };

/** A watcher that remembers what it was told. */
function watcher(filter: Partial<ChangeFilter>): Watcher & { readonly told: ProcessRecord[] } {
  const told: ProcessRecord[] = [];
  return { filter: { ...nothing, ...filter }, changed: (record) => void told.push(record), late() {}, told };
}

/** Changes a process's view as its consumer would. */
async function change(
  tenantId: string,
  key: string,
  processId: string,
  state: string,
  connection: Pick<Database, "execute"> = front,
) {
  await connection.execute(
    `insert into entente.process as p (process_id, tenant_id, type, key, state, steps, updated_at) values ($1, $2, 'deposit', $3, $4, '[]', now())
     on conflict (process_id) do update set state = excluded.state, xid = pg_current_xact_id(), change = nextval('entente.process_change')`,
    [processId, tenantId, key, state],
  );
}

const states = (told: readonly ProcessRecord[]) => told.map((record) => record.state);
const told = (one: { readonly told: readonly ProcessRecord[] }, count: number) =>
  happenings.until(`${count} are told`, () => one.told.length >= count);

test("a watcher is told of each change once, in order, by process, by key or by tenant", async () => {
  const { push, ring } = open();
  const [first, second] = [newId(Date.now()), newId(Date.now())];
  const byProcess = watcher({ processIds: [first] });
  const byKey = watcher({ keys: [{ tenantId: "telling", key: "a-1" }] });
  const byTenant = watcher({ tenants: ["telling"] });
  for (const one of [byProcess, byKey, byTenant]) await push.watch(one);
  for (const [n, [processId, key, state]] of (
    [
      [first, "a-1", "processing"],
      [second, "a-2", "processing"],
      [first, "a-1", "confirmed"],
      [second, "a-2", "failed"],
    ] as const
  ).entries()) {
    await change("telling", key, processId, state);
    ring();
    await told(byTenant, n + 1);
  }
  assert.deepEqual(states(byTenant.told), ["processing", "processing", "confirmed", "failed"]);
  assert.deepEqual(states(byProcess.told), ["processing", "confirmed"]);
  assert.deepEqual(states(byKey.told), ["processing", "confirmed"]);
  const positions = byTenant.told.map((record) => record.change);
  assert.ok(positions.every((at, n) => n === 0 || comparePositions(at, positions[n - 1] as Position) > 0));
});

test("a watcher hears nothing of other tenants, other keys or other processes, not even under the same key", async () => {
  const { push, ring } = open();
  const mine = newId(Date.now());
  const watchers = [
    watcher({ processIds: [mine] }),
    watcher({ keys: [{ tenantId: "mine", key: "a-1" }] }),
    watcher({ tenants: ["mine"] }),
  ];
  for (const one of watchers) await push.watch(one);
  await change("theirs", "a-1", newId(Date.now()), "confirmed");
  await change("min", "ea-1", newId(Date.now()), "confirmed");
  await change("mine", "a-2", newId(Date.now()), "confirmed");
  await change("mine", "a-1", mine, "confirmed");
  ring();
  for (const one of watchers) await told(one, 1);
  assert.deepEqual(
    watchers.map((one) => one.told.map((record) => [record.tenantId, record.key])),
    [
      [["mine", "a-1"]],
      [["mine", "a-1"]],
      [
        ["mine", "a-2"],
        ["mine", "a-1"],
      ],
    ],
  );
});

test("a watcher that left hears nothing more, and the others hear on", async () => {
  const { push, ring } = open();
  const processId = newId(Date.now());
  const [leaving, staying] = [watcher({ tenants: ["leaving"] }), watcher({ tenants: ["leaving"] })];
  const leave = await push.watch(leaving);
  await push.watch(staying);
  await change("leaving", "a-1", processId, "processing");
  ring();
  await told(staying, 1);
  leave();
  await change("leaving", "a-1", processId, "confirmed");
  ring();
  await told(staying, 2);
  assert.deepEqual(states(leaving.told), ["processing"]);
});

test("after all have left, a new watcher is told what changes from then on, and nothing from before", async () => {
  const { push, ring } = open();
  const processId = newId(Date.now());
  const first = watcher({ tenants: ["again"] });
  const leave = await push.watch(first);
  await change("again", "a-1", processId, "processing");
  ring();
  await told(first, 1);
  leave();
  await change("again", "a-1", processId, "failed");
  const [gate] = await front.execute<{ xid: string }>("select pg_current_xact_id()::text as xid");
  await happenings.until("the change lies behind the gate", async () => {
    return BigInt((await reader.horizon()).xid) >= BigInt(gate?.xid ?? 0);
  });
  const second = watcher({ tenants: ["again"] });
  await push.watch(second);
  await change("again", "a-1", processId, "confirmed");
  ring();
  await told(second, 1);
  assert.deepEqual(states(second.told), ["confirmed"]);
});

test("a change whose transaction commits late is told, although later ones were told before", async () => {
  const { push, ring } = open();
  const one = watcher({ tenants: ["late"] });
  await push.watch(one);
  const slow = await front.reserve();
  await slow.execute("begin");
  const [late, early] = [newId(Date.now()), newId(Date.now())];
  await change("late", "a-1", late, "confirmed", slow);
  await change("late", "a-1", early, "confirmed");
  ring();
  await slow.execute("commit");
  slow.release();
  ring();
  await told(one, 2);
  assert.deepEqual(
    one.told.map((record) => record.processId),
    [late, early],
  );
});

test("a change between watching and reading the present state is seen by one or the other", async () => {
  for (let round = 0; round < 30; round++) {
    const { push, ring } = open();
    const processId = newId(Date.now());
    const one = watcher({ processIds: [processId] });
    const changing = change("between", "a-1", processId, "confirmed").then(ring);
    await push.watch(one);
    const present = await reader.read("between", processId);
    await changing;
    if (present?.state !== "confirmed") await told(one, 1);
    await push.close();
  }
});

test("a query under way for other watchers when one joins does not carry the position past the joiner's change", async () => {
  const held = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let hold = false;
  const slowReader: ProcessReader = {
    ...reader,
    async changes(after, of, limit) {
      if (!hold) return reader.changes(after, of, limit);
      // The query has been sent, but its connection is slow: the server looks only later.
      hold = false;
      asked.resolve();
      await held.promise;
      return reader.changes(after, of, limit);
    },
  };
  const { push, ring } = open(slowReader);
  const resident = watcher({ tenants: ["resident"] });
  await push.watch(resident);
  hold = true;
  ring();
  await asked.promise;
  const joiner = watcher({ tenants: ["joiner"] });
  const watching = push.watch(joiner);
  // Whatever has resolved by now has resolved; the joiner may read the present state only after that.
  const resolved = await Promise.race([
    watching.then(() => true),
    new Promise<false>((resolve) => setImmediate(() => resolve(false))),
  ]);
  const processId = newId(Date.now());
  const readsAndSees = async () => {
    const present = await reader.read("joiner", processId);
    await change("joiner", "a-1", processId, "confirmed");
    await change("resident", "a-1", newId(Date.now()), "confirmed");
    const [last] = await front.execute<{ xid: string }>("select max(xid)::text as xid from entente.process");
    await happenings.until("both lie behind the gate", async () => {
      return BigInt((await reader.horizon()).xid) >= BigInt(last?.xid ?? 0);
    });
    return present;
  };
  if (resolved) {
    await readsAndSees();
    held.resolve();
  } else {
    held.resolve();
    await watching;
    await readsAndSees();
  }
  ring();
  await told(resident, 1);
  await told(joiner, 1);
});

test("while the store is away nothing is told, and what changed meanwhile is told when it is back", async () => {
  let away = false;
  const shaky: ProcessReader = {
    ...reader,
    changes: (after, of, limit) =>
      away ? Promise.reject(new Error("away")) : reader.changes(after, of, limit),
  };
  const { push, ring } = open(shaky);
  const one = watcher({ tenants: ["shaky"] });
  await push.watch(one);
  away = true;
  await change("shaky", "a-1", newId(Date.now()), "confirmed");
  ring();
  away = false;
  await told(one, 1);
  const unreachable: ProcessReader = { ...reader, horizon: () => Promise.reject(new Error("away")) };
  const other = open(unreachable);
  await assert.rejects(other.push.watch(watcher({ tenants: ["shaky"] })), /away/);
});

test("a watcher that throws does not keep the others from being told, nor has them told twice", async () => {
  const { push, ring } = open();
  const broken: Watcher = {
    filter: { ...nothing, tenants: ["throwing"] },
    changed() {
      throw new Error("a broken watcher");
    },
    late() {},
  };
  const good = watcher({ tenants: ["throwing"] });
  await push.watch(broken);
  await push.watch(good);
  for (const state of ["processing", "confirmed"]) {
    await change("throwing", "a-1", newId(Date.now()), state);
    ring();
    await told(good, state === "processing" ? 1 : 2);
  }
  assert.deepEqual(states(good.told), ["processing", "confirmed"]);
});

test("what nobody asked for is read once and not again at every look", async () => {
  const positions: Position[] = [];
  const watched: ProcessReader = {
    ...reader,
    changes(after, of, limit) {
      positions.push(after);
      return reader.changes(after, of, limit);
    },
  };
  const { push, ring } = open(watched);
  await push.watch(watcher({ tenants: ["quiet"] }));
  for (let n = 0; n < 5; n++) await change("noisy", "a-1", newId(Date.now()), "confirmed");
  const [last] = await front.execute<{ xid: string }>("select max(xid)::text as xid from entente.process");
  await happenings.until("the position is past what others changed", () => {
    ring();
    return BigInt(positions.at(-1)?.xid ?? 0) >= BigInt(last?.xid ?? 0);
  });
});

test("watchers of a running system are told of their processes as they move", async () => {
  const { system, happenings: heard } = await bed.start(bank(bed.newName()));
  const [mine, foreign] = [
    watcher({ keys: [{ tenantId: "acme", key: "a-1" }] }),
    watcher({ tenants: ["other"] }),
  ];
  await system.push.watch(mine);
  await system.push.watch(foreign);
  for (let n = 0; n < 20; n++)
    await system.accept(submission("deposit", n % 2 === 0 ? "a-1" : "a-2", { amount: 1 }));
  await heard.until("all are told", () => mine.told.length === 10);
  assert.equal(new Set(mine.told.map((record) => record.processId)).size, 10);
  assert.ok(
    mine.told.every(
      (record) => record.key === "a-1" && record.state === "confirmed" && record.acceptedAt > 0,
    ),
  );
  assert.deepEqual(foreign.told, []);
});
