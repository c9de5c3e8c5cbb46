import type { Position } from "../model/entry.ts";
import { firstIdAt } from "../model/id.ts";
import type { ProcessDefinition } from "../model/process.ts";
import type { Database, Statement } from "../postgres/database.ts";
import {
  type ChangeFilter,
  filterValues,
  type ProcessRecord,
  type RecordRow,
  recordColumns,
  recordsBy,
} from "./read-process.ts";

/**
 * Finds the processes that have just become late. Being late is no change that somebody writes, it comes by the passing
 * of business time; and a process that nobody moved yet has no row in the view at all. But a command's id carries the
 * moment of its acceptance, so what became late between two looks is a window of the journal's primary key.
 */
export interface LateProcesses {
  /** Forgets the past: what becomes late from now on is found. */
  begin(): void;
  /**
   * Unfinished processes that passed their limit since the last call, oldest first. `more`: this was a part, ask again.
   * One whose latest change lies after `told` is left out, because whoever follows the changes is about to hear of it.
   * Bounds: 1,000 journal entries are read per limit and call, whatever the backlog. A command that took longer to be stored
   * than its limit allows is not found. Errors: those of the database; nothing is passed over then.
   */
  next(told: Position, of: ChangeFilter): Promise<{ records: readonly ProcessRecord[]; more: boolean }>;
  /** A change told of a process as late: it is not found again for that. */
  toldAsLate(record: ProcessRecord): void;
}

/** Journal entries per query. One second of 1,000 commands a second. */
const perQuery = 1_000;

const readLate: Statement = {
  name: "process-read-late",
  // The last entry of the part comes along whether it is asked for or not: the next part begins after it.
  text: `with part as materialized (
      select id, tenant_id, key, customer_id, kind, type, occurred_at from entente.journal
      where id > $1::uuid and id < $2::uuid order by id limit $3),
    seen as (select id, count(*) over () as entries from part order by id desc limit 1),
    asked as materialized (
      select part.*, seen.entries = $3 as full, part.id = seen.id as last,
        kind = 'command' and type = any($4::text[])
          and (part.id = any($7::uuid[])
            or (tenant_id, key) in (select * from unnest($8::text[], $9::text[]))
            or tenant_id = any($10::text[])) as wanted
      from part cross join seen)
    select * from (
      select c.id, c.tenant_id, c.key, c.customer_id, ${recordColumns}, c.full, c.last,
        c.wanted and coalesce(p.state not in ('confirmed', 'failed') and (p.xid, p.change) <= ($5::xid8, $6::int8), true) as wanted
      from asked c left join entente.process p on p.process_id = c.id
      where c.wanted or c.last) found
    where wanted or last order by id`,
};

interface LateRow extends RecordRow {
  readonly full: boolean;
  readonly wanted: boolean;
}

/** Command types with the same limit share their windows. */
interface Window {
  readonly limitMs: number;
  readonly types: string[];
  /** Every command up to this id has been looked at. */
  after: string;
}

export function openLateProcesses(
  database: Database,
  definitions: readonly ProcessDefinition[],
  now: () => number,
): LateProcesses {
  const recordOf = recordsBy(definitions, now);
  const windows = new Map<number, Window>();
  const windowOf = new Map<string, Window>();
  for (const { delayedAfterMs: limitMs, startedBy, type } of definitions) {
    const window = windows.get(limitMs) ?? { limitMs, types: [], after: "" };
    window.types.push(startedBy);
    windows.set(limitMs, window);
    windowOf.set(type, window);
  }
  /** Ids ahead of their window that a change has told of as late. */
  const known = new Set<string>();

  return {
    begin() {
      known.clear();
      for (const window of windows.values()) window.after = edgeOf(window, now());
    },
    async next(told, of) {
      const moment = now();
      const records: ProcessRecord[] = [];
      const reached = new Map<Window, string>();
      let more = false;
      for (const window of windows.values()) {
        const until = edgeOf(window, moment);
        // The clock may have been set back: what becomes late once more is told once more.
        reached.set(window, until);
        if (until <= window.after) continue;
        const rows = await database.run<LateRow>(readLate, [
          window.after,
          until,
          perQuery,
          window.types,
          told.xid,
          told.seq,
          ...filterValues(of),
        ]);
        for (const row of rows) if (row.wanted && !known.has(row.id)) records.push(recordOf(row));
        const last = rows.at(-1);
        if (last === undefined || !last.full) continue;
        reached.set(window, last.id);
        more = true;
      }
      for (const [window, id] of reached) window.after = id;
      const passed = [...windows.values()].map(({ after }) => after).sort()[0] ?? "";
      for (const id of known) if (id <= passed) known.delete(id);
      return { records: records.filter((record) => record.delayed), more };
    },
    toldAsLate(record) {
      const window = windowOf.get(record.type);
      if (record.delayed && window !== undefined && record.processId > window.after)
        known.add(record.processId);
    },
  };
}

/** Where the late ones end: everything with a lower id has passed its limit. A limit may be longer than time itself. */
function edgeOf({ limitMs }: Window, moment: number): string {
  return firstIdAt(Math.max(0, moment - limitMs));
}
