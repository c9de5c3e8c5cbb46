import { isFailure } from "../model/failure.ts";
import { firstIdAt, timeOfId } from "../model/id.ts";
import type { ProcessDefinition } from "../model/process.ts";
import type { Database, Statement } from "../postgres/database.ts";
import type { ProcessStatistics } from "../statistics/read-statistics.ts";
import { type HandOffTreaty, isHandOffTreaty, type Treaty } from "../treaty/treaty.ts";
import {
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

/** What customers of a tenant suffer from at `now`, one per root, and what could not be looked for. */
export async function findSymptoms(
  sources: SymptomSources,
  tenantId: string,
  now: number,
): Promise<{ readonly symptoms: readonly Symptom[]; readonly blind: readonly SymptomName[] }> {
  const blind: SymptomName[] = [];
  const look = async <Found>(symptom: SymptomName, find: () => Promise<Found[]>): Promise<Found[]> => {
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
  const stuckProcesses = new Set(stuck.flatMap(({ allProcessIds }) => allProcessIds));
  const told = stuck.map(({ allProcessIds: _all, ...symptom }) => symptom);
  return { symptoms: rootsOf([...late, ...failing, ...told], stuckProcesses), blind };
}

async function findLate(sources: SymptomSources, tenantId: string, now: number): Promise<Symptom[]> {
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
      says: `${count} of type ${type} are not finished although ${seconds} s were promised.`,
    };
  });
}

const failedIds: Statement = {
  name: "fitness-failed-ids",
  text: `select process_id as id, updated_at from entente.process
    where process_id >= $1::uuid and tenant_id = $2 and type = $3 and state = 'failed' order by process_id limit $4`,
};

async function findFailing(sources: SymptomSources, tenantId: string, now: number): Promise<Symptom[]> {
  const from = now - failingWindowMs;
  const types = await sources.statistics.read({ tenantId, types: [], from, until: now, resolution: "hour" });
  const found: Symptom[] = [];
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
    found.push({
      symptom: "processes-failing",
      subject: type,
      since: Math.min(now, ...rows.map(({ updated_at }) => updated_at)),
      count: failed,
      processIds: rows.map(({ id }) => id),
      says: `${share} % of type ${type} failed in the last quarter of an hour (${failed} of ${ended}).`,
    });
  }
  return found;
}

const stuckHandOffs: Statement = {
  name: "fitness-stuck",
  text: `select count(*)::int as n, min(created_at) as oldest, (array_agg(process_id::text order by created_at))[1:1000] as ids
    from entente.hand_off where tenant_id = $1 and treaty = $2
      and state in ('created', 'sent', 'accepted', 'unknown', 'retry_wait', 'blocked', 'fallout')
      and created_at <= to_timestamp($3::float8 / 1000)`,
};

type Stuck = Symptom & { readonly allProcessIds: readonly string[] };

async function findStuck({ contexts }: SymptomSources, tenantId: string, now: number): Promise<Stuck[]> {
  const found: Stuck[] = [];
  for (const { definition, database } of contexts.values()) {
    for (const treaty of (definition.treaties ?? []).filter(isHandOffTreaty)) {
      const allowed = stuckAfter(treaty);
      const [row] = await database.run<{ n: number; oldest: number | null; ids: string[] | null }>(
        stuckHandOffs,
        [tenantId, treaty.name, now - allowed],
      );
      if (row === undefined || row.n === 0 || row.oldest === null) continue;
      const ids = [...new Set(row.ids ?? [])];
      found.push({
        symptom: "hand-offs-stuck",
        subject: treaty.name,
        since: row.oldest + allowed,
        count: row.n,
        processIds: ids.slice(0, processIdsTold),
        allProcessIds: ids,
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
