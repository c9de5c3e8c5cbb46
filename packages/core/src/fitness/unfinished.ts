import { firstIdAt } from "../model/id.ts";
import type { ProcessDefinition } from "../model/process.ts";
import { textArray, timeArray, uuidArray } from "../postgres/arrays.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { minuteMs } from "../statistics/process-minutes.ts";

/** Processes of one type that should have ended and have not. */
export interface Unfinished {
  readonly type: string;
  /** By the statistics, whole minutes of acceptance only. */
  readonly count: number;
  /** The earliest of them, by journal and process view, in order. */
  readonly processIds: readonly string[];
}

/** How far back is looked: what was accepted earlier is not missed by the backlog, but no longer found here. */
const lookBackMs = 7 * 86_400_000;

const minutes: Statement = {
  name: "fitness-unfinished-minutes",
  text: `select m.type, (extract(epoch from m.minute) * 1000)::float8 as minute,
      sum(m.started - m.confirmed - m.failed)::float8 as n
    from unnest($2::text[], $3::timestamptz[]) as due(type, until)
    join entente.process_minute m on m.tenant_id = $1 and m.type = due.type
      and m.minute >= to_timestamp($4::float8 / 1000) and m.minute <= due.until
    group by 1, 2 having sum(m.started - m.confirmed - m.failed) > 0 order by 1, 2`,
};

const ids: Statement = {
  name: "fitness-unfinished-ids",
  text: `select found.id, w.command as type from unnest($2::uuid[], $3::uuid[], $4::text[]) as w(first, past, command)
    cross join lateral (
      select j.id from entente.journal j left join entente.process p on p.process_id = j.id
      where j.id >= w.first and j.id < w.past and j.tenant_id = $1 and j.kind = 'command' and j.type = w.command
        and j.correlation_id = j.id::text and coalesce(p.state not in ('confirmed', 'failed'), true)
      order by j.id limit $5) found
    order by found.id`,
};

/**
 * Processes of a tenant that are unfinished `graceMs` past their limit, by type. Finds the minutes in which any are by the statistics, and
 * only there looks into the journal. Bounds: `minutesRead` minutes of each type, `limit` ids of each minute.
 */
export async function findUnfinished(
  database: Database,
  definitions: readonly ProcessDefinition[],
  tenantId: string,
  now: number,
  {
    graceMs,
    minutesRead,
    limit,
  }: { readonly graceMs: number; readonly minutesRead: number; readonly limit: number },
): Promise<readonly Unfinished[]> {
  const due = definitions.map(({ type, delayedAfterMs }) => ({
    type,
    until: now - delayedAfterMs - graceMs - minuteMs,
  }));
  const rows = await database.run<{ type: string; minute: number; n: number }>(minutes, [
    tenantId,
    textArray(due.map(({ type }) => type)),
    timeArray(due.map(({ until }) => Math.max(0, until))),
    now - lookBackMs,
  ]);
  if (rows.length === 0) return [];
  const commandOf = new Map(definitions.map(({ type, startedBy }) => [type, startedBy]));
  const byType = Map.groupBy(rows, ({ type }) => type);
  const read = [...byType.values()].flatMap((own) => own.slice(0, minutesRead));
  const found = await database.run<{ id: string; type: string }>(ids, [
    tenantId,
    uuidArray(read.map(({ minute }) => firstIdAt(minute))),
    uuidArray(read.map(({ minute }) => firstIdAt(minute + minuteMs))),
    textArray(read.map(({ type }) => commandOf.get(type) ?? "")),
    limit,
  ]);
  return [...byType].map(([type, own]) => ({
    type,
    count: own.reduce((sum, { n }) => sum + n, 0),
    processIds: found.filter((row) => row.type === commandOf.get(type)).map(({ id }) => id),
  }));
}
