/** The statistics against what the journals and a customer's own stream say: numbers derived on another way. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { System } from "../context/system.ts";
import { appendEntries } from "../journal/append.ts";
import type { Entry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { timeOfId } from "../model/id.ts";
import { latencyErrorBound } from "../model/latency-histogram.ts";
import type { ProcessDefinition } from "../model/process.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import type { Happenings } from "../testing/happenings.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import { partsAllowed, type StatisticsQuestion } from "./read-statistics.ts";

const bed = await openTestBed();
const name = bed.newName();
const poisoned = new Set<string>();
const act = { tenantId: "acme", by: "ann", why: "drill" };
const minute = 60_000;
let system: System;
let happenings: Happenings;

before(async () => {
  const settings = { retryAttempts: 1, retryFirstMs: 5, retryLongestMs: 5, statisticsGatherMs: 5 };
  ({ system, happenings } = await bed.start(withRepeats(), { settings }));
});

/** The bank whose deposits can tell that they happened twice. */
function withRepeats() {
  const definition = bank(name, poisoned);
  const [front, ...others] = definition.contexts;
  if (front?.intake === undefined) throw new Error("no front");
  const processes = front.intake.processes.map((one): ProcessDefinition => {
    const repeats: ProcessDefinition["repeats"] = (view, { type, occurredAt }) =>
      type === "bank.deposited" && view.steps.some(({ state, at }) => state === "done" && at !== occurredAt);
    return one.type === "deposit" ? { ...one, repeats } : one;
  });
  return { ...definition, contexts: [{ ...front, intake: { ...front.intake, processes } }, ...others] };
}

const day = (): StatisticsQuestion => ({
  tenantId: "acme",
  types: [],
  from: system.clock.now() - 12 * 3_600_000,
  until: system.clock.now() + 12 * 3_600_000,
  resolution: "hour",
});

const totalOf = async (type: string, question: Partial<StatisticsQuestion> = {}) => {
  const [found] = await system.statistics.read({ ...day(), ...question, types: [type] });
  if (found === undefined) throw new Error(`no statistics of ${type}`);
  return found.total;
};

/** Counted is what is started and ended, however long each count takes. */
const counted = (type: string, wanted: { started: number; confirmed: number; failed: number }) =>
  happenings.until(`${type}: ${JSON.stringify(wanted)}`, async () => {
    const { started, confirmed, failed } = await totalOf(type);
    return started === wanted.started && confirmed === wanted.confirmed && failed === wanted.failed;
  });

/** All of a tenant's feed of a context, page by page. */
async function feedOf(context: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let cursor: string | null = null; ; ) {
    const page = await system.feed(context, "acme", cursor, 100);
    entries.push(...(page.entries as Entry[]));
    if (page.entries.length === 0) return entries;
    cursor = page.cursor;
  }
}

test("numbers are those of the feeds, and percentiles those that a customer's own stream has measured", async () => {
  const heard = new Map<string, number>();
  const end = await system.push.watch({
    filter: { processIds: [], keys: [], tenants: ["acme"] },
    changed: ({ processId, state }) =>
      void (state === "confirmed" && heard.set(processId, system.clock.now())),
    late() {},
  });
  await system.setPaused("ledger", true, act);
  // Three waves that wait for 4, 3 and 1 minutes, so that what the machine takes besides does not matter.
  for (const [size, minutes] of [
    [6, 1],
    [3, 2],
    [11, 1],
  ] as const) {
    for (let n = 0; n < size; n++) await system.accept(submission("deposit", `a-${n}`, { amount: 1 }));
    await system.accept(submission("withdraw", "a-0", { amount: 1_000 }));
    await system.setClock(system.clock.now() + minutes * minute);
  }
  await counted("deposit", { started: 20, confirmed: 0, failed: 0 });
  const waiting = await totalOf("deposit");
  assert.deepEqual([waiting.inFlight, waiting.p90Ms], [20, null]);
  await system.setPaused("ledger", false, act);
  await counted("deposit", { started: 20, confirmed: 20, failed: 0 });
  await counted("withdrawal", { started: 3, confirmed: 0, failed: 3 });
  await happenings.until("all heard", () => heard.size === 20);
  end();

  const commands = (await feedOf("front")).filter(({ type }) => type === "bank.deposit");
  const facts = await feedOf("ledger");
  const confirmed = new Set(
    facts.filter(({ type }) => type === "bank.deposited").map((one) => one.processId),
  );
  const total = await totalOf("deposit");
  assert.deepEqual(
    [total.started, total.confirmed, total.inFlight, total.doubled],
    [commands.length, confirmed.size, commands.filter(({ id }) => !confirmed.has(id)).length, 0],
  );
  const latencies = [...heard].map(([id, at]) => at - timeOfId(id)).sort((a, b) => a - b);
  for (const [share, read] of [
    [0.5, total.p50Ms],
    [0.9, total.p90Ms],
    [0.99, total.p99Ms],
  ] as const) {
    const exact = latencies[Math.ceil(share * latencies.length) - 1] as number;
    // The stream tells a moment after it is stored: at most a second of the least, which is a minute.
    const bound = latencyErrorBound + 1_000 / minute;
    assert.ok(
      Math.abs((read ?? 0) - exact) / exact <= bound,
      `${share}: ${exact} ms heard, ${read} ms counted`,
    );
  }
});

