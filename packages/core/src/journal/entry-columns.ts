import type { NewEntry } from "../model/entry.ts";
import { laneOf } from "../model/lane.ts";
import { int2Array, int8Array, jsonArray, textArray, timeArray, uuidArray } from "../postgres/arrays.ts";
import { type Column, ColumnBatch } from "../postgres/column-batch.ts";

/** The columns of a journal row that its writer supplies. */
export const entryColumns =
  "id, lane, kind, type, schema_version, source, target, tenant_id, key, key_version, process_id, correlation_id, " +
  "causation_id, customer_id, ttl_ms, traceparent, occurred_at, data";

/** Entries on their way into SQL. */
export interface EntryBatch {
  /** Names the shape of the SQL: batches of one shape share a prepared statement. */
  readonly shape: string;
  /** A FROM item with the entry columns, and `n`, which counts the entries from 1. */
  readonly from: string;
  /** Its parameters, numbered from the `first` that was asked for. */
  readonly values: readonly unknown[];
}

type AnyEntry = NewEntry<object>;

const id = uuid("id", (e) => e.id);
const lane: Column<AnyEntry> = {
  name: "lane",
  type: "int2",
  of: (e) => laneOf(e.tenantId, e.key),
  array: (es) => int2Array(es.map((e) => laneOf(e.tenantId, e.key))),
};
const key = text("key", (e) => e.key);
const data: Column<AnyEntry> = {
  name: "data",
  type: "json",
  of: (e) => e.data,
  array: (es) => jsonArray(es.map((e) => JSON.stringify(e.data))),
};

/** Columns that most batches have in common. */
const often: readonly Column<AnyEntry>[] = [
  text("kind", (e) => e.kind),
  text("type", (e) => e.type),
  text("schema_version", (e) => e.schemaVersion),
  text("source", (e) => e.source),
  text("target", (e) => e.target),
  text("tenant_id", (e) => e.tenantId),
  whole("key_version", (e) => e.keyVersion),
  text("customer_id", (e) => e.customerId),
  whole("ttl_ms", (e) => e.ttlMs),
  text("traceparent", (e) => e.traceparent),
  {
    name: "occurred_at",
    type: "timestamptz",
    of: (e) => e.occurredAt,
    array: (es) => timeArray(es.map((e) => e.occurredAt)),
  },
];

const processId = uuid("process_id", (e) => e.processId);
const causationId = uuid("causation_id", (e) => e.causationId);
const correlationId = text("correlation_id", (e) => e.correlationId);

function text(name: string, of: (entry: AnyEntry) => string | null): Column<AnyEntry> {
  return { name, type: "text", of, array: (es) => textArray(es.map(of)) };
}

function uuid(name: string, of: (entry: AnyEntry) => string | null): Column<AnyEntry> {
  return { name, type: "uuid", of, array: (es) => uuidArray(es.map(of)) };
}

function whole(name: string, of: (entry: AnyEntry) => number | null): Column<AnyEntry> {
  return { name, type: "int8", of, array: (es) => int8Array(es.map(of)) };
}

/** Prepares entries for one statement. Rows come in the order given. */
export function entryBatch(entries: readonly AnyEntry[], first = 1): EntryBatch {
  const batch = new ColumnBatch(entries, first).each(id).each(lane).each(key).each(data);
  for (const column of often) batch.often(column);
  // A command that starts a process has its id, its effects are caused by it, and nearly everything is correlated by its process.
  const starts = entries.every((entry) => entry.processId === entry.id);
  const process = starts ? "e.id" : "e.process_id";
  if (starts) batch.derived(process, "process_id");
  else batch.each(processId);
  if (entries.every((entry) => entry.causationId === entry.processId)) batch.derived(process, "causation_id");
  else batch.often(causationId);
  if (entries.every((entry) => entry.correlationId === entry.processId))
    batch.derived(`${process}::text`, "correlation_id");
  else batch.each(correlationId);
  return { shape: batch.shape, from: batch.from("entry"), values: batch.values };
}
