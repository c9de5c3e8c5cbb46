import { isFailure } from "../model/failure.ts";
import { firstIdAt, timeOfId } from "../model/id.ts";
import type { ProcessDefinition } from "../model/process.ts";
import type { Database, Statement } from "../postgres/database.ts";
import type { ProcessStatistics } from "../statistics/read-statistics.ts";
import { type HandOffTreaty, isHandOffTreaty, type Treaty } from "../treaty/treaty.ts";
import {
  type Found,
  failedShareAllowed,
  failedShareFrom,
  failingWindowMs,
  processIdsTold,
  rootsOf,
  type Symptom,
  type SymptomName,
  stuckAfterMs,
} from "./symptoms.ts";
import { findUnfinished } from "./unfinished.ts";

export interface SymptomSources {
  readonly database: Database;
  readonly processes: readonly ProcessDefinition[];
  readonly statistics: ProcessStatistics;
  readonly contexts: ReadonlyMap<
    string,
    { readonly definition: { readonly treaties?: readonly Treaty[] }; readonly database: Database }
  >;
}

/** What customers of a tenant suffer from at `now`, one per root, and what could not be looked for. `open`: keys of open incidents. */
export async function findSymptoms(
  sources: SymptomSources,
  tenantId: string,
  now: number,
  open: ReadonlySet<string>,
): Promise<{ readonly symptoms: readonly Symptom[]; readonly blind: readonly SymptomName[] }> {
  const blind: SymptomName[] = [];
  const look = async (symptom: SymptomName, find: () => Promise<Found[]>): Promise<Found[]> => {
    try {
      return await find();
    } catch (error) {
      if (!isFailure(error) || error.kind !== "unavailable") throw error;
      blind.push(symptom);
      return [];
    }
  };
  const [late, failing, stuck] = await Promise.all([
    look("processes-late", () => findLate(sources, tenantId, now)),
    look("processes-failing", () => findFailing(sources, tenantId, now)),
    look("hand-offs-stuck", () => findStuck(sources, tenantId, now)),
  ]);
  return { symptoms: rootsOf({ late, failing, stuck }, open), blind };
}

async function findLate(sources: SymptomSources, tenantId: string, now: number): Promise<Found[]> {
  const how = { graceMs: 0, minutesRead: 3, limit: processIdsTold };
  const found = await findUnfinished(sources.database, sources.processes, tenantId, now, how);
  return found.flatMap(({ type, count, processIds }) => {
    const [first] = processIds;
    const definition = sources.processes.find((one) => one.type === type);
    if (first === undefined || definition === undefined) return [];
    const seconds = Math.round(definition.delayedAfterMs / 1_000);
    return {
      symptom: "processes-late",
      subject: type,
      since: timeOfId(first) + definition.delayedAfterMs,
      count,
      processIds: processIds.slice(0, processIdsTold),
      allProcessIds: processIds,
      says: `${count} of type ${type} are not finished although ${seconds} s were promised.`,
    };
  });
}

const failedIds: Statement = {
  name: "fitness-failed-ids",
  text: `select process_id as id, updated_at from entente.process
    where process_id >= $1::uuid and tenant_id = $2 and type = $3 and state = 'failed' order by process_id limit $4`,
};

async function findFailing(sources: SymptomSources, tenantId: string, now: number): Promise<Found[]> {
  const from = now - failingWindowMs;
  const types = await sources.statistics.read({ tenantId, types: [], from, until: now, resolution: "hour" });
  const found: Found[] = [];
  for (const { type, total } of types) {
    const { confirmed, failed } = total;
    const ended = confirmed + failed;
    if (ended < failedShareFrom || failed / ended <= failedShareAllowed) continue;
    const rows = await sources.database.run<{ id: string; updated_at: number }>(failedIds, [
      firstIdAt(from),
      tenantId,
      type,
      processIdsTold,
    ]);
    const share = Math.round((failed / ended) * 100);
    const processIds = rows.map(({ id }) => id);
    found.push({
      symptom: "processes-failing",
      subject: type,
      since: Math.min(now, ...rows.map(({ updated_at }) => updated_at)),
      count: failed,
      processIds,
      allProcessIds: processIds,
      says: `${share} % of type ${type} failed in the last quarter of an hour (${failed} of ${ended}).`,
    });
  }
  return found;
}

const isStuck = `h.tenant_id = $1 and h.treaty = $2
      and h.state in ('created', 'sent', 'accepted', 'unknown', 'retry_wait', 'blocked', 'fallout')
      and h.created_at <= to_timestamp($3::float8 / 1000)`;

const stuckHandOffs: Statement = {
  name: "fitness-stuck",
  text: `select count(*)::int as n, min(h.created_at) as oldest, (array_agg(h.process_id::text order by h.created_at))[1:$4::int] as ids
    from entente.hand_off h where ${isStuck}`,
};

/** A batch has a process of its own that no customer has ever heard of: its opening says whose its rows are. */
const stuckRows: Statement = {
  name: "fitness-stuck-rows",
  text: `select distinct on (h.created_at, h.hand_off_id, r.row) opening.data->'rows'->r.row->>'processId' as id
    from (select * from entente.hand_off h where ${isStuck} order by h.created_at limit $4::int) h
    join entente.journal opening on opening.id = h.hand_off_id and opening.tenant_id = $1
    join entente.hand_off_row r on r.hand_off_id = h.hand_off_id and r.outcome = 'open'
    order by h.created_at, h.hand_off_id, r.row limit $4::int`,
};

/** Processes of stuck hand-offs that are looked at, of one treaty. */
const stuckRead = 1_000;

async function findStuck({ contexts }: SymptomSources, tenantId: string, now: number): Promise<Found[]> {
  const found: Found[] = [];
  for (const { definition, database } of contexts.values()) {
    for (const treaty of (definition.treaties ?? []).filter(isHandOffTreaty)) {
      const allowed = stuckAfter(treaty);
      const which = [tenantId, treaty.name, now - allowed, stuckRead];
      const [row] = await database.run<{ n: number; oldest: number | null; ids: string[] | null }>(
        stuckHandOffs,
        which,
      );
      if (row === undefined || row.n === 0 || row.oldest === null) continue;
      const rows = treaty.batch === undefined ? null : await database.run<{ id: string }>(stuckRows, which);
      // Ids are in the order in which their processes began.
      const allProcessIds = [...new Set(rows?.map(({ id }) => id) ?? row.ids ?? [])].sort();
      found.push({
        symptom: "hand-offs-stuck",
        subject: treaty.name,
        since: row.oldest + allowed,
        count: row.n,
        processIds: allProcessIds.slice(0, processIdsTold),
        allProcessIds,
        says: `${row.n} hand-offs to ${treaty.target} are older than ${Math.round(allowed / 60_000)} min and have no result.`,
      });
    }
  }
  return found;
}

/** A treaty may promise its results later than others, and one that sends at certain hours only waits for them. */
function stuckAfter({ times, window }: HandOffTreaty): number {
  return Math.max(stuckAfterMs, times.resultWithinMs) + (window === undefined ? 0 : 86_400_000);
}
