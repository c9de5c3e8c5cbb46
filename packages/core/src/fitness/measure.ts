import { isFailure } from "../model/failure.ts";
import type { BusiestTime, FitnessMeasures, ProcessCounts } from "../model/fitness.ts";
import { firstIdAt } from "../model/id.ts";
import type { ProcessDefinition } from "../model/process.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { readStories } from "../process/read-stories.ts";
import type { StoryContext } from "../process/story-parts.ts";
import { minuteMs } from "../statistics/process-minutes.ts";
import type { ProcessStatistics } from "../statistics/read-statistics.ts";
import { readCallFigures } from "./call-figures.ts";
import { countClosed } from "./fitness-records.ts";
import { gapsInStory } from "./gaps-in-story.ts";
import { readManualWork } from "./manual-work.ts";
import { countSharedStores } from "./shared-stores.ts";
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

/** What the system knows of itself; what people say of it comes beside it. */
export type Measured = Omit<FitnessMeasures, "said">;

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
): Promise<Measured> {
  const known = async <Found>(find: () => Promise<Found>): Promise<Found | null> => {
    try {
      return await find();
    } catch (error) {
      if (!isFailure(error) || error.kind !== "unavailable") throw error;
      return null;
    }
  };
  const period = { tenantId, from, until };
  const databases = [...sources.contexts.values()].map(({ database }) => database);
  const [processes, incidents, busiest, completeTraces, calls, work, lost, sharedStores] = await Promise.all([
    known(() => countsByType(sources, period)),
    known(() => countClosed(sources.records, tenantId, from, until, resolvedWithinMs)),
    known(() => busiestTime(sources, period)),
    isPast ? null : known(() => traces(sources, period)),
    known(() => readCallFigures(sources.contexts.values(), tenantId, from, until)),
    known(() => readManualWork(databases, tenantId, from, until, sources.offsetMs())),
    isPast ? null : known(() => lostOf(sources, tenantId, until)),
    isPast ? null : known(() => countSharedStores(databases)),
  ]);
  return {
    processes: processes ?? new Map(),
    incidents,
    lost,
    busiest,
    completeTraces,
    busiestDays: calls?.busiestDays ?? null,
    calls: calls?.calls ?? null,
    repairs: work?.repairs ?? null,
    failedChanges: work?.failedChanges ?? null,
    sharedStores,
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

const busyMs = 10 * 60_000;

/** Any ten minutes, not those of the clock: a rush across a full hour is one. */
const busiestOf: Statement = {
  name: "fitness-busiest",
  text: `select n::float8 as n, (extract(epoch from minute) * 1000)::float8 as last from (
      select minute, sum(n) over (order by minute range between '9 minutes' preceding and current row) as n from (
        select minute, sum(started) as n from entente.process_minute
        where tenant_id = $1 and type = any($4::text[]) and started <> 0
          and minute >= to_timestamp($2::float8 / 1000) and minute < to_timestamp($3::float8 / 1000)
        group by minute) m) t
    order by n desc, minute limit 1`,
};

async function busiestTime(
  { database, processes }: MeasureSources,
  { tenantId, from, until }: Period,
): Promise<BusiestTime | null> {
  const types = processes.map(({ type }) => type);
  const [row] = await database.run<{ n: number; last: number }>(busiestOf, [tenantId, from, until, types]);
  if (row === undefined) return null;
  return { perSecond: row.n / (busyMs / 1_000), from: row.last + minuteMs - busyMs };
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
