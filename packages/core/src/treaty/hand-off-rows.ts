import type { HandOffLife } from "../model/hand-off.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import { bytesArray, int8Array, textArray, timeArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";

/** Rows of `entente.hand_off`, many at a time: one statement to find and lock, one to insert, one to update. */

/** A hand-off as it is in the store, with what only the engine needs. */
export interface StoredHandOff extends HandOff {
  /** Id of the sending whose answer counts; null when none does. */
  readonly sending: string | null;
  /** Milliseconds of database time from now for which that answer is waited for; null: not waited for. */
  readonly claimMs: number | null;
  /** Rows of a batch that our side withdrew and that have no outcome yet. */
  readonly rowsWithdrawn: number;
}

/** Only what the model knows, so that nothing else of the row comes back with its answer. */
export function lifeOf(handOff: HandOff): HandOffLife {
  const { state, attempt, tries, doubt, effectKnown, withdrawn, released } = handOff;
  return { state, attempt, tries, doubt, effectKnown, withdrawn, released };
}

const columns = `tenant_id, hand_off_id, treaty, target, purpose, aggregate_type, aggregate_id, line, key, process_id,
  correlation_id, state, attempt, tries, in_doubt, effect_known, withdrawn, released, version, idempotency_key,
  encode(request_hash, 'hex') as request_hash, encode(last_response_hash, 'hex') as last_response_hash,
  external_reference, external_code, external_label, last_error_class, last_error_code, last_error_text,
  next_try_at, look_at, deadline_at, first_sent_at, sending, row_count, rows_open, rows_withdrawn, traceparent, treaty_version, customer_id, created_at, updated_at,
  (extract(epoch from claimed_until - clock_timestamp()) * 1000)::float8 as claim_ms`;

export interface HandOffRef {
  readonly tenantId: string;
  readonly handOffId: string;
}

const lock: Statement = {
  name: "hand-off-lock",
  text: `select ${columns} from entente.hand_off h
    where (h.tenant_id, h.hand_off_id) in (select * from unnest($1::text[], $2::uuid[]))
    order by h.tenant_id, h.hand_off_id for update`,
};

/** Locks hand-offs in one order for everybody. Unknown ones are absent. */
export async function lockHandOffs(
  connection: Connection,
  refs: readonly HandOffRef[],
): Promise<StoredHandOff[]> {
  if (refs.length === 0) return [];
  const rows = await connection.run<HandOffColumns>(lock, [
    textArray(refs.map((r) => r.tenantId)),
    uuidArray(refs.map((r) => r.handOffId)),
  ]);
  return rows.map(handOffOf);
}

const claim: Statement = {
  name: "hand-off-claim",
  // An earlier act of the key that is not taken in yet goes first; nothing is claimed while the context or the treaty rests.
  // Treaty by treaty, so that the index gives the oldest ones without sorting everything that waits.
  text: `select d.* from unnest($1::text[]) as t(treaty) cross join lateral (
      select ${columns} from entente.hand_off h
      where h.treaty = t.treaty and h.next_try_at <= to_timestamp($2::float8 / 1000)
        and not (h.treaty = any($3::text[]) and exists (
          select from entente.hand_off e where e.tenant_id = h.tenant_id and e.treaty = h.treaty and e.key = h.key
            and e.place < h.place and e.state in ('created', 'sent', 'retry_wait', 'unknown', 'blocked')))
        and not exists (select from entente.treaty_control c where c.treaty = t.treaty and c.stopped)
        and not (select paused from entente.context_control)
      order by h.next_try_at limit $4 for update skip locked) d
    limit $4`,
};

/** Locks hand-offs that are due to be sent and that nobody else has; `ordered`: treaties that keep order per key. */
export async function lockDue(
  connection: Connection,
  treaties: readonly string[],
  ordered: readonly string[],
  now: number,
  limit: number,
): Promise<StoredHandOff[]> {
  const rows = await connection.run<HandOffColumns>(claim, [treaties, now, ordered, limit]);
  return rows.map(handOffOf);
}

