import type { Clock } from "../model/clock.ts";
import type { Database } from "../postgres/database.ts";

/**
 * Wall clock plus an offset that every process of the system reads from its context's database.
 * Setting it is a test and drill facility (dev mode); leases never use it.
 */
export interface BusinessClock extends Clock {
  /** Offset from the wall clock, milliseconds. */
  offsetMs(): number;
  setOffset(offsetMs: number): void;
  /** Called after the offset changed; returns the unsubscribe function. */
  onChange(listener: () => void): () => void;
}

export function openBusinessClock(wallClock: () => number = Date.now): BusinessClock {
  let offset = 0;
  const listeners = new Set<() => void>();
  return {
    now: () => wallClock() + offset,
    offsetMs: () => offset,
    setOffset(next) {
      if (next === offset) return;
      offset = next;
      for (const listener of listeners) listener();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Makes the offset known to every process that works on this database. */
export async function storeClockOffset(database: Database, offsetMs: number): Promise<void> {
  await database.execute("update entente.context_control set clock_offset_ms = $1", [Math.round(offsetMs)]);
}
