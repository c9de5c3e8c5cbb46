/**
 * The journal entry: the one record everything in Entente is made of.
 * Maps one to one onto CloudEvents 1.0.2 (see journal/cloud-event.ts).
 */

/** What an entry is. Fixed per type for ever: an event is never a command. */
export type EntryKind = "command" | "event" | "callback" | "reconciliation" | "snapshot" | "control";

export const entryKinds: readonly EntryKind[] = [
  "command",
  "event",
  "callback",
  "reconciliation",
  "snapshot",
  "control",
];

/** A JSON value. Entry data is always a JSON object. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

/**
 * An entry before the journal has given it a place.
 * Units: ttlMs in milliseconds (> 0) or null when the entry never goes stale; occurredAt in epoch milliseconds, business time.
 */
export interface NewEntry<Data extends object = JsonObject> {
  /** UUIDv7; also decides the monthly partition. */
  readonly id: string;
  readonly kind: EntryKind;
  /** Dotted, lower case, past tense for events, imperative for commands: `flux.balance-debited`. */
  readonly type: string;
  /** Semantic version of the schema of `data`. */
  readonly schemaVersion: string;
  /** The context that wrote the entry. */
  readonly source: string;
  /** The context a command is addressed to; null for every other kind. */
  readonly target: string | null;
  readonly tenantId: string;
  /** Ordering key: entries of one (tenant, key) are consumed strictly in order. */
  readonly key: string;
  /** Version the key's state reached with this fact; null for entries that change no state. */
  readonly keyVersion: number | null;
  readonly processId: string;
  readonly correlationId: string;
  /** The entry that caused this one; null at the start of a process. */
  readonly causationId: string | null;
  readonly customerId: string | null;
  readonly ttlMs: number | null;
  /** W3C trace context, carried so that a trace survives the journal. */
  readonly traceparent: string | null;
  readonly occurredAt: number;
  readonly data: Data;
}

/**
 * A place in a journal: (transaction, sequence). Readers go forward in this order.
 * Both are decimal strings of unsigned 64-bit numbers, because JavaScript numbers are too small.
 */
export interface Position {
  readonly xid: string;
  readonly seq: string;
}

/** Before the first entry of any journal. */
export const journalStart: Position = { xid: "0", seq: "0" };

/** An entry read back from a journal. */
export interface Entry<Data extends object = JsonObject> extends NewEntry<Data> {
  readonly position: Position;
  readonly lane: number;
}

/** Negative when a is before b, 0 when equal, positive when after. */
export function comparePositions(a: Position, b: Position): number {
  if (a.xid !== b.xid) return compareXids(a.xid, b.xid);
  return compareXids(a.seq, b.seq);
}

/** Order of unsigned numbers written as decimal text without leading zeros. */
export function compareXids(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