const lapsed: Statement = {
  name: "hand-off-lapsed",
  text: `select ${columns} from entente.hand_off h
    where h.treaty = any($1::text[]) and h.claimed_until < clock_timestamp() and h.state = 'sent'
    order by h.tenant_id, h.hand_off_id limit $2 for update skip locked`,
};

/** Locks sendings whose answer nobody can be waiting for any more. */
export async function lockLapsed(
  connection: Connection,
  treaties: readonly string[],
  limit: number,
): Promise<StoredHandOff[]> {
  return (await connection.run<HandOffColumns>(lapsed, [treaties, limit])).map(handOffOf);
}

const overdue: Statement = {
  name: "hand-off-overdue",
  text: `select ${columns} from entente.hand_off h
    where h.treaty = any($1::text[]) and h.deadline_at <= to_timestamp($2::float8 / 1000)
      and (h.claimed_until is null or h.claimed_until < clock_timestamp())
    order by h.tenant_id, h.hand_off_id limit $3 for update skip locked`,
};

/** Locks what has passed its deadline and is not being asked about at this moment. */
export async function lockOverdue(
  connection: Connection,
  treaties: readonly string[],
  now: number,
  limit: number,
): Promise<StoredHandOff[]> {
  return (await connection.run<HandOffColumns>(overdue, [treaties, now, limit])).map(handOffOf);
}

const toLook: Statement = {
  name: "hand-off-to-look",
  text: `with due as (
      select tenant_id, hand_off_id from entente.hand_off
      where treaty = $1 and look_at <= to_timestamp($2::float8 / 1000)
        and (claimed_until is null or claimed_until < clock_timestamp())
        and not exists (select from entente.treaty_control c where c.treaty = $1 and c.stopped)
        and not (select paused from entente.context_control)
      order by look_at limit $3 for update skip locked)
    update entente.hand_off h set claimed_until = clock_timestamp() + make_interval(secs => $4::float8 / 1000)
    from due where h.tenant_id = due.tenant_id and h.hand_off_id = due.hand_off_id
    returning ${columns.replace(/\b(tenant_id|hand_off_id)\b/g, "h.$1")}`,
};

/** Takes hand-offs to be asked about, for `claimMs` of database time: two instances never ask about one at once. */
export async function takeToLook(
  connection: Connection,
  treaty: string,
  now: number,
  limit: number,
  claimMs: number,
): Promise<StoredHandOff[]> {
  return (await connection.run<HandOffColumns>(toLook, [treaty, now, limit, claimMs])).map(handOffOf);
}

const insert: Statement = {
  name: "hand-off-insert",
  text: `insert into entente.hand_off (tenant_id, hand_off_id, treaty, target, purpose, aggregate_type, aggregate_id, line, key,
      process_id, correlation_id, state, attempt, tries, in_doubt, effect_known, withdrawn, released, version,
      idempotency_key, request_hash, next_try_at, row_count, rows_open, created_at, updated_at, traceparent, treaty_version, customer_id)
    select tenant_id, hand_off_id, treaty, target, purpose, aggregate_type, aggregate_id, line, key,
      process_id, correlation_id, 'created', 1, 0, false, false, false, false, 1,
      idempotency_key, request_hash, next_try_at, row_count, row_count, created_at, created_at, traceparent, treaty_version, customer_id
    from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
      $10::uuid[], $11::text[], $12::text[], $13::bytea[], $14::timestamptz[], $15::int8[], $16::timestamptz[], $17::text[], $18::text[], $19::text[])
      with ordinality as n(tenant_id, hand_off_id, treaty, target, purpose, aggregate_type, aggregate_id, line, key,
        process_id, correlation_id, idempotency_key, request_hash, next_try_at, row_count, created_at, traceparent, treaty_version, customer_id,
        place)
    order by n.place`,
};

