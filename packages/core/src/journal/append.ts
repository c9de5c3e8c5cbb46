import type { NewEntry } from "../model/entry.ts";
import type { Connection } from "../postgres/database.ts";
import { entryBatch, entryColumns } from "./entry-columns.ts";

/**
 * Appends entries in the order given, in the caller's transaction, with one statement.
 * Guarantees: within a (tenant, key) readers see them in this order.
 * Errors: `data-rejected` when an id repeats; `partition-missing` when nobody made the partition of its month.
 */
export async function appendEntries(
  connection: Connection,
  entries: readonly NewEntry<object>[],
): Promise<void> {
  if (entries.length === 0) return;
  const batch = entryBatch(entries);
  await connection.run(
    {
      name: `journal-append-${batch.shape}`,
      text: `insert into entente.journal (${entryColumns}) select ${entryColumns} from ${batch.from}`,
    },
    batch.values,
  );
}
