import { appendEntries } from "../journal/append.ts";
import type { ParkingPolicy } from "../model/decider.ts";
import type { Entry, JsonObject, NewEntry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { deriveId } from "../model/id.ts";
import { int2Array, int8Array, jsonArray, textArray, uuidArray, xid8Array } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";

/** Entries a consumer put aside. The record and its moves: docs/states/parked-entry.md. */

export interface RetryRule {
  /** Executions before an entry is parked (1..100). */
  readonly attempts: number;
  /** Milliseconds before the first retry; each further one waits four times as long, up to `longestMs`. */
  readonly firstMs: number;
  readonly longestMs: number;
}

export const defaultRetryRule: RetryRule = { attempts: 5, firstMs: 100, longestMs: 30_000 };

/** Milliseconds to wait after the given number of failed attempts; `jitter` in 0..1 spreads retries over ±25 %. */
export function backoffMs(rule: RetryRule, attempts: number, jitter: number): number {
  const full = Math.min(rule.longestMs, rule.firstMs * 4 ** (attempts - 1));
  return Math.round(full * (0.75 + jitter / 2));
}

/** Code and text of what went wrong, short enough to store. */
export function causeOf(error: unknown): { readonly code: string; readonly text: string } {
  if (error instanceof Failure) return { code: error.code, text: storable(error.message) };
  if (error instanceof Error)
    return { code: "decider-threw", text: storable(`${error.name}: ${error.message}`) };
  return { code: "decider-threw", text: storable(typeof error === "object" ? "an object" : String(error)) };
}

/** PostgreSQL refuses NUL and halves of characters; a cause that cannot be recorded would stop the whole lane. */
function storable(text: string): string {
  return text.slice(0, 500).replaceAll("\u0000", "\ufffd").toWellFormed();
}

export interface SetAside {
  readonly entry: Entry;
  readonly journal: string;
  readonly policy: ParkingPolicy;
  readonly state: "retrying" | "held";
  readonly attempts: number;
  readonly retryInMs: number | null;
  readonly cause: { readonly code: string; readonly text: string } | null;
}

const setAsideStatement: Statement = {
  name: "parked-set-aside",
  // Columns as arrays, not one JSON document to take apart: PostgreSQL cannot look into JSON that holds \u0000 or half a
  // character, and exactly such entries end here.
  text: `insert into entente.parked (consumer, entry_id, journal, lane, xid, seq, tenant_id, key, process_id, type, entry,
      state, policy, attempts, next_try_at, cause_code, cause_text)
    select $1, entry_id, journal, lane, xid, seq, tenant_id, key, process_id, type, entry, state, policy, attempts,
      clock_timestamp() + make_interval(secs => retry_in_ms / 1000.0), cause_code, cause_text
    from unnest($2::uuid[], $3::text[], $4::int2[], $5::xid8[], $6::int8[], $7::text[], $8::text[], $9::uuid[], $10::text[],
      $11::json[], $12::text[], $13::text[], $14::int8[], $15::int8[], $16::text[], $17::text[])
      as r(entry_id, journal, lane, xid, seq, tenant_id, key, process_id, type, entry, state, policy, attempts, retry_in_ms,
        cause_code, cause_text)
    on conflict (consumer, entry_id) do nothing`,
};

/**
 * Stores entries put aside, in the transaction that moves the cursor past them.
 * An entry that was put aside before, and is read again because an operator reset the cursor, stays as it is: open, it is dealt
 * with in its turn; done or discarded, it has had all the effect it will have.
 */
export async function setAside(
  connection: Connection,
  consumer: string,
  rows: readonly SetAside[],
): Promise<void> {
  if (rows.length === 0) return;
  await connection.run(setAsideStatement, [
    consumer,
    uuidArray(rows.map((r) => r.entry.id)),
    textArray(rows.map((r) => r.journal)),
    int2Array(rows.map((r) => r.entry.lane)),
    xid8Array(rows.map((r) => r.entry.position.xid)),
    int8Array(rows.map((r) => r.entry.position.seq)),
    textArray(rows.map((r) => r.entry.tenantId)),
    textArray(rows.map((r) => r.entry.key)),
    uuidArray(rows.map((r) => r.entry.processId)),
    textArray(rows.map((r) => r.entry.type)),
    jsonArray(rows.map((r) => JSON.stringify(r.entry))),
    textArray(rows.map((r) => r.state)),
    textArray(rows.map((r) => r.policy)),
    int8Array(rows.map((r) => r.attempts)),
    int8Array(rows.map((r) => r.retryInMs)),
    textArray(rows.map((r) => r.cause?.code ?? null)),
    textArray(rows.map((r) => r.cause?.text ?? null)),
  ]);
}

export interface ParkedRow extends Record<string, unknown> {
  entry_id: string;
  journal: string;
  tenant_id: string;
  key: string;
  lane: number;
  entry: Entry;
  corrected: JsonObject | null;
  state: "retrying" | "parked" | "held" | "redriving";
  policy: ParkingPolicy;
  attempts: number;
  /** Milliseconds until it may be tried; 0 when it is due. */
  wait_ms: number;
}

const openRowsOfKey: Statement = {
  name: "parked-open-rows-of-key",
  text: `select entry_id, journal, tenant_id, key, lane, entry, corrected, state, policy, attempts,
      greatest(0, coalesce(extract(epoch from next_try_at - clock_timestamp()) * 1000, 0))::float8 as wait_ms
    from entente.parked
    where consumer = $1 and tenant_id = $2 and key = $3 and state not in ('done', 'discarded')
      and not (state = 'parked' and policy = 'step-aside')
    order by xid, seq limit $4`,
};

/** What blocks a key, oldest first. Rows parked with `step-aside` block nothing and are left out. */
export async function readBlocking(
  connection: Connection,
  consumer: string,
  tenantId: string,
  key: string,
  limit: number,
): Promise<ParkedRow[]> {
  return connection.run<ParkedRow>(openRowsOfKey, [consumer, tenantId, key, limit]);
}

/** The entry to execute: the stored one, with the operator's correction when there is one. */
export function entryToRun(row: ParkedRow): Entry {
  return row.corrected === null ? row.entry : { ...row.entry, data: row.corrected };
}

const markDoneStatement: Statement = {
  name: "parked-mark-done",
  text: `update entente.parked set state = 'done', closed_at = clock_timestamp(), next_try_at = null
    where consumer = $1 and entry_id = any($2::uuid[])`,
};

export async function markDone(
  connection: Connection,
  consumer: string,
  entryIds: readonly string[],
): Promise<void> {
  if (entryIds.length > 0) await connection.run(markDoneStatement, [consumer, entryIds]);
}

const markFailedStatement: Statement = {
  name: "parked-mark-failed",
  text: `update entente.parked set state = $3, attempts = $4,
      next_try_at = clock_timestamp() + make_interval(secs => $5::float8 / 1000), cause_code = $6, cause_text = $7,
      parked_at = case when $3 = 'parked' then clock_timestamp() else parked_at end
    where consumer = $1 and entry_id = $2`,
};

export interface FailedTry {
  readonly row: ParkedRow;
  readonly attempts: number;
  /** Milliseconds to the next try; null when the attempts are used up and the entry is parked. */
  readonly retryInMs: number | null;
  readonly error: unknown;
}

/**
 * Records a failed try. When it was the last one, the entry is parked and a fact says so, so that its process
 * fails openly (`step-aside`) or shows that it waits (`hold-key`).
 */
export async function markFailed(
  connection: Connection,
  consumer: string,
  context: string,
  now: number,
  failed: FailedTry,
): Promise<void> {
  const cause = causeOf(failed.error);
  const state = failed.retryInMs === null ? "parked" : "retrying";
  await connection.run(markFailedStatement, [
    consumer,
    failed.row.entry_id,
    state,
    failed.attempts,
    failed.retryInMs,
    cause.code,
    cause.text,
  ]);
  if (state === "parked") {
    await appendEntries(connection, [
      parkingFact(context, consumer, failed.row.entry, "entente.command-parked", now, failed.attempts, {
        entryId: failed.row.entry_id,
        type: failed.row.entry.type,
        policy: failed.row.policy,
        code: cause.code,
      }),
    ]);
  }
}

/** A fact in the consuming context's journal about an entry that was put aside. */
export function parkingFact(
  context: string,
  consumer: string,
  about: Entry,
  type: string,
  now: number,
  attempts: number,
  data: JsonObject,
): NewEntry {
  return {
    id: deriveId(about.id, ordinalOf(`${consumer}\u0000${type}\u0000${attempts}`)),
    kind: "event",
    type,
    schemaVersion: "1.0.0",
    source: context,
    target: null,
    tenantId: about.tenantId,
    key: about.key,
    keyVersion: null,
    processId: about.processId,
    correlationId: about.correlationId,
    causationId: about.id,
    customerId: about.customerId,
    ttlMs: null,
    traceparent: about.traceparent,
    occurredAt: now,
    data,
  };
}

/**
 * Facts about parked entries share the id space of the entry they speak of, in its upper half: a decider's ordinals stay
 * below. By name, because several consumers of a context may put the same entry aside, each as often as it is redriven.
 */
function ordinalOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) | 0x8000_0000) >>> 0;
}
