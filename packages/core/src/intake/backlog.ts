import { isFailure } from "../model/failure.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { openUncounted, readSnapshot } from "./uncounted.ts";

/**
 * How much was accepted and not yet brought to an end, and how fast it drains. Counted, not estimated:
 * both totals are rows that move in the same transactions as the commands and outcomes they count,
 * so the figure survives restarts and is right while the deciding context is away.
 */
export interface BacklogReading {
  /** Commands accepted and not ended. */
  readonly backlog: number;
  /** Commands ended per second while there was something to do; the configured guess until measured. */
  readonly drainPerSecond: number;
  /** Seconds a command accepted now waits, rounded up. Assumes the deciding context is at work. */
  readonly expectedWaitSeconds: number;
}

export interface Backlog {
  /** The latest reading, with commands accepted by this process since then added. */
  read(): BacklogReading;
  /** Commands this process accepted, by the transaction `xid`; null when that was not heard. */
  accepted(count: number, xid: string | null): void;
  close(): Promise<void>;
}

const totals: Statement = {
  name: "intake-totals",
  text: `select coalesce(sum(total) filter (where name = 'accepted'), 0)::float8 as accepted,
      coalesce(sum(total) filter (where name = 'finished'), 0)::float8 as finished,
      coalesce(max(total) filter (where name = 'drain-per-second'), 0)::float8 as drain,
      pg_current_snapshot()::text as snapshot
    from entente.tally`,
};

interface TotalsRow extends Record<string, unknown> {
  accepted: number;
  finished: number;
  drain: number;
  snapshot: string;
}

const keepDrain: Statement = {
  name: "intake-keep-drain",
  text: `insert into entente.tally (name, shard, total) values ('drain-per-second', 0, $1)
    on conflict (name, shard) do update set total = excluded.total`,
};

export interface BacklogOptions {
  readonly database: Database;
  /** Used until the first measurement (default 1,000). */
  readonly assumedDrainPerSecond?: number;
  /** Milliseconds between readings (default 250). */
  readonly everyMs?: number;
  /** Batches kept one by one while a reading is under way (default 1,000); see `openUncounted`. */
  readonly batchesKept?: number;
}

/** Starts reading the totals at an interval; a failed reading keeps the last one. */
export async function openBacklog(options: BacklogOptions): Promise<Backlog> {
  const everyMs = options.everyMs ?? 250;
  const uncounted = openUncounted(options.batchesKept);
  /** As the latest reading that counted acceptances found it. */
  let acceptedSeen = 0;
  let backlog = 0;
  let drain = 0;
  let finishedBefore: number | null = null;
  let readAt = performance.now();
  let keptAt = 0;
  let closed = false;

  async function readRow(): Promise<TotalsRow | undefined> {
    uncounted.begin();
    try {
      const [row] = await options.database.run<TotalsRow>(totals);
      if (row === undefined) uncounted.failed();
      return row;
    } catch (error) {
      uncounted.failed();
      throw error;
    }
  }

  async function readTotals(): Promise<void> {
    const row = await readRow();
    if (row === undefined) return;
    const now = performance.now();
    if (drain === 0 && row.drain > 0) drain = row.drain;
    const counted = uncounted.counted(readSnapshot(row.snapshot));
    if (counted) acceptedSeen = row.accepted;
    // Below zero where what ended since was accepted since, too: that is still among the uncounted.
    const waiting = counted ? Math.max(0, acceptedSeen - row.finished) : acceptedSeen - row.finished;
    if (finishedBefore !== null && row.finished > finishedBefore && (waiting > 0 || backlog > 0)) {
      const rate = ((row.finished - finishedBefore) * 1000) / (now - readAt);
      // Heavier weight to what is new: the figure follows a recovered consumer within two seconds.
      drain = drain === 0 ? rate : drain * 0.7 + rate * 0.3;
    }
    finishedBefore = row.finished;
    readAt = now;
    backlog = waiting;
    if (drain > 0 && waiting > 0 && now - keptAt > 5_000) {
      keptAt = now;
      await options.database.run(keepDrain, [Math.max(1, Math.round(drain))]);
    }
  }

  await readTotals().catch((error: unknown) => {
    if (!isFailure(error, "database-unavailable")) throw error;
  });
  const timer = setInterval(() => {
    if (!closed) inFlight = inFlight.then(readTotals).catch(() => {});
  }, everyMs);
  let inFlight: Promise<void> = Promise.resolve();

  return {
    read() {
      const waiting = Math.max(0, backlog + uncounted.commands);
      const rate = drain > 0 ? drain : (options.assumedDrainPerSecond ?? 1_000);
      return { backlog: waiting, drainPerSecond: rate, expectedWaitSeconds: Math.ceil(waiting / rate) };
    },
    accepted: uncounted.accepted,
    async close() {
      closed = true;
      clearInterval(timer);
      await inFlight;
    },
  };
}
