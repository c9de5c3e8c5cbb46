/** Incidents, weeks and review items of a real system that is taken down and brought back, by the business clock. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { System } from "../context/system.ts";
import { withFitness } from "../context/with-fitness.ts";
import { appendEntries } from "../journal/append.ts";
import { type FitnessFunction, weekMs, weekOf } from "../model/fitness.ts";
import { bank, submission } from "../testing/bank.fixture.ts";
import { command } from "../testing/entries.fixture.ts";
import type { Happenings } from "../testing/happenings.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";
import type { Incident, ReviewItem } from "./fitness-records.ts";
import type { Fitness } from "./open-fitness.ts";

const bed = await openTestBed();
const minute = 60_000;
const act = { tenantId: "acme", by: "ann", why: "drill" };
const p90: FitnessFunction = {
  name: "deposit-p90",
  says: "How long nine of ten wait for a deposit.",
  formula: "P90 from acceptance to confirmation.",
  unit: "ms",
  better: "lower",
  target: 5_000,
  limit: 15_000,
  evidence: "/ops/process-statistics?types=deposit",
  decision: "docs/decisions/0015-three-stages-of-flux.md",
  read: ({ processes }) => processes.get("deposit")?.p90Ms ?? null,
};
const quiet = { better: "higher", target: 1, limit: 0, unit: "share", evidence: "/ops/incidents" } as const;
const inTime: FitnessFunction = {
  ...p90,
  ...quiet,
  name: "incidents-in-time",
  read: ({ incidents }) =>
    incidents === null || incidents.closed === 0 ? null : incidents.closedInTime / incidents.closed,
};
const whole: FitnessFunction = {
  ...p90,
  ...quiet,
  name: "complete-traces",
  read: ({ completeTraces }) => completeTraces,
};
const lost: FitnessFunction = {
  ...p90,
  name: "lost",
  target: 0,
  limit: 0,
  read: (measures) => measures.lost,
};

const quick = { ...p90, better: "lower", evidence: "/ops/incidents" } as const;
const toDetect: FitnessFunction = {
  ...quick,
  name: "time-to-detect",
  read: ({ incidents: ended }) => ended?.meanToDetectMs ?? null,
};
const toResolve: FitnessFunction = {
  ...quick,
  name: "time-to-resolve",
  read: ({ incidents: ended }) => ended?.meanToResolveMs ?? null,
};
/** A trigger at the scale of a test: 30 commands in ten minutes. */
const rate: FitnessFunction = {
  ...p90,
  name: "commands-per-second",
  unit: "per-second",
  target: 0.025,
  limit: 0.05,
  evidence: ({ busiest }) => `${busiest?.from}`,
  decision: "docs/decisions/0004-durable-acceptance.md",
  read: ({ busiest }) => busiest?.perSecond ?? null,
};
const demanded: FitnessFunction = {
  ...p90,
  name: "raw-log-days",
  unit: "days",
  target: 90,
  limit: 90,
  saidForDays: 30,
  decision: rate.decision,
  read: ({ said }) => said.get("raw-log-days")?.value ?? null,
};

let system: System;
let happenings: Happenings;
let fitness: Fitness;

before(async () => {
  const definition = withFitness(bank(bed.newName()), [
    p90,
    inTime,
    whole,
    lost,
    toDetect,
    toResolve,
    rate,
    demanded,
  ]);
  // Looks happen when the clock is moved, and when a test asks for one.
  const settings = { statisticsGatherMs: 5, fitnessEveryMs: 3_600_000 };
  ({ system, happenings } = await bed.start(definition, { settings }));
  if (system.fitness === null) throw new Error("no fitness");
  ({ fitness } = system as { fitness: Fitness });
  // Mid-week, so that no week ends before a test wants it to.
  await system.setClock(weekOf(Date.now() + weekMs) + 2 * 86_400_000);
});

const deposit = async (key: string): Promise<string> =>
  (await system.accept(submission("deposit", key, { amount: 1 }))).processId;

const started = (count: number) =>
  happenings.until(`${count} started`, async () => {
    const now = system.clock.now();
    const [found] = await system.statistics.read({
      tenantId: "acme",
      types: ["deposit"],
      from: now - 86_400_000,
      until: now + minute,
      resolution: "day",
    });
    return (found?.total.started ?? 0) >= count;
  });

