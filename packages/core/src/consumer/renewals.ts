import { textArray } from "../postgres/arrays.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { together } from "../postgres/together.ts";
import { readCursors, type StoredCursor } from "./cursors.ts";
import { loadStalls, type OpenStalls } from "./stalls.ts";

/** A lane a worker owns, under which epoch. */
export interface Lease {
  readonly lane: number;
  readonly epoch: string;
}

/**
 * What every consumer of a process asks every third of a lease, asked for all of them at once: with forty consumers it is otherwise
 * most of what an idle system does.
 */
export interface Renewals {
  /** When leases are renewed next, in milliseconds of performance.now(): the same moment for all. */
  nextAt(now: number): number;
  /** Renews the consumer's leases and returns them; takes what is free and gives back what is too much. */
  lanes(consumer: string): Promise<readonly Lease[]>;
  /** As of the lanes this worker owns. */
  stalls(consumer: string, lanes: readonly number[]): Promise<OpenStalls>;
  /** Where the consumer stands in a journal, by lane. */
  cursors(consumer: string, journal: string): Promise<readonly StoredCursor[]>;
}

const renewLanes: Statement = {
  name: "consumer-renew-lanes",
  text: "select consumer, lane, epoch from entente.renew_lanes($1::text[], $2, $3)",
};

const takeLanes: Statement = {
  name: "consumer-take-lanes",
  text: "select lane, epoch from entente.take_lanes($1, $2, $3)",
};

/** Milliseconds in which those who were woken by the same timer have asked. */
const gatherMs = 5;

/** `leaseMs`: milliseconds of database time (1,000..3,600,000) that a lane stays ours without renewal. */
export function openRenewals(database: Database, workerId: string, leaseMs: number): Renewals {
  const everyMs = leaseMs / 3;
  const renew = together<string, readonly Lease[]>(async (consumers) => {
    const rows = await database.run<{ consumer: string; lane: number; epoch: string }>(renewLanes, [
      textArray(consumers),
      workerId,
      leaseMs,
    ]);
    const leases = Map.groupBy(rows, ({ consumer }) => consumer);
    return consumers.map((consumer) => leases.get(consumer) ?? []);
  }, gatherMs);
  const stalls = together<{ consumer: string; lanes: readonly number[] }, OpenStalls>((asked) =>
    loadStalls(database, asked),
  );
  const cursors = together<{ consumer: string; journal: string }, readonly StoredCursor[]>((asked) =>
    readCursors(database, asked),
  );
  return {
    nextAt: (now) => (Math.floor(now / everyMs) + 1) * everyMs,
    async lanes(consumer) {
      const renewed = await renew(consumer);
      if (renewed.length > 0) return renewed;
      // Something is to be settled with other workers, which may take as long as a batch of theirs.
      return database.run<{ lane: number; epoch: string }>(takeLanes, [consumer, workerId, leaseMs]);
    },
    stalls: (consumer, lanes) => stalls({ consumer, lanes }),
    cursors: (consumer, journal) => cursors({ consumer, journal }),
  };
}
