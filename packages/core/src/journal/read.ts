import type { Entry, EntryKind, JsonObject, Position } from "../model/entry.ts";
import { int2Array, int8Array, uuidArray, xid8Array } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";

/** A lane and the last position taken from it. */
export interface LanePosition {
  readonly lane: number;
  readonly position: Position;
}

/** Of a journal row called `e`, as entryOf takes them. */
export const columns = `e.id, e.xid, e.seq, e.lane, e.kind, e.type, e.schema_version, e.source, e.target, e.tenant_id, e.key,
  e.key_version, e.process_id, e.correlation_id, e.causation_id, e.customer_id, e.ttl_ms, e.traceparent, e.occurred_at, e.data`;

/**
 * Purpose: everything after the cursors of all owned lanes, oldest first, in one query.
 * A sequence is not commit order: rows are taken only below the oldest transaction still running, so nothing that
 * commits later can appear before a position already passed.
 * Lock: none. Index: journal_reading, one descent per lane and partition.
 */
const readLanes: Statement = {
  name: "journal-read-lanes",
  text: `select ${columns}
    from unnest($1::int2[], $2::xid8[], $3::int8[]) as after(lane, xid, seq)
    cross join lateral (
      select * from entente.journal j
      where j.lane = after.lane and (j.xid, j.seq) > (after.xid, after.seq)
        and j.xid < pg_snapshot_xmin(pg_current_snapshot())
      order by j.xid, j.seq limit $4) e
    order by e.xid, e.seq`,
};

/** The same over the few commands a context addressed to itself. Index: journal_own_commands. */
const readOwnCommands: Statement = {
  name: "journal-read-own-commands",
  text: readLanes.text.replace("where j.lane", "where j.kind = 'command' and j.target = j.source and j.lane"),
};

/**
 * How many entries each lane holds after its position, up to a limit, and the gate they were counted below. Enough for a
 * reader that knows entries of its own there: when it knows as many, it knows all.
 */
const countLanes: Statement = {
  name: "journal-count-lanes",
  text: `select after.lane, e.n, pg_snapshot_xmin(pg_current_snapshot()) as gate
    from unnest($1::int2[], $2::xid8[], $3::int8[]) as after(lane, xid, seq)
    cross join lateral (
      select count(*)::int4 as n from (
        select from entente.journal j
        where j.lane = after.lane and (j.xid, j.seq) > (after.xid, after.seq)
          and j.xid < pg_snapshot_xmin(pg_current_snapshot())
        order by j.xid, j.seq limit $4) counted) e`,
};

/** Whether lanes hold anything after their positions, behind the gate as well. One descent per lane and partition at most. */
const findLanes: Statement = {
  name: "journal-find-lanes",
  text: `select exists (select from unnest($1::int2[], $2::xid8[], $3::int8[]) as after(lane, xid, seq)
    cross join lateral (
      select from entente.journal j
      where j.lane = after.lane and (j.xid, j.seq) > (after.xid, after.seq)
      order by j.xid, j.seq limit 1) e)`,
};

const findOwnCommands: Statement = {
  name: "journal-find-own-commands",
  text: findLanes.text.replace("where j.lane", "where j.kind = 'command' and j.target = j.source and j.lane"),
};

/** Which entries of a journal a reader asks for. */
export type Reading = "everything" | "own-commands";

/**
 * Reads up to `perLane` entries of each lane after its position.
 * Shape: ordered by position over all lanes. Guarantees: no entry is ever skipped; a long writing transaction
 * anywhere on the server delays entries, it does not lose them.
 */
export async function readLanesAfter(
  connection: Connection,
  lanes: readonly LanePosition[],
  perLane: number,
  reading: Reading = "everything",
): Promise<Entry[]> {
  if (lanes.length === 0) return [];
  const statement = reading === "everything" ? readLanes : readOwnCommands;
  const rows = await connection.runRows(statement, laneValues(lanes, perLane));
  return rows.map(entryOfColumns);
}

/** What a lane holds after a position: `count` entries, `limit` of them at most, below the gate. */
export interface LaneCount {
  readonly lane: number;
  readonly count: number;
  /** Entries of this transaction and later ones were not looked at. */
  readonly gate: string;
}

/** Counts up to `limit` entries of each lane after its position. */
export async function countLanesAfter(
  connection: Connection,
  lanes: readonly LanePosition[],
  limit: number,
): Promise<LaneCount[]> {
  const rows = (await connection.runRows(countLanes, laneValues(lanes, limit))) as [number, number, string][];
  return rows.map(([lane, count, gate]) => ({ lane, count, gate }));
}

/** True when something was committed after one of the positions, though a reader may not take it yet. */
export async function isAnythingAfter(
  connection: Connection,
  lanes: readonly LanePosition[],
  reading: Reading = "everything",
): Promise<boolean> {
  const statement = reading === "everything" ? findLanes : findOwnCommands;
  const [[found] = []] = await connection.runRows(statement, placesOf(lanes));
  return found === true;
}

