import type { Clock } from "../model/clock.ts";
import type { Database } from "../postgres/database.ts";

/**
 * Wall clock plus an offset that every process of the system reads from its context's database.
 * Setting it is a test and drill facility (dev mode); leases never use it.
 */
export interface BusinessClock extends Clock {
  /** Offset from the wall clock, milliseconds. */
  offsetMs(): number;
  /**
   * `setAtMs`: wall time at which somebody set it, as it is stored beside it; one that was set before what is known is not heard. The contexts
   * of a process are told one after the other, and time must not go back meanwhile. Absent: it holds at once, until the stored one is heard.
   */
  setOffset(offsetMs: number, setAtMs?: number): void;
  /** Called after the offset changed; returns the unsubscribe function. */
  onChange(listener: () => void): () => void;
}

export function openBusinessClock(wallClock: () => number = Date.now): BusinessClock {
  let offset = 0;
  let knownSetAtMs = 0;
  const listeners = new Set<() => void>();
  return {
    now: () => wallClock() + offset,
    offsetMs: () => offset,
    setOffset(next, setAtMs = knownSetAtMs) {
      if (setAtMs < knownSetAtMs) return;
      knownSetAtMs = setAtMs;
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

/** Makes the offset, set at this wall time, known to every process that works on this database; one that was set later stays. */
export async function storeClockOffset(database: Database, offsetMs: number, setAtMs: number): Promise<void> {
  await database.execute(
    "update entente.context_control set clock_offset_ms = $1, clock_set_ms = $2 where clock_set_ms <= $2",
    [Math.round(offsetMs), Math.round(setAtMs)],
  );
}