const confirmed = (processId: string) =>
  happenings.until(
    `${processId} is confirmed`,
    async () => (await system.processes.read("acme", processId))?.state === "confirmed",
  );

/** Moves business time, has a look taken then, and waits until the journal's facts are readable. */
async function after(minutes: number): Promise<void> {
  await system.setClock(system.clock.now() + minutes * minute);
  await fitness.look();
  await settled();
}

async function settled(): Promise<void> {
  const database = databaseOf(system, "fitness");
  await happenings.until("everything noted", async () => {
    const [row] = await database.execute<{ left: number }>(
      `select (select count(*)::int from entente.journal j where not exists (select from entente.cursor c
         where c.lane = j.lane and c.consumer = 'fitness-records' and (c.xid, c.seq) >= (j.xid, j.seq)))
       + (select count(*)::int from entente.journal j where j.kind = 'command' and not exists (select from entente.cursor c
         where c.lane = j.lane and c.consumer = 'fitness' and (c.xid, c.seq) >= (j.xid, j.seq))) as left`,
    );
    return row?.left === 0;
  });
}

const incidents = (open: boolean | null = null): Promise<Incident[]> => fitness.incidents("acme", open, 100);
const reviews = (): Promise<ReviewItem[]> => fitness.reviews("acme", null, 100);
const scored = async (name: string) =>
  (await fitness.scorecard("acme")).functions.find(({ definition }) => definition.name === name);

test("before anything happened no figure has data, and none is well", async () => {
  const { functions } = await fitness.scorecard("acme");
  assert.deepEqual(
    functions
      .filter(({ definition }) => definition.name !== "lost")
      .map(({ value, state, trend }) => [value, state, trend]),
    Array.from({ length: 7 }, () => [null, "no-data", "unknown"]),
  );
});

test("a context that goes down opens an incident with its process ids, and its recovery closes it, both timed", async () => {
  await system.setPaused("ledger", true, act);
  const acceptedAt = system.clock.now();
  const ids = [await deposit("a-1"), await deposit("a-2")];
  await started(2);
  await after(5);
  const [open, ...more] = await incidents(true);
  assert.equal(more.length, 0);
  assert.deepEqual([open?.symptom, open?.subject, open?.count], ["processes-late", "deposit", 2]);
  assert.deepEqual(open?.processIds, ids);
  assert.equal(open?.runbook, "docs/operations/incidents.md#processes-late");
  // Late since 15 s after acceptance, seen when somebody looked.
  assert.ok(Math.abs((open?.since ?? 0) - (acceptedAt + 15_000)) < 5_000);
  assert.ok(Math.abs((open?.timeToDetectMs ?? 0) - (5 * minute - 15_000)) < 30_000);
  assert.equal((await fitness.openIncidents()).get("processes-late"), 1);

  // The same seen again is the same incident, and pages nobody a second time.
  await after(3);
  await after(2);
  assert.equal((await incidents()).length, 1);
  await happenings.heard("incident", ({ incidentId }) => incidentId === open?.incidentId);
  assert.equal(happenings.count("incident"), 1);

  await system.setPaused("ledger", false, act);
  await Promise.all(ids.map(confirmed));
  await after(0);
  const [closed] = await incidents();
  assert.equal(closed?.closedAt !== null, true);
  assert.ok(Math.abs((closed?.timeToResolveMs ?? 0) - (10 * minute - 15_000)) < 60_000);
  assert.deepEqual(await incidents(true), []);
  assert.equal((await scored("incidents-in-time"))?.value, 1);
});

test("an incident that took longer than half an hour counts against the share", async () => {
  await system.setPaused("ledger", true, act);
  const processId = await deposit("a-1");
  await started(3);
  await after(2);
  await after(45);
  await system.setPaused("ledger", false, act);
  await confirmed(processId);
  await after(0);
  const found = await scored("incidents-in-time");
  assert.deepEqual([found?.value, found?.state], [0.5, "past-target"]);
});