test("by the minute, the parts are the minutes of acceptance and add up to the whole", async () => {
  const commands = (await feedOf("front")).filter(({ type }) => type === "bank.deposit");
  const from = Math.min(...commands.map(({ id }) => timeOfId(id)));
  const until = system.clock.now() + minute;
  const [found] = await system.statistics.read({
    ...day(),
    types: ["deposit"],
    from,
    until,
    resolution: "minute",
  });
  const expected = [...Map.groupBy(commands, ({ id }) => Math.floor(timeOfId(id) / minute) * minute)];
  assert.deepEqual(
    found?.parts.map((part) => [part.from, part.started]),
    expected.map(([at, own]) => [at, own.length]).sort(([a = 0], [b = 0]) => Number(a) - Number(b)),
  );
  assert.equal(
    found?.parts.reduce((sum, part) => sum + part.confirmed, 0),
    found?.total.confirmed,
  );
});

test("a parked process that is redriven moves from failed to confirmed, and a second effect is counted as doubled", async () => {
  const before_ = await totalOf("deposit");
  poisoned.add("x");
  const { processId } = await system.accept(submission("deposit", "a-7", { amount: 1, mark: "x" }));
  const { started, confirmed, failed } = before_;
  await counted("deposit", { started: started + 1, confirmed, failed: failed + 1 });
  poisoned.delete("x");
  await system.redrive("ledger", { ...act, entryId: processId });
  await counted("deposit", { started: started + 1, confirmed: confirmed + 1, failed });
  assert.equal((await totalOf("deposit")).doubled, 0);
  await appendEntries(databaseOf(system, "ledger"), [
    fact({ processId, correlationId: processId, key: "a-7", data: { amount: 1, balance: 2 } }),
  ]);
  await happenings.until("doubled", async () => (await totalOf("deposit")).doubled === 1);
  assert.equal((await totalOf("deposit")).confirmed, confirmed + 1);
});

test("a batch of the view that is undone counts nothing, and its second try counts once", async () => {
  const { started, confirmed, failed } = await totalOf("deposit");
  const commits = happenings.passed("consumer:before-commit");
  const away = new Failure("unavailable", "database-unavailable", "Drill.");
  // Whoever comes: the decider, the count of starts, the view, each at least once.
  for (let n = 0; n < 6; n++) happenings.failAt("consumer:before-commit", away);
  await system.accept(submission("deposit", "a-8", { amount: 1 }));
  await counted("deposit", { started: started + 1, confirmed: confirmed + 1, failed });
  assert.ok(happenings.passed("consumer:before-commit") - commits >= 6);
});

test("nothing of another tenant is counted, and a period is bounded", async () => {
  assert.deepEqual(
    (await system.statistics.read({ ...day(), tenantId: "somebody-else" })).map(({ total }) => total.started),
    [0, 0, 0, 0],
  );
  const now = system.clock.now();
  for (const wrong of [
    { from: now, until: now },
    { from: now - (partsAllowed + 1) * minute, until: now, resolution: "minute" as const },
    { from: now - 200 * 86_400_000, until: now, resolution: "day" as const },
  ]) {
    await assert.rejects(system.statistics.read({ ...day(), ...wrong }), {
      code: "statistics-period-invalid",
    });
  }
});
