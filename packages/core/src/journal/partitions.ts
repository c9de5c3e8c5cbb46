import { firstIdAt } from "../model/id.ts";
import type { Connection, Statement } from "../postgres/database.ts";

const ensurePartition: Statement = {
  name: "journal-ensure-partition",
  text: "select entente.ensure_partition($1, $2, $3) as made",
};

/** Start of the month, UTC, epoch milliseconds, that lies `months` after the month of `epochMs`. */
export function monthStart(epochMs: number, months = 0): number {
  const date = new Date(epochMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1);
}

/**
 * Makes sure the journal can take entries of the month of `epochMs` and the next. No more than that: every
 * read looks into every partition. Earlier months, for effects of old causes, are made when they are met.
 * Units: epoch milliseconds, business time. Safe to repeat and to run from many processes.
 */
export async function ensurePartitions(connection: Connection, epochMs: number): Promise<void> {
  for (const offset of [0, 1]) {
    const start = monthStart(epochMs, offset);
    await connection.run(ensurePartition, [
      new Date(start),
      firstIdAt(start),
      firstIdAt(monthStart(epochMs, offset + 1)),
    ]);
  }
}
