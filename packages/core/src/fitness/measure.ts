import { isFailure } from "../model/failure.ts";
import type { FitnessMeasures, ProcessCounts } from "../model/fitness.ts";
import { firstIdAt } from "../model/id.ts";
import type { ProcessDefinition } from "../model/process.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { readStories } from "../process/read-stories.ts";
import type { StoryContext } from "../process/story-parts.ts";
import type { ProcessStatistics } from "../statistics/read-statistics.ts";
import { budgetsOf } from "../treaty/call-budget.ts";
import { countClosed } from "./fitness-records.ts";
import { gapsInStory } from "./gaps-in-story.ts";
import { resolvedWithinMs } from "./symptoms.ts";
import { findUnfinished } from "./unfinished.ts";

export interface MeasureSources {
  /** Of the context that accepts. */
  readonly database: Database;
  /** Of the context that keeps fitness. */
  readonly records: Database;
  readonly processes: readonly ProcessDefinition[];
  readonly statistics: ProcessStatistics;
  readonly contexts: ReadonlyMap<string, StoryContext>;
  readonly status: () => {
    readonly contexts: readonly { readonly name: string; readonly state: string; readonly lagMs: number }[];
  };
  /** Business time minus wall time, milliseconds. */
  readonly offsetMs: () => number;
}

/**
 * What is known of a tenant's time from `from` to `until`. Figures of the present are left unknown when the period is over (`isPast`):
 * nobody can tell any more. What a database that is away would say is unknown too.
 */
export async function measure(
  sources: MeasureSources,
  tenantId: string,
  from: number,
  until: number,
  isPast: boolean,
): Promise<FitnessMeasures> {
  const known = async <Found>(find: () => Promise<Found>): Promise<Found | null> => {
    try {
      return await find();
    } catch (error) {
      if (!isFailure(error) || error.kind !== "unavailable") throw error;
      return null;
    }
  };
  const period = { tenantId, from, until };
  const [processes, incidents, busiestPerSecond, completeTraces, budgetShares, work, lost] =
    await Promise.all([
      known(() => countsByType(sources, period)),
      known(() => countClosed(sources.records, tenantId, from, until, resolvedWithinMs)),
      known(() => busiest(sources, period)),
      isPast ? null : known(() => traces(sources, period)),
      known(() => budgets(sources, period)),
      known(() => manualWork(sources, period)),
      isPast ? null : known(() => lostOf(sources, tenantId, until)),
    ]);
  const stores = [...sources.contexts.values()].map(({ database }) => storeOf(database.url));
  return {
    processes: processes ?? new Map(),
    incidents,
    lost,
    busiestPerSecond,
    completeTraces,
    budgetShares,
    repairs: work?.repairs ?? null,
    failedChanges: work?.failedChanges ?? null,
    sharedStores: isPast ? null : stores.length - new Set(stores).size,
    lagMs: isPast ? null : Math.max(0, ...sources.status().contexts.map(({ lagMs }) => lagMs)),
  };
}

interface Period {
  readonly tenantId: string;
  readonly from: number;
  readonly until: number;
}

async function countsByType(sources: MeasureSources, period: Period): Promise<Map<string, ProcessCounts>> {
  const found = await sources.statistics.read({ ...period, types: [], resolution: "day" });
  return new Map(found.map(({ type, total }) => [type, total]));
}

const busiestOf: Statement = {
  name: "fitness-busiest",
  text: `select max(n)::float8 as n from (select sum(started) as n from entente.process_minute
    where tenant_id = $1 and type = any($4::text[]) and started <> 0
      and minute >= to_timestamp($2::float8 / 1000) and minute < to_timestamp($3::float8 / 1000)
    group by date_bin('10 minutes', minute, 'epoch')) t`,
};

async function busiest(
  { database, processes }: MeasureSources,
  { tenantId, from, until }: Period,
): Promise<number | null> {
  const types = processes.map(({ type }) => type);
  const [row] = await database.run<{ n: number | null }>(busiestOf, [tenantId, from, until, types]);
  return row?.n == null ? null : row.n / 600;
}

const tracesRead = 20;

const latest: Statement = {
  name: "fitness-latest",
  text: `select process_id as id from entente.process where process_id >= $1::uuid and process_id < $2::uuid and tenant_id = $3
    and state in ('confirmed', 'failed') order by process_id desc limit $4`,
};

/** Entries of one process read; of one that has more nobody says whether it is complete. */
const entriesRead = 500;

/** Share of the latest processes whose story has no gaps; see gapsInStory. */
async function traces(
  { database, contexts }: MeasureSources,
  { tenantId, from, until }: Period,
): Promise<number | null> {
  const rows = await database.run<{ id: string }>(latest, [
    firstIdAt(from),
    firstIdAt(until),
    tenantId,
    tracesRead,
  ]);
  if (rows.length === 0) return null;
  const gapsOf = async (ids: readonly string[]): Promise<Map<string, readonly string[]>> => {
    const stories = await readStories([...contexts.values()], tenantId, ids, entriesRead);
    return new Map(
      [...stories].flatMap(([id, { entries, more }]) => (more ? [] : [[id, gapsInStory(id, entries)]])),
    );
  };
  const first = await gapsOf(rows.map(({ id }) => id));
  if (first.size === 0) return null;
  const doubtful = [...first].filter(([, gaps]) => gaps.length > 0);
  if (doubtful.length === 0) return 1;
  // An effect may have been read before its cause, from another journal: by now the cause of whatever was seen is to be seen, too.
  const second = await gapsOf(doubtful.map(([id]) => id));
  const broken = doubtful.filter(([id, gaps]) => second.get(id)?.some((gap) => gaps.includes(gap)) ?? false);
  return (first.size - broken.length) / first.size;
}