export async function insertHandOffs(connection: Connection, fresh: readonly HandOff[]): Promise<void> {
  if (fresh.length === 0) return;
  await connection.run(insert, [
    textArray(fresh.map((h) => h.tenantId)),
    uuidArray(fresh.map((h) => h.handOffId)),
    textArray(fresh.map((h) => h.treaty)),
    textArray(fresh.map((h) => h.target)),
    textArray(fresh.map((h) => h.purpose)),
    textArray(fresh.map((h) => h.aggregateType)),
    textArray(fresh.map((h) => h.aggregateId)),
    textArray(fresh.map((h) => h.line)),
    textArray(fresh.map((h) => h.key)),
    uuidArray(fresh.map((h) => h.processId)),
    textArray(fresh.map((h) => h.correlationId)),
    textArray(fresh.map((h) => h.idempotencyKey)),
    bytesArray(
      fresh.map((h) => Buffer.from(h.requestHash, "hex")),
      16,
    ),
    timeArray(fresh.map((h) => h.nextTryAt)),
    int8Array(fresh.map((h) => h.rows)),
    timeArray(fresh.map((h) => h.createdAt)),
    textArray(fresh.map((h) => h.traceparent)),
    textArray(fresh.map((h) => h.treatyVersion)),
    textArray(fresh.map((h) => h.customerId)),
  ]);
}

const update: Statement = {
  name: "hand-off-update",
  text: `update entente.hand_off h set state = n.state, attempt = n.attempt, tries = n.tries, in_doubt = n.in_doubt,
      effect_known = n.effect_known, withdrawn = n.withdrawn, released = n.released, version = n.version,
      idempotency_key = n.idempotency_key, last_response_hash = decode(n.last_response_hash, 'hex'),
      external_reference = n.external_reference, external_code = n.external_code, external_label = n.external_label,
      last_error_class = n.last_error_class, last_error_code = n.last_error_code, last_error_text = n.last_error_text,
      next_try_at = n.next_try_at, look_at = n.look_at, deadline_at = n.deadline_at, first_sent_at = n.first_sent_at,
      sending = n.sending, claimed_until = clock_timestamp() + make_interval(secs => n.claim_ms / 1000.0),
      rows_open = n.rows_open, rows_withdrawn = n.rows_withdrawn, updated_at = n.updated_at
    from unnest($1::text[], $2::uuid[], $3::text[], $4::int8[], $5::int8[], $6::bool[], $7::bool[], $8::bool[], $9::bool[],
      $10::int8[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[],
      $19::timestamptz[], $20::timestamptz[], $21::timestamptz[], $22::timestamptz[], $23::uuid[], $24::int8[], $25::int8[],
      $26::timestamptz[], $27::int8[])
      as n(tenant_id, hand_off_id, state, attempt, tries, in_doubt, effect_known, withdrawn, released, version,
        idempotency_key, last_response_hash, external_reference, external_code, external_label, last_error_class,
        last_error_code, last_error_text, next_try_at, look_at, deadline_at, first_sent_at, sending, claim_ms, rows_open,
        updated_at, rows_withdrawn)
    where h.tenant_id = n.tenant_id and h.hand_off_id = n.hand_off_id`,
};

/** Writes hand-offs back whose rows the transaction has locked. */
export async function updateHandOffs(
  connection: Connection,
  changed: readonly StoredHandOff[],
): Promise<void> {
  if (changed.length === 0) return;
  const text = (of: (h: StoredHandOff) => string | null) => textArray(changed.map(of));
  const number = (of: (h: StoredHandOff) => number | null) => int8Array(changed.map(of));
  const time = (of: (h: StoredHandOff) => number | null) => timeArray(changed.map(of));
  await connection.run(update, [
    text((h) => h.tenantId),
    uuidArray(changed.map((h) => h.handOffId)),
    text((h) => h.state),
    number((h) => h.attempt),
    number((h) => h.tries),
    changed.map((h) => h.doubt),
    changed.map((h) => h.effectKnown),
    changed.map((h) => h.withdrawn),
    changed.map((h) => h.released),
    number((h) => h.version),
    text((h) => h.idempotencyKey),
    text((h) => h.lastResponseHash),
    text((h) => h.externalReference),
    text((h) => h.externalCode),
    text((h) => h.externalLabel),
    text((h) => h.lastErrorClass),
    text((h) => h.lastErrorCode),
    text((h) => h.lastErrorText),
    time((h) => h.nextTryAt),
    time((h) => h.lookAt),
    time((h) => h.deadlineAt),
    time((h) => h.firstSentAt),
    uuidArray(changed.map((h) => h.sending)),
    number((h) => h.claimMs),
    number((h) => h.rowsOpen),
    time((h) => h.updatedAt),
    number((h) => h.rowsWithdrawn),
  ]);
}