test("a figure over its limit opens one review item that names its decision; a person closes it with a reason", async () => {
  const ofP90 = async () => (await reviews()).filter(({ figure }) => figure === "deposit-p90");
  await after(6);
  const [review, ...more] = await ofP90();
  assert.equal(more.length, 0);
  assert.deepEqual([review?.decision, review?.limit, review?.closedAt], [p90.decision, 15_000, null]);
  assert.ok((review?.value ?? 0) > 15_000);
  const close = { reviewId: review?.reviewId ?? "", by: "bob", why: "An outage drill; nothing to decide." };
  await fitness.closeReview("acme", close);
  await settled();
  const [closed] = await ofP90();
  assert.deepEqual([closed?.closedBy, closed?.closedWhy], ["bob", close.why]);
  await assert.rejects(fitness.closeReview("acme", close), { code: "review-not-open" });
  await assert.rejects(fitness.closeReview("somebody-else", close), { code: "review-not-open" });
  // Looked at for this week.
  await after(6);
  assert.equal((await ofP90()).length, 1);
});

test("the clock alone writes a week down, once, with what was measured and what was not", async () => {
  const processId = await deposit("a-3");
  await confirmed(processId);
  const week = weekOf(system.clock.now());
  await system.setClock(week + weekMs + minute);
  await fitness.look();
  await fitness.look();
  await settled();
  const found = await scored("deposit-p90");
  assert.deepEqual(
    found?.weeks.map((one) => [one.week, one.state]),
    [[new Date(week).toISOString().slice(0, 10), "over-limit"]],
  );
  const ended = (await incidents()).filter(
    ({ closedAt }) => closedAt !== null && closedAt >= week && closedAt < week + weekMs,
  );
  assert.equal(ended.length, 2);
  const mean = (of: readonly (number | null)[]) =>
    of.reduce((sum: number, ms) => sum + (ms ?? 0), 0) / of.length;
  const inWeek = async (name: string) =>
    (await scored(name))?.weeks.map(({ value }) => Math.round(value ?? -1));
  assert.deepEqual(await inWeek("time-to-detect"), [
    Math.round(mean(ended.map(({ timeToDetectMs }) => timeToDetectMs))),
  ]);
  assert.deepEqual(await inWeek("time-to-resolve"), [
    Math.round(mean(ended.map(({ timeToResolveMs }) => timeToResolveMs))),
  ]);
  const facts = await databaseOf(system, "fitness").execute<{ n: number }>(
    "select count(*)::int as n from entente.journal where type = 'entente.fitness-week-noted'",
  );
  assert.equal(facts[0]?.n, 1);
});

test("weeks in which nobody was there are written down later, without data for what nobody can tell any more", async () => {
  const week = weekOf(system.clock.now());
  await system.setClock(week + 3 * weekMs + 2 * 86_400_000);
  await fitness.look();
  await settled();
  const found = await scored("complete-traces");
  assert.deepEqual(
    found?.weeks.slice(1).map(({ state }) => state),
    ["no-data", "no-data", "no-data"],
  );
  assert.equal(found?.weeks.length, 4);
});

test("every process that has ended can be told from its command to its end, and none is lost", async () => {
  const processId = await deposit("a-4");
  await confirmed(processId);
  await after(1);
  const [traces, gone] = [await scored("complete-traces"), await scored("lost")];
  assert.deepEqual([traces?.value, traces?.state], [1, "within-target"]);
  assert.deepEqual([gone?.value, gone?.state], [0, "within-target"]);
});

test("nobody sees another tenant's incidents or review items", async () => {
  assert.deepEqual(await fitness.incidents("somebody-else", null, 10), []);
  assert.deepEqual(await fitness.reviews("somebody-else", null, 10), []);
  const [known] = await incidents();
  assert.equal(await fitness.incident("somebody-else", known?.incidentId ?? ""), null);
});

test("a command that was accepted and that nobody will ever end is lost", async () => {
  // Addressed to a context that does not follow: everybody passes it over.
  const lostOne = command({ type: "bank.deposit", target: "nowhere", key: "a-5" }, system.clock.now());
  await appendEntries(databaseOf(system, "front"), [lostOne]);
  const before_ = (await scored("lost"))?.value;
  await happenings.until("counted", async () => {
    const now = system.clock.now();
    const period = { tenantId: "acme", from: now - minute, until: now + minute };
    const [found] = await system.statistics.read({ ...period, types: ["deposit"], resolution: "minute" });
    return (found?.total.inFlight ?? 0) > 0;
  });
  await after(20);
  await happenings.until("nobody is behind", () =>
    system.status().contexts.every(({ lagMs }) => lagMs < minute),
  );
  const gone = await scored("lost");
  assert.deepEqual([before_, gone?.value, gone?.state], [0, 1, "over-limit"]);
});

