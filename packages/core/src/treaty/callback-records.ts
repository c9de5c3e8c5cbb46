import { textArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";

/** The record of every message of a counterparty: `entente.callback`. Its identity makes a repeat harmless. */

export const callbackStatuses = [
  "received",
  /** Its hand-off is not here yet. */
  "waiting",
  "applied",
  "noted",
  /** Said nothing new. */
  "stale",
  /** Contradicts what we know; a case is open. */
  "impossible",
  "refused",
  /** Nobody's: it waited in vain. */
  "unmatched",
] as const;
export type CallbackStatus = (typeof callbackStatuses)[number];

export interface NewCallback {
  readonly tenantId: string;
  readonly treaty: string;
  readonly messageId: string;
  readonly entryId: string;
  readonly schemaVersion: string;
  readonly reference: string;
  readonly receivedAt: number;
  /** 16 bytes. */
  readonly payloadHash: Buffer;
  readonly waitsUntil: number;
}

const insert: Statement = {
  name: "callback-insert",
  text: `insert into entente.callback as c (tenant_id, treaty, message_id, entry_id, schema_version, reference, received_at, status,
      payload_hash, waits_until)
    values ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000), 'received', $8, to_timestamp($9::float8 / 1000))
    on conflict (tenant_id, treaty, message_id) do update
      set repeats = c.repeats + 1, reused = c.reused + (c.payload_hash <> excluded.payload_hash)::int
    returning c.repeats = 0 and c.entry_id = $4 as fresh, c.payload_hash = $8 as same`,
};

/** Stores a message's identity. `repeated`: it was here before; `reused`: with other content. */
export async function storeCallback(
  connection: Connection,
  callback: NewCallback,
): Promise<"fresh" | "repeated" | "reused"> {
  const [row] = await connection.run<{ fresh: boolean; same: boolean }>(insert, [
    callback.tenantId,
    callback.treaty,
    callback.messageId,
    callback.entryId,
    callback.schemaVersion,
    callback.reference,
    callback.receivedAt,
    callback.payloadHash,
    callback.waitsUntil,
  ]);
  if (row?.fresh === true) return "fresh";
  return row?.same === true ? "repeated" : "reused";
}

export interface CallbackMark {
  readonly tenantId: string;
  readonly treaty: string;
  readonly messageId: string;
  readonly status: CallbackStatus;
  readonly code: string | null;
  /** What it was found to speak of; null: nothing of the tenant's. */
  readonly handOffId: string | null;
}

const mark: Statement = {
  name: "callback-mark",
  text: `update entente.callback c set status = n.status, error_code = n.code, hand_off_id = n.hand_off_id
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[])
      as n(tenant_id, treaty, message_id, status, code, hand_off_id)
    where c.tenant_id = n.tenant_id and c.treaty = n.treaty and c.message_id = n.message_id`,
};

/** Records what became of messages. */
export async function markCallbacks(connection: Connection, marks: readonly CallbackMark[]): Promise<void> {
  if (marks.length === 0) return;
  await connection.run(mark, [
    textArray(marks.map((m) => m.tenantId)),
    textArray(marks.map((m) => m.treaty)),
    textArray(marks.map((m) => m.messageId)),
    textArray(marks.map((m) => m.status)),
    textArray(marks.map((m) => m.code)),
    uuidArray(marks.map((m) => m.handOffId)),
  ]);
}

export interface EarlyCallback {
  readonly tenantId: string;
  readonly messageId: string;
  readonly entryId: string;
  readonly reference: string;
}

const arrived: Statement = {
  name: "callback-arrived",
  // A join in place of an order between two transactions: whichever commits last, a later look finds both.
  text: `update entente.callback c set status = 'received'
    where c.treaty = $1 and c.status = 'waiting' and c.ctid = any(array(
      select w.ctid from entente.callback w where w.treaty = $1 and w.status = 'waiting' and (
        exists (select from entente.hand_off k where k.tenant_id = w.tenant_id and k.target = $2 and k.idempotency_key = w.reference)
        or exists (select from entente.hand_off r where r.tenant_id = w.tenant_id and r.treaty = $1 and r.external_reference = w.reference))
      limit $3 for update skip locked))
    returning c.tenant_id as "tenantId", c.message_id as "messageId", c.entry_id as "entryId", c.reference`,
};

/** Takes early messages whose hand-off has come. */
export async function takeArrived(
  connection: Connection,
  treaty: string,
  target: string,
  limit: number,
): Promise<EarlyCallback[]> {
  return (await connection.run(arrived, [treaty, target, limit])) as unknown as EarlyCallback[];
}

const inVain: Statement = {
  name: "callback-in-vain",
  text: `update entente.callback c set status = 'unmatched'
    where c.treaty = $1 and c.status = 'waiting' and c.waits_until <= to_timestamp($2::float8 / 1000)
    returning c.tenant_id as "tenantId", c.message_id as "messageId", c.entry_id as "entryId", c.reference`,
};

/** Gives up early messages that waited long enough. */
export async function takeUnmatched(
  connection: Connection,
  treaty: string,
  now: number,
): Promise<EarlyCallback[]> {
  return (await connection.run(inVain, [treaty, now])) as unknown as EarlyCallback[];
}

const refuse: Statement = {
  name: "callback-refuse",
  text: `insert into entente.callback_refusal as r (treaty, code, day, total, last_at, last_address)
    values ($1, $2, (to_timestamp($3::float8 / 1000) at time zone 'UTC')::date, 1, to_timestamp($3::float8 / 1000), $4)
    on conflict (treaty, code, day) do update
      set total = r.total + 1, last_at = excluded.last_at, last_address = excluded.last_address`,
};

/** Counts a refused message; nothing of its content is kept. */
export async function countRefusal(
  connection: Connection,
  treaty: string,
  code: string,
  now: number,
  address: string,
): Promise<void> {
  await connection.run(refuse, [treaty, code, now, address.slice(0, 64)]);
}
