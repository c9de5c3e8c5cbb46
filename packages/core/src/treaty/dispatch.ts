import { readEntries } from "../journal/read.ts";
import type { Database } from "../postgres/database.ts";
import type { Surroundings } from "./advance-hand-offs.ts";
import { readOpenRows } from "./batch-rows.ts";
import type { OpeningData } from "./hand-off-entries.ts";
import type { StoredHandOff } from "./hand-off-rows.ts";
import type { Dispatch, HandOffTreaty } from "./treaty.ts";

/** What is to be sent, by place in `claimed`: it stands in the opening entries; of a batch, the rows without an outcome. */
export async function loadDispatches(
  database: Database,
  around: Surroundings,
  claimed: readonly StoredHandOff[],
): Promise<Dispatch[]> {
  const batches = claimed.filter(({ rows }) => rows > 0).map(({ handOffId }) => handOffId);
  const [entries, openRows] = await Promise.all([
    readEntries(
      database,
      claimed.map(({ handOffId }) => handOffId),
    ),
    readOpenRows(database, batches),
  ]);
  const openings = new Map(entries.map((entry) => [entry.id, entry.data as unknown as OpeningData]));
  return claimed.map((handOff) => dispatchOf(around, handOff, openings, openRows));
}

function dispatchOf(
  around: Surroundings,
  handOff: StoredHandOff,
  openings: ReadonlyMap<string, OpeningData>,
  openRows: ReadonlyMap<string, readonly number[]>,
): Dispatch {
  const opening = openings.get(handOff.handOffId);
  if (opening === undefined) throw new Error(`hand-off ${handOff.handOffId} has no opening entry`);
  const treaty = around.treaties.get(handOff.treaty) as HandOffTreaty;
  return {
    tenantId: handOff.tenantId,
    handOffId: handOff.handOffId,
    messageId: handOff.sending as string,
    idempotencyKey: handOff.idempotencyKey,
    requestHash: handOff.requestHash,
    attempt: handOff.attempt,
    tries: handOff.tries,
    correlationId: handOff.correlationId,
    causationId: handOff.handOffId,
    processId: handOff.processId,
    source: around.context,
    schemaVersion: treaty.version,
    externalReference: handOff.externalReference,
    aggregateType: handOff.aggregateType,
    aggregateId: handOff.aggregateId,
    line: handOff.line,
    data: opening.request ?? {},
    rows: (openRows.get(handOff.handOffId) ?? []).flatMap((row) => {
      const one = opening.rows[row];
      if (one === undefined) return [];
      const { aggregateType, aggregateId, line, idempotencyKey, requestHash, request: data } = one;
      return [{ row, aggregateType, aggregateId, line, idempotencyKey, requestHash, data }];
    }),
  };
}
