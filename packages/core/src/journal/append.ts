import type { NewEntry } from "../model/entry.ts";
import { type Connection, runWrite, type Write } from "../postgres/database.ts";
import { entryBatch, entryColumns } from "./entry-columns.ts";

/** Where entries came to stand that one statement appended. */
export interface AppendedAt {
  readonly xid: string;
  /** The n-th entry, from 0, has the sequence number `base + 1 + n`. Exact as a number for 10^12 statements to come. */
  readonly base: number;
}

/** Rows one statement may append: it numbers them within one value of the sequence (migration 006). */
const perStatement = 4_095;

/** In a WITH list: the block of sequence numbers of a statement. */
export const seqBlock = "block as materialized (select nextval('entente.journal_seq') as base)";

/** The sequence number of a row of an entry batch. */
export const seqOfRow = "(select base from block) + n";

/** Where a statement's rows stand, as its answer. */
export const appendedColumns = "pg_current_xact_id()::text as xid, (select base::float8 from block) as base";

/**
 * Appends entries in the order given, in the caller's transaction, with one statement for 4,095 of them.
 * Shape: where they stand, true once the transaction has committed; null when there are none, or so many that they stand in
 * several places.
 * Guarantees: within a (tenant, key) readers see them in this order.
 * Errors: `data-rejected` when an id repeats; `partition-missing` when nobody made the partition of its month.
 */
export async function appendEntries(
  connection: Connection,
  entries: readonly NewEntry<object>[],
): Promise<AppendedAt | null> {
  let at: AppendedAt | null = null;
  const writes = appending(entries, (told) => {
    at = told;
  });
  await Promise.all(writes.map((write) => runWrite(connection, write)));
  return at;
}

/** The statements of appendEntries. `told` hears where they stand, when there is one statement, once it has run. */
export function appending(
  entries: readonly NewEntry<object>[],
  told: (at: AppendedAt | null) => void,
): readonly Write[] {
  if (entries.length === 0) return [];
  if (entries.length > perStatement) {
    const writes: Write[] = [];
    for (let from = 0; from < entries.length; from += perStatement)
      writes.push(...appending(entries.slice(from, from + perStatement), () => {}));
    return writes;
  }
  const batch = entryBatch(entries);
  const statement = {
    name: `journal-append-${batch.shape}`,
    text: `with ${seqBlock}, stored as (
          insert into entente.journal (${entryColumns}, seq) select ${entryColumns}, ${seqOfRow} from ${batch.from})
        select ${appendedColumns}`,
  };
  // The cast trusts the statement's own columns.
  return [{ statement, values: batch.values, told: ([at]) => told((at as AppendedAt | undefined) ?? null) }];
}
