import type { Entry } from "../model/entry.ts";
import type { Write } from "../postgres/database.ts";
import type { OpenStalls } from "./stalls.ts";

/** An entry that failed and waits to be tried again, with what went wrong. */
export interface Stalled {
  readonly entry: Entry;
  readonly error: unknown;
}

/**
 * The entries of one transaction, oldest first. The handler goes through them in order and puts aside what it
 * cannot execute; everything else must have its effect when `apply` returns.
 */
export interface Batch {
  readonly entries: readonly Entry[];
  /**
   * Puts aside an entry that cannot be executed now. Its effects so far must not have been written.
   * Later entries of the key follow it by themselves: they are not offered again in this batch.
   */
  stall(entry: Entry, error: unknown): void;
  /**
   * Sends this together with the cursor's move and the commit. What takes long to write comes so: readers of all journals wait for a
   * transaction that has written, and this way it waits for nobody. With its values, and not as a function that would make them:
   * nothing can go wrong any more between it and the commit but in the database, which then undoes both.
   */
  writeLast(write: Write): void;
  /** True when the entry must be passed over because an earlier one of its key was put aside. */
  blocked(entry: Entry): boolean;
}

export interface BatchInProgress extends Batch {
  readonly stalled: readonly Stalled[];
  readonly held: readonly Entry[];
  readonly lastWrites: readonly Write[];
}

/** Splits off the entries of keys that are already stalled, and collects what the handler puts aside. */
export function openBatch(entries: readonly Entry[], stalls: OpenStalls | null): BatchInProgress {
  const held: Entry[] = [];
  const stalled: Stalled[] = [];
  const stalledHere = new Set<string>();
  const lastWrites: Write[] = [];
  const name = (entry: Entry) => `${entry.tenantId}\u0000${entry.key}`;
  const open =
    stalls === null || stalls.size === 0
      ? entries
      : entries.filter((entry) => {
          if (!stalls.has(entry)) return true;
          held.push(entry);
          return false;
        });
  return {
    entries: open,
    stall(entry, error) {
      stalled.push({ entry, error });
      stalledHere.add(name(entry));
    },
    writeLast: (write) => void lastWrites.push(write),
    blocked(entry) {
      if (stalledHere.size === 0 || !stalledHere.has(name(entry))) return false;
      held.push(entry);
      return true;
    },
    stalled,
    held,
    lastWrites,
  };
}
