import type { JournalSource } from "../consumer/lanes.ts";
import { type LanePosition, readLanesAfter } from "../journal/read.ts";
import { journalStart, type Position } from "../model/entry.ts";
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
 * Rebuilds a projection from the journals while the old table serves: fills a successor table from the start,
 * and in one short transaction that holds the live cursors brings it to exactly their positions and swaps the names.
 * Readers see the old content until the swap and the new content after it, never a mixture.
 * Errors: `rebuild-under-way` (conflict) when another rebuild of this projection runs.
 */
export async function rebuildProjection(
  database: Database,
  projection: Projection,
  sources: readonly JournalSource[],
  report: (progress: RebuildProgress) => void = () => {},
): Promise<void> {
  const successor = `${projection.table}_successor`;
  const guard = await database.reserve();
  try {
    const [lock] = await guard.execute<{ got: boolean }>(
      "select pg_try_advisory_lock(hashtextextended('entente.rebuild:' || $1, 0)) as got",
      [projection.name],
    );
    if (lock?.got !== true) {
      throw new Failure("conflict", "rebuild-under-way", `${projection.name} is being rebuilt already.`);
    }
    await database.execute(
      `drop table if exists ${successor}; create table ${successor} (like ${projection.table} including all)`,
    );
    const positions = new Map(sources.map((source) => [source.context, lanesAtStart()]));
    let entries = 0;
    // The live cursors keep moving; a few rounds bring the successor within one batch of them.
    for (;;) {
      const read = await catchUp(database, projection, sources, positions, successor, null);
      entries += read;
      report({ entries, caughtUp: false });
      if (read < 1_000) break;
    }
    await database.transaction(async (connection) => {
      const ends = await holdCursors(connection, projection.name);
      while ((await catchUp(connection, projection, sources, positions, successor, ends)) > 0)
        report({ entries, caughtUp: false });
      await connection.execute(
        `drop table ${projection.table}; alter table ${successor} rename to ${nameOf(projection.table)}`,
      );
    });
    report({ entries, caughtUp: true });
  } finally {
    await guard.execute("select pg_advisory_unlock_all()").catch(() => {});
    guard.release();
  }
}

function lanesAtStart(): LanePosition[] {
  return Array.from({ length: laneCount }, (_, lane) => ({ lane, position: journalStart }));
}

function nameOf(table: string): string {
  return table.slice(table.indexOf(".") + 1);
}

type Ends = ReadonlyMap<string, Position>;

/** Locks the live cursors, so that the live projection waits, and returns where they stand. */
async function holdCursors(connection: Connection, consumer: string): Promise<Ends> {
  const rows = await connection.execute<{ journal: string; lane: number; xid: string; seq: string }>(
    "select journal, lane, xid, seq from entente.cursor where consumer = $1 order by journal, lane for update",
    [consumer],
  );
  return new Map(rows.map((row) => [`${row.journal}/${row.lane}`, { xid: row.xid, seq: row.seq }]));
}

/** One round over all sources; with `ends`, nothing beyond them is read. Returns the entries read. */
async function catchUp(
  connection: Connection | Database,
  projection: Projection,
  sources: readonly JournalSource[],
  positions: Map<string, LanePosition[]>,
  table: string,
  ends: Ends | null,
): Promise<number> {
  const facts = new Set(projection.facts);
  let read = 0;
  for (const source of sources) {
    const lanes = positions.get(source.context) ?? [];
    const found = await readLanesAfter(source.database, lanes, 500);
    const entries = found.filter((entry) => {
      const end = ends?.get(`${source.context}/${entry.lane}`);
      return end === undefined ? ends === null : !isAfter(entry.position, end);
    });
    const wanted = entries.filter((entry) => facts.has(entry.type));
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

function isAfter(a: Position, b: Position): boolean {
  const [ax, bx] = [BigInt(a.xid), BigInt(b.xid)];
  return ax === bx ? BigInt(a.seq) > BigInt(b.seq) : ax > bx;
}