const find: Statement = {
  name: "hand-off-find",
  text: `select ${columns} from entente.hand_off h where h.tenant_id = $1 and h.hand_off_id = $2`,
};

/** One hand-off, or null. */
export async function readHandOff(connection: Connection, ref: HandOffRef): Promise<HandOff | null> {
  const [row] = await connection.run<HandOffColumns>(find, [ref.tenantId, ref.handOffId]);
  return row === undefined ? null : handOffOf(row);
}

const named: Statement = {
  name: "hand-off-named",
  text: `select ${columns} from entente.hand_off h where h.tenant_id = $1 and h.hand_off_id = any($2::uuid[])
    order by h.created_at, h.hand_off_id`,
};

/** Those of a tenant's hand-offs that are named and there, oldest first, in one query. */
export async function readHandOffs(
  connection: Connection,
  tenantId: string,
  handOffIds: readonly string[],
): Promise<HandOff[]> {
  if (handOffIds.length === 0) return [];
  return (await connection.run<HandOffColumns>(named, [tenantId, uuidArray(handOffIds)])).map(handOffOf);
}

const list: Statement = {
  name: "hand-off-list",
  text: `select ${columns} from entente.hand_off h where h.tenant_id = $1 and h.state = any($2::text[])
    and ($3::text is null or h.target = $3) order by h.created_at limit $4`,
};

/** A tenant's hand-offs in the given states, oldest first: where an integration is stuck. */
export async function listHandOffs(
  connection: Connection,
  tenantId: string,
  states: readonly string[],
  target: string | null,
  limit: number,
): Promise<HandOff[]> {
  return (await connection.run<HandOffColumns>(list, [tenantId, states, target, limit])).map(handOffOf);
}

export interface HandOffColumns extends Record<string, unknown> {
  tenant_id: string;
  hand_off_id: string;
}

/** By column name; the casts trust the table's own types. */
export function handOffOf(row: HandOffColumns): StoredHandOff {
  const text = row as unknown as Record<string, string>;
  const nullable = row as unknown as Record<string, string | null>;
  const number = row as unknown as Record<string, number>;
  const time = row as unknown as Record<string, number | null>;
  const flag = row as unknown as Record<string, boolean>;
  return {
    tenantId: row.tenant_id,
    handOffId: row.hand_off_id,
    treaty: text.treaty,
    treatyVersion: nullable.treaty_version,
    target: text.target,
    purpose: text.purpose,
    aggregateType: text.aggregate_type,
    aggregateId: text.aggregate_id,
    line: nullable.line,
    key: text.key,
    processId: text.process_id,
    correlationId: text.correlation_id,
    customerId: nullable.customer_id,
    traceparent: nullable.traceparent,
    state: text.state,
    attempt: number.attempt,
    tries: number.tries,
    doubt: flag.in_doubt,
    effectKnown: flag.effect_known,
    withdrawn: flag.withdrawn,
    released: flag.released,
    version: Number(row.version),
    idempotencyKey: text.idempotency_key,
    requestHash: text.request_hash,
    lastResponseHash: nullable.last_response_hash,
    externalReference: nullable.external_reference,
    externalCode: nullable.external_code,
    externalLabel: nullable.external_label,
    lastErrorClass: nullable.last_error_class,
    lastErrorCode: nullable.last_error_code,
    lastErrorText: nullable.last_error_text,
    nextTryAt: time.next_try_at,
    lookAt: time.look_at,
    deadlineAt: time.deadline_at,
    firstSentAt: time.first_sent_at,
    sending: nullable.sending,
    // Only a sending is waited for; the claim of a question ends with whatever comes first.
    claimMs: row.state === "sent" && row.claim_ms !== null ? Math.round(number.claim_ms as number) : null,
    rows: number.row_count,
    rowsOpen: number.rows_open,
    rowsWithdrawn: number.rows_withdrawn,
    createdAt: number.created_at,
    updatedAt: number.updated_at,
  } as StoredHandOff;
}
