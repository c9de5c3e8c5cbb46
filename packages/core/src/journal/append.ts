import type { NewEntry } from "../model/entry.ts";
import { laneOf } from "../model/lane.ts";
import { int2Array, int8Array, jsonArray, textArray, timeArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";

/** The columns of a journal row that the writer supplies, as one binary array each, in the order of `entryColumns`. */
export const entryColumns =
  "id, lane, kind, type, schema_version, source, target, tenant_id, key, key_version, process_id, correlation_id, " +
  "causation_id, customer_id, ttl_ms, traceparent, occurred_at, data";

export const entryArrayTypes = [
  "uuid[]",
  "int2[]",
  "text[]",
  "text[]",
  "text[]",
  "text[]",
  "text[]",
  "text[]",
  "text[]",
  "int8[]",
  "uuid[]",
  "text[]",
  "uuid[]",
  "text[]",
  "int8[]",
  "text[]",
  "timestamptz[]",
  "json[]",
] as const;

/** One Buffer per entry column. */
export function entryArrays(entries: readonly NewEntry<object>[]): Buffer[] {
  return [
    uuidArray(entries.map((e) => e.id)),
    int2Array(entries.map((e) => laneOf(e.tenantId, e.key))),
    textArray(entries.map((e) => e.kind)),
    textArray(entries.map((e) => e.type)),
    textArray(entries.map((e) => e.schemaVersion)),
    textArray(entries.map((e) => e.source)),
    textArray(entries.map((e) => e.target)),
    textArray(entries.map((e) => e.tenantId)),
    textArray(entries.map((e) => e.key)),
    int8Array(entries.map((e) => e.keyVersion)),
    uuidArray(entries.map((e) => e.processId)),
    textArray(entries.map((e) => e.correlationId)),
    uuidArray(entries.map((e) => e.causationId)),
    textArray(entries.map((e) => e.customerId)),
    int8Array(entries.map((e) => e.ttlMs)),
    textArray(entries.map((e) => e.traceparent)),
    timeArray(entries.map((e) => e.occurredAt)),
    jsonArray(entries.map((e) => JSON.stringify(e.data))),
  ];
}

const append: Statement = {
  name: "journal-append",
  text: `insert into entente.journal (${entryColumns})
    select ${entryColumns} from unnest(${entryArrayTypes.map((type, i) => `$${i + 1}::${type}`).join(", ")})
      with ordinality as e(${entryColumns}, place) order by place`,
};

/**
 * Appends entries in the order given, in the caller's transaction, with one statement.
 * Guarantees: within a (tenant, key) readers see them in this order.
 * Errors: `data-rejected` when an id repeats or no partition exists for its month (see ensurePartitions).
 */
export async function appendEntries(
  connection: Connection,
  entries: readonly NewEntry<object>[],
): Promise<void> {
  if (entries.length === 0) return;
  await connection.run(append, entryArrays(entries));
}
