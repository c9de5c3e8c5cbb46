import type { JournalSource } from "../consumer/lanes.ts";
import { type LanePosition, readLanesAfter } from "../journal/read.ts";
import { comparePositions, type JsonObject, journalStart, type Position } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { laneCount } from "../model/lane.ts";
import type { Connection, Database } from "../postgres/database.ts";
import type { Projection } from "./projection.ts";

export interface RebuildProgress {
  /** Facts read so far. */
  readonly entries: number;
  readonly caughtUp: boolean;
}

/**
 * Rebuilds a projection from the journals while the old table serves: fills a successor table from the start, never past
 * the live cursors, and in one short transaction that holds them brings it to exactly their positions and swaps the names.
 * Readers see the old content until the swap and the new content after it, never a mixture.
 * Entries an operator discarded are passed over, corrected ones are taken as corrected; what was put aside and could be
 * applied here is done with it.
 * Errors: `journal-incomplete` (refused) when months have left a journal: what they added up to cannot be added up again;
 * `rebuild-under-way` (conflict) when another rebuild of this projection runs; what `apply` throws.
 */
export async function rebuildProjection(
  database: Database,
  projection: Projection,
  sources: readonly JournalSource[],
  report: (progress: RebuildProgress) => void = () => {},
): Promise<void> {
  for (const source of sources) await refuseIncomplete(source);
  const guard = await database.reserve();
  try {
    const [lock] = await guard.execute<{ got: boolean }>(
      "select pg_try_advisory_lock(hashtextextended('entente.rebuild:' || $1, 0)) as got",
      [projection.name],
    );
    if (lock?.got !== true) {
      throw new Failure("conflict", "rebuild-under-way", `${projection.name} is being rebuilt already.`);
    }
    // Again from the start in the rare case that an operator acts on an entry that was read already.
    while (!(await fillAndSwap(database, projection, sources, report)));
  } finally {
    await guard.execute("select pg_advisory_unlock_all()").catch(() => {});
    guard.release();
  }
}

async function refuseIncomplete({ context, database }: JournalSource): Promise<void> {
  const [row] = await database.execute<{ began: number | null }>(
    "select history_begins as began from entente.journal_identity",
  );
  if (typeof row?.began !== "number") return;
  throw new Failure(
    "refused",
    "journal-incomplete",
    `The journal of ${context} begins with ${new Date(row.began).toISOString()}: what was before is in archives.`,
    { fields: { context } },
  );
}

/** False when an operator's act has overtaken it; nothing was swapped then. */
async function fillAndSwap(
  database: Database,
  projection: Projection,
  sources: readonly JournalSource[],
  report: (progress: RebuildProgress) => void,
): Promise<boolean> {
  const { table, name } = projection;
  const successor = `${table}_successor`;
  await database.execute(
    `drop table if exists ${successor}; create table ${successor} (like ${table} including all)`,
  );
  const acts = await readActs(database, name);
  const filling: Filling = {
    projection,
    sources,
    table: successor,
    acts,
    positions: new Map(sources.map((source) => [source.context, lanesAtStart()])),
  };
  let entries = 0;
  // The live cursors keep moving; a few rounds bring the successor within one batch of them.
  for (;;) {
    const read = await catchUp(database, filling, await readCursors(database, name));
    entries += read;
    report({ entries, caughtUp: false });
    if (read < 1_000) break;
  }
  const swapped = await database.transaction(async (connection) => {
    // First the table, then the cursors, as the live projection takes them: the other way round is a deadlock.
    await connection.execute(`lock table ${table} in share row exclusive mode`);
    const ends = await readCursors(connection, name, "for update");
    if (!sameActs(acts, await readActs(connection, name))) return false;
    for (let read = 1; read > 0; entries += read) read = await catchUp(connection, filling, ends);
    await connection.execute(
      `update entente.parked set state = 'done', closed_at = clock_timestamp(), next_try_at = null
       where consumer = $1 and state not in ('done', 'discarded')`,
      [name],
    );
    await connection.execute(`drop table ${table}; alter table ${successor} rename to ${nameOf(table)}`);
    return true;
  });
  if (swapped) report({ entries, caughtUp: true });
  return swapped;
}

function lanesAtStart(): LanePosition[] {
  return Array.from({ length: laneCount }, (_, lane) => ({ lane, position: journalStart }));
}

function nameOf(table: string): string {
  return table.slice(table.indexOf(".") + 1);
}

/** What operators ordered for entries of this projection, by entry: other data, or null for never. */
type Acts = ReadonlyMap<string, JsonObject | null>;

async function readActs(connection: Connection, consumer: string): Promise<Acts> {
  const rows = await connection.execute<{ id: string; state: string; corrected: JsonObject | null }>(
    `select entry_id as id, state, corrected from entente.parked
     where consumer = $1 and (state = 'discarded' or corrected is not null)`,
    [consumer],
  );
  return new Map(rows.map((row) => [row.id, row.state === "discarded" ? null : row.corrected]));
}

function sameActs(a: Acts, b: Acts): boolean {
  return (
    a.size === b.size && [...b].every(([id, data]) => JSON.stringify(a.get(id)) === JSON.stringify(data))
  );
}

/** By "journal/lane". */
type Ends = ReadonlyMap<string, Position>;

/** Where the live cursors stand; with `for update`, the live projection waits until the transaction has ended. */
async function readCursors(
  connection: Connection,
  consumer: string,
  lock: "" | "for update" = "",
): Promise<Ends> {
  const rows = await connection.execute<{ journal: string; lane: number; xid: string; seq: string }>(
    `select journal, lane, xid, seq from entente.cursor where consumer = $1 order by journal, lane ${lock}`,
    [consumer],
  );
  return new Map(rows.map((row) => [`${row.journal}/${row.lane}`, { xid: row.xid, seq: row.seq }]));
}

/** A successor on its way. */
interface Filling {
  readonly projection: Projection;
  readonly sources: readonly JournalSource[];
  readonly table: string;
  readonly acts: Acts;
  readonly positions: Map<string, LanePosition[]>;
}

/** One round over all sources; nothing beyond `ends` is taken. Returns the entries taken. */
async function catchUp(connection: Connection | Database, filling: Filling, ends: Ends): Promise<number> {
  const { projection, table, acts, positions } = filling;
  const facts = new Set(projection.facts);
  let read = 0;
  for (const source of filling.sources) {
    const lanes = positions.get(source.context) ?? [];
    const found = await readLanesAfter(source.database, lanes, 500);
    const entries = found.filter((entry) => {
      const end = ends.get(`${source.context}/${entry.lane}`);
      return end !== undefined && comparePositions(entry.position, end) <= 0;
    });
    const wanted = entries
      .filter((entry) => facts.has(entry.type) && acts.get(entry.id) !== null)
      .map((entry) => ({ ...entry, data: acts.get(entry.id) ?? entry.data }));
    if (wanted.length > 0) {
      await ("transaction" in connection
        ? connection.transaction((inner) => projection.apply(inner, wanted, table))
        : projection.apply(connection, wanted, table));
    }
    const last = new Map(entries.map((entry) => [entry.lane, entry.position]));
    positions.set(
      source.context,
      lanes.map((lane) => ({ lane: lane.lane, position: last.get(lane.lane) ?? lane.position })),
    );
    read += entries.length;
  }
  return read;
}
