import { columns, type EntryRow, entryOf } from "../journal/read.ts";
import type { Entry } from "../model/entry.ts";
import { bytesArray, textArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { rowKeyHash } from "../treaty/batch-rows.ts";
import { openedType } from "../treaty/hand-off-entries.ts";
import { batchTreaties, type RowPlace, rowsOfFact } from "../treaty/rows-of-facts.ts";
import { type HandOffTreaty, isHandOffTreaty, type Treaty } from "../treaty/treaty.ts";

/** What belongs to the story of a process and does not carry its id: batches with rows of it, and what led into it from outside. */

export interface StoryContext {
  readonly definition: { readonly name: string; readonly treaties?: readonly Treaty[] };
  readonly database: Database;
  readonly journal: Database;
}

export function handOffTreaties({ treaties = [] }: StoryContext["definition"]): HandOffTreaty[] {
  return treaties.filter(isHandOffTreaty);
}

/** Where the rows are that these facts led to. */
export function rowsWanted({ treaties }: StoryContext["definition"], entries: readonly Entry[]): RowPlace[] {
  const gathering = batchTreaties(treaties);
  return entries.flatMap((fact) => rowsOfFact(gathering, fact));
}

/** The batches with these rows, oldest first; of the rows of their openings only these. */
const batches: Statement = {
  name: "timeline-batches",
  text: `select ${columns.replace("e.data", "case when e.id = own.hand_off_id then own.opening else e.data end as data")}, own.rows as own_rows
    from (
      select r.hand_off_id, array_agg(r.row order by r.row) as rows
      from unnest($1::text[], $2::bytea[]) as n(target, key_hash)
      join entente.hand_off_row r on r.tenant_id = $3 and r.target = n.target and r.key_hash = n.key_hash
      group by r.hand_off_id) b
    cross join lateral (
      select b.hand_off_id, b.rows, (
        select json_object_agg(m.key, case when m.key = 'rows' then (select json_agg(m.value->r) from unnest(b.rows) as r) else m.value end)
        from entente.journal o cross join lateral json_each(o.data) as m
        where o.id = b.hand_off_id) as opening) own
    cross join lateral (
      select * from entente.journal j where j.id = own.hand_off_id and j.tenant_id = $3
      union all
      select * from entente.journal j
      where j.process_id = own.hand_off_id and j.process_id <> j.id and j.tenant_id = $3) e
    order by e.xid, e.seq limit $4`,
};

export async function readBatches(
  connection: Connection,
  tenantId: string,
  rows: readonly RowPlace[],
  limit: number,
): Promise<Entry[]> {
  if (rows.length === 0) return [];
  const found = await connection.run<EntryRow & { own_rows: number[] }>(batches, [
    textArray(rows.map(({ target }) => target)),
    bytesArray(
      rows.map(({ key }) => rowKeyHash(key)),
      16,
    ),
    tenantId,
    limit,
  ]);
  return found.map((row) => onlyRows(entryOf(row), new Set(row.own_rows)));
}

/** A move names the rows it settled; what became of the rows of other processes is not part of this story. */
function onlyRows(entry: Entry, own: ReadonlySet<number>): Entry {
  const { rows } = entry.data;
  if (entry.type === openedType || !Array.isArray(rows)) return entry;
  const kept = rows.filter((row) => Array.isArray(row) && own.has(Number(row[0])));
  return { ...entry, data: { ...entry.data, rows: kept } };
}

/**
 * What lies outside the process and led into it: messages of counterparties, acts of people, runs. Only what the runtime itself
 * writes: the facts behind a batch are other processes' business. Index: the primary key, once for each cause.
 */
const causes: Statement = {
  name: "timeline-causes",
  text: `with recursive up as (
      select ${columns}, 1 as height from entente.journal e
      where e.id = any($1::uuid[]) and e.tenant_id = $2
        and (e.kind in ('callback', 'control', 'reconciliation') or (e.kind = 'command' and e.type like 'entente.%'))
      union all
      select ${columns}, up.height + 1 from up join entente.journal e on e.id = up.causation_id
      where up.height < 5 and e.tenant_id = $2
        and (e.kind in ('callback', 'control', 'reconciliation') or (e.kind = 'command' and e.type like 'entente.%')))
    select * from up order by xid, seq limit $3`,
};

export async function readCauses(
  connection: Connection,
  tenantId: string,
  ids: readonly string[],
  limit: number,
): Promise<Entry[]> {
  return (await connection.run<EntryRow>(causes, [uuidArray(ids), tenantId, limit])).map(entryOf);
}

/** Commands that were accepted and began other processes, of which something here follows. Index: the primary key. */
const beginnings: Statement = {
  name: "timeline-beginnings",
  text: `select ${columns} from entente.journal e
    where e.id = any($1::uuid[]) and e.tenant_id = $2 and e.kind = 'command' and e.process_id = e.id limit $3`,
};

/** Causes that are in no journal of the story: asked for only where an act in another process led into this one. */
export async function readBeginnings(
  journals: readonly Connection[],
  tenantId: string,
  ids: readonly string[],
  limit: number,
): Promise<Entry[]> {
  if (ids.length === 0) return [];
  const found = await Promise.all(
    journals.map((journal) => journal.run<EntryRow>(beginnings, [uuidArray(ids), tenantId, limit])),
  );
  return found.flat().map(entryOf);
}

/** Ids of causes that are not among these entries. A batch's own cause is its first row's, which may be another process's business. */
export function causesMissing(entries: readonly Entry[]): string[] {
  const known = new Set(entries.map(({ id }) => id));
  const missing = entries.flatMap(({ type, causationId }) =>
    causationId === null || type === openedType || known.has(causationId) ? [] : [causationId],
  );
  return [...new Set(missing)];
}
