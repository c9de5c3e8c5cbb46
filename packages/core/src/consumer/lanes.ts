import type { Position } from "../model/entry.ts";
import { int2Array, int8Array, textArray, xid8Array } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { readStoredCursors } from "./cursors.ts";
import type { Lease } from "./renewals.ts";

/**
 * Which lanes this worker owns, under which epoch, and where each stands in each journal.
 * The database is the authority; this is a copy that a failed cursor move proves stale.
 * Life-cycle: docs/states/lease.md.
 */
export interface OwnedLane {
  readonly lane: number;
  readonly epoch: string;
  /** By journal (context name). */
  readonly positions: Map<string, Position>;
}

export interface JournalSource {
  /** The context whose journal it is. */
  readonly context: string;
  /** Where to read it, usually with the reader role. */
  readonly database: Database;
}

const releaseLanes: Statement = {
  name: "consumer-release-lanes",
  text: "select entente.release_lanes($1, $2)",
};

/** The lanes of the leases: as they were known if they were owned under the same epoch, else where their cursors stand now. */
export async function lanesOf(
  database: Database,
  consumer: string,
  leases: readonly Lease[],
  sources: readonly JournalSource[],
  owned: ReadonlyMap<number, OwnedLane>,
): Promise<Map<number, OwnedLane>> {
  const lanes = new Map<number, OwnedLane>();
  let unknown = false;
  for (const lease of leases) {
    const before = owned.get(lease.lane);
    if (before !== undefined && before.epoch === lease.epoch) {
      lanes.set(lease.lane, before);
    } else {
      unknown = true;
      lanes.set(lease.lane, { lane: lease.lane, epoch: lease.epoch, positions: new Map() });
    }
  }
  if (!unknown) return lanes;
  for (const source of sources) {
    for (const cursor of await readStoredCursors(database, consumer, source.context, true)) {
      const lane = lanes.get(cursor.lane);
      if (lane === undefined || lane.positions.has(source.context)) continue;
      lane.positions.set(source.context, cursor.position);
    }
  }
  return lanes;
}

/** Gives the lanes to whoever is left, at once. */
export async function releaseAllLanes(database: Database, consumer: string, workerId: string): Promise<void> {
  await database.run(releaseLanes, [consumer, workerId]);
}

/** One cursor's move: from where it was read to where the batch ends. */
export interface CursorMove {
  readonly journal: string;
  readonly lane: OwnedLane;
  readonly from: Position;
  readonly to: Position;
  readonly entries: number;
}

const moveCursorsStatement: Statement = {
  name: "consumer-move-cursors",
  text: `select entente.move_cursors($1, $2::text[], $3::int2[], $4::int8[], $5::xid8[], $6::int8[], $7::xid8[], $8::int8[], $9::int8[])`,
};

/**
 * Moves the cursors in the transaction of the effect.
 * Errors: `lane-fenced` when another worker owns a lane or already moved it: roll back.
 */
export async function moveCursors(
  connection: Connection,
  consumer: string,
  moves: readonly CursorMove[],
): Promise<void> {
  await connection.run(moveCursorsStatement, [
    consumer,
    textArray(moves.map((m) => m.journal)),
    int2Array(moves.map((m) => m.lane.lane)),
    int8Array(moves.map((m) => m.lane.epoch)),
    xid8Array(moves.map((m) => m.from.xid)),
    int8Array(moves.map((m) => m.from.seq)),
    xid8Array(moves.map((m) => m.to.xid)),
    int8Array(moves.map((m) => m.to.seq)),
    int8Array(moves.map((m) => m.entries)),
  ]);
}
