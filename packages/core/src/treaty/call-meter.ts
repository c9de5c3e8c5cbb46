import { dayOf } from "../model/day-totals.ts";
import { isFailure } from "../model/failure.ts";
import type { Database } from "../postgres/database.ts";
import { addCalls, answeredHere, budgetsOf, type CallCount, forgetOldCalls, placeOf } from "./call-budget.ts";
import type { Treaty } from "./treaty.ts";
import type { TreatyEvent } from "./treaty-events.ts";

/**
 * Counts what treaties use of their budgets in this process, and adds it to the database with one statement for all that a second brings.
 * A process that is killed loses the count of its last second: what has been counted lags behind, never ahead.
 */
export interface CallMeter {
  /** Notes one or more calls. Errors: thrown for a budget that the treaty does not declare. */
  count(treaty: Treaty, tenantId: string, budget: string, operation: string, by?: number): void;
  /** Notes that a question of the treaty was answered from a copy of ours, and nobody was called. */
  answeredHere(treaty: Treaty, tenantId: string): void;
  /** Writes what was counted so far. Errors: those of the database; nothing is lost by them. */
  flush(): Promise<void>;
  /** Writes the rest as far as the database lets it. */
  stop(): Promise<void>;
}

export interface CallMeterOptions {
  readonly database: Database;
  readonly treaties: readonly Treaty[];
  /** Business time. */
  readonly now: () => number;
  /** Hears of cases that were opened. */
  readonly report?: (event: TreatyEvent) => void;
  /** Milliseconds between writes (default 1,000). */
  readonly everyMs?: number;
}

/** Kinds of call are words of the author; one that made them of records' names would fill the table. */
const operationLength = 60;

export function openCallMeter(options: CallMeterOptions): CallMeter {
  const { database, treaties, now, everyMs = 1_000, report = () => {} } = options;
  const budgets = budgetsOf(treaties);
  let counted = new Map<string, CallCount>();
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();
  let cleanedOn = "";

  function note(count: CallCount): void {
    const place = placeOf(count);
    const known = counted.get(place);
    counted.set(place, known === undefined ? count : { ...known, total: known.total + count.total });
  }

  async function write(): Promise<void> {
    if (counted.size === 0) return;
    const taken = counted;
    counted = new Map();
    const today = dayOf(now());
    try {
      const lines = await database.transaction(async (connection) => {
        const opened = await addCalls(connection, [...taken.values()], budgets, now());
        if (cleanedOn !== today) await forgetOldCalls(connection, now());
        return opened;
      });
      for (const line of lines) report(line);
      cleanedOn = today;
    } catch (error) {
      // Where nobody knows whether it was written, adding it twice is the safer side: the budget is not overrun unseen.
      for (const count of taken.values()) note(count);
      throw error;
    }
  }

  function flush(): Promise<void> {
    writing = writing.catch(() => undefined).then(write);
    return writing;
  }

  function plan(): void {
    timer ??= setTimeout(() => {
      timer = null;
      flush().catch((error: unknown) => {
        if (!isFailure(error)) throw error;
        plan();
      });
    }, everyMs).unref();
  }

  function noteNow(treaty: Treaty, tenantId: string, budget: string, operation: string, total: number): void {
    const { name, target } = treaty;
    note({ tenantId, day: dayOf(now()), target, budget, treaty: name, operation, total });
    plan();
  }

  return {
    count(treaty, tenantId, budget, operation, by = 1) {
      const { name, budgets: own = [] } = treaty;
      if (!own.some((one) => one.name === budget))
        throw new Error(`the treaty ${name} has no budget ${budget}`);
      if (by > 0) noteNow(treaty, tenantId, budget, operation.slice(0, operationLength), by);
    },
    answeredHere: (treaty, tenantId) => noteNow(treaty, tenantId, answeredHere, "copy", 1),
    flush,
    async stop() {
      if (timer !== null) clearTimeout(timer);
      await flush().catch(() => undefined);
    },
  };
}