function placesOf(lanes: readonly LanePosition[]): unknown[] {
  return [
    int2Array(lanes.map((l) => l.lane)),
    xid8Array(lanes.map((l) => l.position.xid)),
    int8Array(lanes.map((l) => l.position.seq)),
  ];
}

function laneValues(lanes: readonly LanePosition[], perLane: number): unknown[] {
  return [...placesOf(lanes), perLane];
}

/** By place in `columns`. The cast trusts the table's own types. */
function entryOfColumns(row: unknown[]): Entry {
  const [
    id,
    xid,
    seq,
    lane,
    kind,
    type,
    schemaVersion,
    source,
    target,
    tenantId,
    key,
    keyVersion,
    processId,
  ] = row;
  const text = row as string[];
  return {
    id,
    kind,
    type,
    schemaVersion,
    source,
    target,
    tenantId,
    key,
    keyVersion: keyVersion === null ? null : Number(keyVersion),
    processId,
    correlationId: text[13],
    causationId: text[14],
    customerId: text[15],
    ttlMs: row[16] === null ? null : Number(row[16]),
    traceparent: text[17],
    occurredAt: row[18],
    data: row[19],
    position: { xid, seq },
    lane,
  } as Entry;
}

const readProcess: Statement = {
  name: "journal-read-process",
  text: `select ${columns} from entente.journal e where e.id = $1 and e.tenant_id = $2
    union all
    select ${columns} from entente.journal e where e.process_id = $1 and e.process_id <> e.id and e.tenant_id = $2
    order by xid, seq limit $3`,
};

/** Every entry of one process in this journal, oldest first, at most `limit`. */
export async function readProcessEntries(
  connection: Connection,
  tenantId: string,
  processId: string,
  limit = 1000,
): Promise<Entry[]> {
  const rows = await connection.run<EntryRow>(readProcess, [processId, tenantId, limit]);
  return rows.map(entryOf);
}

/** Index: the primary key and journal_process, once for each process. */
const readProcesses: Statement = {
  name: "journal-read-processes",
  text: `select own.* from unnest($1::uuid[]) as p(id) cross join lateral (
      select ${columns} from entente.journal e where e.id = p.id and e.tenant_id = $2
      union all
      select ${columns} from entente.journal e where e.process_id = p.id and e.process_id <> e.id and e.tenant_id = $2
      order by xid, seq limit $3) own`,
};

/** The same of several processes, in one statement: at most `limit` of each. */
export async function readEntriesOfProcesses(
  connection: Connection,
  tenantId: string,
  processIds: readonly string[],
  limit: number,
): Promise<Entry[]> {
  const rows = await connection.run<EntryRow>(readProcesses, [uuidArray(processIds), tenantId, limit]);
  return rows.map(entryOf);
}

const readById: Statement = {
  name: "journal-read-by-id",
  text: `select ${columns} from entente.journal e where e.id = any($1::uuid[])`,
};

/** Entries by id; missing ids are simply absent. Bounds: at most 1,000 ids. */
export async function readEntries(connection: Connection, ids: readonly string[]): Promise<Entry[]> {
  const rows = await connection.run<EntryRow>(readById, [ids]);
  return rows.map(entryOf);
}

/** The generation and the highest position a reader may stand at; a cursor beyond it belongs to another history. */
export interface JournalIdentity {
  readonly generation: string;
  readonly nextXid: string;
}

const identity: Statement = {
  name: "journal-identity",
  text: "select generation, pg_snapshot_xmax(pg_current_snapshot()) as next_xid from entente.journal_identity",
};

export async function readJournalIdentity(connection: Connection): Promise<JournalIdentity> {
  const [row] = await connection.run<{ generation: string; next_xid: string }>(identity, []);
  if (row === undefined) throw new Error("journal_identity has no row: the schema was not migrated");
  return { generation: row.generation, nextXid: row.next_xid };
}

export interface EntryRow extends Record<string, unknown> {
  id: string;
  xid: string;
  seq: string;
  lane: number;
  kind: EntryKind;
  type: string;
  schema_version: string;
  source: string;
  target: string | null;
  tenant_id: string;
  key: string;
  key_version: string | null;
  process_id: string;
  correlation_id: string;
  causation_id: string | null;
  customer_id: string | null;
  ttl_ms: string | null;
  traceparent: string | null;
  occurred_at: number;
  data: JsonObject;
}

export function entryOf(row: EntryRow): Entry {
  return {
    id: row.id,
    kind: row.kind,
    type: row.type,
    schemaVersion: row.schema_version,
    source: row.source,
    target: row.target,
    tenantId: row.tenant_id,
    key: row.key,
    keyVersion: row.key_version === null ? null : Number(row.key_version),
    processId: row.process_id,
    correlationId: row.correlation_id,
    causationId: row.causation_id,
    customerId: row.customer_id,
    ttlMs: row.ttl_ms === null ? null : Number(row.ttl_ms),
    traceparent: row.traceparent,
    occurredAt: row.occurred_at,
    data: row.data,
    position: { xid: row.xid, seq: row.seq },
    lane: row.lane,
  };
}