test("a rate past its scaled limit fires its trigger once, with evidence, and nothing else changes", async () => {
  // Past everything that was accepted before.
  await after(30);
  const accepted = 31;
  const ids = await Promise.all(Array.from({ length: accepted }, (_, n) => deposit(`rush-${n}`)));
  await Promise.all(ids.map(confirmed));
  await happenings.until("counted", async () => (await scored(rate.name))?.value === accepted / 600);
  const entries = async () => {
    const counted = ["front", "ledger", "fitness"].map(async (context) => {
      const rows = await databaseOf(system, context).execute<{ type: string; n: number }>(
        "select type, count(*)::int as n from entente.journal group by 1",
      );
      return rows.map(({ type, n }) => [`${context} ${type}`, n] as const);
    });
    return Object.fromEntries((await Promise.all(counted)).flat());
  };
  const others = async () => (await reviews()).filter(({ figure }) => figure !== rate.name);
  const before_ = { entries: await entries(), others: await others(), settings: { ...system.settings } };
  await after(6);
  const fired = (await reviews()).filter(({ figure }) => figure === rate.name);
  assert.deepEqual(
    fired.map(({ value, limit, decision }) => [value, limit, decision]),
    [[accepted / 600, 0.05, rate.decision]],
  );
  // The numbers behind it: those ten minutes hold exactly what was accepted.
  const from = Number(fired[0]?.evidence);
  const period = { tenantId: "acme", types: ["deposit"], from, until: from + 10 * minute };
  const [found] = await system.statistics.read({ ...period, resolution: "minute" });
  assert.equal(found?.total.started, accepted);
  // Seen again, and again.
  await after(6);
  await after(6);
  assert.equal((await reviews()).filter(({ figure }) => figure === rate.name).length, 1);
  assert.deepEqual(await others(), before_.others);
  assert.deepEqual(system.settings, before_.settings);
  const more = Object.entries(await entries()).flatMap(([name, n]) => {
    const less = before_.entries[name] ?? 0;
    return n === less ? [] : [[name, n - less]];
  });
  assert.deepEqual(Object.fromEntries(more), {
    "fitness entente.note-fitness": 1,
    "fitness entente.review-opened": 1,
  });
  await confirmed(await deposit("after-the-rush"));
});

test("what people say is held against its target until it is old, with who said it and why; nobody else's is touched", async () => {
  const demand = { figure: "raw-log-days", value: 3_650, by: "axel", why: "Asked for at the audit." };
  await fitness.say("acme", { ...demand, value: 90 });
  await settled();
  assert.equal((await scored("raw-log-days"))?.state, "within-target");
  await fitness.say("acme", demand);
  await after(6);
  await after(6);
  const { value, state, said } = (await scored("raw-log-days")) ?? {};
  assert.deepEqual([value, state, said?.by, said?.why], [3_650, "over-limit", "axel", demand.why]);
  const fired = (await reviews()).filter(({ figure }) => figure === "raw-log-days");
  assert.deepEqual(
    fired.map((one) => [one.value, one.decision]),
    [[3_650, demanded.decision]],
  );
  const elsewhere = (await fitness.scorecard("somebody-else")).functions.find(
    ({ definition }) => definition === demanded,
  );
  assert.deepEqual([elsewhere?.value, elsewhere?.said], [null, null]);
  // What the system measures nobody says.
  for (const figure of ["deposit-p90", "unheard-of"])
    await assert.rejects(fitness.say("acme", { ...demand, figure }), { code: "figure-not-said" });
  await system.setClock(system.clock.now() + 31 * 86_400_000);
  assert.deepEqual(
    [(await scored("raw-log-days"))?.value, (await scored("raw-log-days"))?.said],
    [null, null],
  );
});
