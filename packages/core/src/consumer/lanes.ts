import { readJournalIdentity } from "../journal/read.ts";
import { compareXids, type Position } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { laneCount } from "../model/lane.ts";
import { int2Array, int8Array, textArray, xid8Array } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";

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

const register: Statement = {
  name: "consumer-register",
  text: `with leases as (
      insert into entente.lease (consumer, lane) select $1, lane from generate_series(0, $4 - 1) lane
      on conflict do nothing)
    insert into entente.cursor (consumer, journal, lane, generation)
      select $1, $2, lane, $3 from generate_series(0, $4 - 1) lane
    on conflict do nothing`,
};

const cursorState: Statement = {
  name: "consumer-cursor-state",
  text: "select lane, epoch, generation, xid, seq from entente.cursor where consumer = $1 and journal = $2",
};

interface CursorRow extends Record<string, unknown> {
  lane: number;
  epoch: string;
  generation: string;
  xid: string;
  seq: string;
}

/**
 * Makes the consumer known and checks that each journal is still the one its cursors point into.
 * Errors: `journal-replaced` (refused) when a journal was re-created or restored to an earlier point:
 * reading on would skip or repeat entries, so an operator decides.
 */
export async function registerConsumer(
  database: Database,
  consumer: string,
  sources: readonly JournalSource[],
): Promise<void> {
  for (const source of sources) {
    const identity = await readJournalIdentity(source.database);
    await database.run(register, [consumer, source.context, identity.generation, laneCount]);
    const rows = await database.run<CursorRow>(cursorState, [consumer, source.context]);
    for (const row of rows) {
      const ahead = compareXids(row.xid, identity.nextXid) >= 0;
      if (row.generation === identity.generation && !ahead) continue;
      throw new Failure(
        "refused",
        "journal-replaced",
        `The journal of ${source.context} is not the one ${consumer} was reading: it was ${
          ahead ? "restored to an earlier point" : "re-created or moved to another cluster"
        }. Compare both and reset the cursor with a reason before going on.`,
        { fields: { consumer, journal: source.context, lane: row.lane } },
      );
    }
  }
}

const takeLanes: Statement = {
  name: "consumer-take-lanes",
  text: "select lane, epoch from entente.take_lanes($1, $2, $3)",
};

const releaseLanes: Statement = {
  name: "consumer-release-lanes",
  text: "select entente.release_lanes($1, $2)",
};

/**
 * Refreshes the lease and returns the lanes this worker owns now, keeping what is known about lanes it keeps.
 * Units: leaseMs in milliseconds of database time (1,000..3,600,000).
 */
export async function refreshLanes(
  database: Database,
  consumer: string,
  workerId: string,
  leaseMs: number,
  sources: readonly JournalSource[],
  owned: ReadonlyMap<number, OwnedLane>,
): Promise<Map<number, OwnedLane>> {
  const leases = await database.run<{ lane: number; epoch: string }>(takeLanes, [
    consumer,
    workerId,
    leaseMs,
  ]);
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
    const rows = await database.run<CursorRow>(cursorState, [consumer, source.context]);
    for (const row of rows) {
      const lane = lanes.get(row.lane);
      if (lane === undefined || lane.positions.has(source.context)) continue;
      lane.positions.set(source.context, { xid: row.xid, seq: row.seq });
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