const usedMost: Statement = {
  name: "fitness-budget-days",
  text: `select target, budget, max(used)::float8 as used from (select target, budget, day, sum(total) as used
      from entente.treaty_call where tenant_id = $1 and day >= to_timestamp($2::float8 / 1000)::date
        and day <= to_timestamp($3::float8 / 1000)::date group by 1, 2, 3) t group by 1, 2`,
};

async function budgets(
  sources: MeasureSources,
  { tenantId, from, until }: Period,
): Promise<Map<string, number> | null> {
  const shares = new Map<string, number>();
  for (const { definition, database } of sources.contexts.values()) {
    const placed = budgetsOf(definition.treaties ?? []);
    if (placed.length === 0) continue;
    const rows = await database.run<{ target: string; budget: string; used: number }>(usedMost, [
      tenantId,
      from,
      until,
    ]);
    for (const { target, budget, used } of rows) {
      const allowed = placed.find((one) => one.target === target && one.name === budget)?.perDay;
      if (allowed !== undefined) shares.set(`${target} ${budget}`, used / allowed);
    }
  }
  return shares;
}

const caseWork: Statement = {
  name: "fitness-cases",
  text: `select (count(*) filter (where closed_at >= to_timestamp($2::float8 / 1000) and closed_at < to_timestamp($3::float8 / 1000)))::int as repairs,
      (count(*) filter (where opened_at >= to_timestamp($2::float8 / 1000) and opened_at < to_timestamp($3::float8 / 1000)
        and kind in ('unclassified', 'record-unreadable')))::int as unread
    from entente.fallout_case where tenant_id = $1 and (closed_at is null or closed_at >= to_timestamp($2::float8 / 1000))`,
};

const parkedWork: Statement = {
  name: "fitness-parked",
  // Parking keeps database time.
  text: `select (count(*) filter (where closed_at >= to_timestamp($2::float8 / 1000) and closed_at < to_timestamp($3::float8 / 1000)))::int as repairs,
      (count(*) filter (where parked_at >= to_timestamp($2::float8 / 1000) and parked_at < to_timestamp($3::float8 / 1000)
        and cause_code in ('command-type-unknown', 'data-rejected', 'command-not-decided')))::int as unread
    from entente.parked where tenant_id = $1 and parked_at is not null`,
};

async function manualWork(
  sources: MeasureSources,
  { tenantId, from, until }: Period,
): Promise<{ readonly repairs: number; readonly failedChanges: number }> {
  const offset = sources.offsetMs();
  let repairs = 0;
  let failedChanges = 0;
  for (const { database } of sources.contexts.values()) {
    const [[cases], [parked]] = await Promise.all([
      database.run<{ repairs: number; unread: number }>(caseWork, [tenantId, from, until]),
      database.run<{ repairs: number; unread: number }>(parkedWork, [
        tenantId,
        from - offset,
        until - offset,
      ]),
    ]);
    repairs += (cases?.repairs ?? 0) + (parked?.repairs ?? 0);
    failedChanges += (cases?.unread ?? 0) + (parked?.unread ?? 0);
  }
  return { repairs, failedChanges };
}

/** A process counts as lost only when it had this long beyond its limit. */
const lostAfterMs = 15 * 60_000;

/** A context further behind than this may still have it before it. */
const behindMs = 60_000;

const waitingSomewhere: Statement = {
  name: "fitness-waiting",
  text: `select process_id as id from entente.parked where process_id = any($1::uuid[]) and state not in ('done', 'discarded')
    union select process_id from entente.hand_off where tenant_id = $2 and process_id = any($1::uuid[])
      and state not in ('completed', 'cancelled', 'rejected')`,
};

/**
 * Processes that nobody will end: overdue, not set aside, in no hand-off, and every context is at work and has passed them. While one is
 * away or behind and any are overdue, nobody can tell.
 */
async function lostOf(sources: MeasureSources, tenantId: string, now: number): Promise<number | null> {
  const how = { graceMs: lostAfterMs, minutesRead: 50, limit: 1_000 };
  const overdue = await findUnfinished(sources.database, sources.processes, tenantId, now, how);
  const left = new Set(overdue.flatMap(({ processIds }) => processIds));
  for (const { database } of sources.contexts.values()) {
    if (left.size === 0) return 0;
    for (const { id } of await database.run<{ id: string }>(waitingSomewhere, [[...left], tenantId]))
      left.delete(id);
  }
  if (left.size === 0) return 0;
  const isBehind = sources.status().contexts.some(({ state, lagMs }) => state !== "up" || lagMs > behindMs);
  return isBehind ? null : left.size;
}

function storeOf(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}
