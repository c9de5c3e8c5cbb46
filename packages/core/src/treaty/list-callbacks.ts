import type { Connection, Statement } from "../postgres/database.ts";
import { type CallbackStatus, callbackStatuses } from "./callback-records.ts";
import { type CallbackRefusal, callbackRefusals } from "./receive-callback.ts";

/** What counterparties sent, as operators see it: never what a message says, only what it was about and what became of it. */

/** A message of a counterparty. Times in epoch milliseconds, business time. */
export interface CallbackRecord {
  /** Of the journal entry that holds the message; rises with the time it was received at. */
  readonly entryId: string;
  readonly treaty: string;
  readonly messageId: string;
  /** Version of the treaty that took it. */
  readonly schemaVersion: string;
  /** Our key or their name for it, as the message has it. */
  readonly reference: string;
  readonly receivedAt: number;
  readonly status: CallbackStatus;
  /** Hexadecimal, first 16 bytes of SHA-256 over the bytes as they came. */
  readonly payloadHash: string;
  /** Why it was refused; null: it was not. */
  readonly errorCode: string | null;
  /** How often it came again. */
  readonly repeats: number;
  /** How many of those had other content, and were refused. */
  readonly reused: number;
  /** The hand-off it was found to speak of, and what that is about. All null: none of the tenant's was found. */
  readonly handOffId: string | null;
  readonly aggregateType: string | null;
  readonly aggregateId: string | null;
  readonly key: string | null;
  readonly processId: string | null;
}

export interface CallbackSelection {
  /** Of one treaty; default: of all that the context declares. */
  readonly treaty?: string;
  readonly status?: CallbackStatus;
  readonly handOffId?: string;
  /** `entryId` of the one before the page. */
  readonly before?: string;
}

const columns = `c.entry_id, c.treaty, c.message_id, c.schema_version, c.reference, c.received_at, c.status, c.payload_hash,
  c.error_code, c.repeats, c.reused, c.hand_off_id`;
const lastId = "ffffffff-ffff-ffff-ffff-ffffffffffff";

const record = (found: string) => `select c.entry_id as "entryId", c.treaty, c.message_id as "messageId",
    c.schema_version as "schemaVersion", c.reference, c.received_at as "receivedAt", c.status,
    encode(c.payload_hash, 'hex') as "payloadHash", c.error_code as "errorCode", c.repeats, c.reused,
    c.hand_off_id as "handOffId", h.aggregate_type as "aggregateType", h.aggregate_id as "aggregateId", h.key,
    h.process_id as "processId"
  from (${found}) c left join entente.hand_off h on h.tenant_id = $1 and h.hand_off_id = c.hand_off_id
  order by c.entry_id desc`;

const newest: Statement = {
  name: "callback-list",
  // Treaty by treaty and state by state, so that the index gives the newest of each without reading past others: one of the few that
  // were refused may lie behind millions that were applied.
  text: record(`select d.* from unnest($2::text[]) as t(treaty) cross join unnest($3::text[]) as s(status) cross join lateral (
      select ${columns} from entente.callback c
      where c.tenant_id = $1 and c.treaty = t.treaty and c.status = s.status and c.entry_id < coalesce($4::uuid, '${lastId}')
      order by c.entry_id desc limit $5) d
    order by d.entry_id desc limit $5`),
};

const ofHandOff: Statement = {
  name: "callback-list-of-hand-off",
  text: record(`select ${columns} from entente.callback c
    where c.tenant_id = $1 and c.hand_off_id = $6 and c.treaty = any($2::text[]) and c.status = any($3::text[])
      and c.entry_id < coalesce($4::uuid, '${lastId}')
    order by c.entry_id desc limit $5`),
};

/**
 * A tenant's messages of these treaties, newest first; `limit` rows at most.
 * Guarantees: going on with `before` shows each once, whatever comes meanwhile.
 */
export async function listCallbacks(
  connection: Connection,
  tenantId: string,
  treaties: readonly string[],
  limit: number,
  { status, handOffId, before }: Omit<CallbackSelection, "treaty"> = {},
): Promise<CallbackRecord[]> {
  const wanted = status === undefined ? callbackStatuses : [status];
  const values = [tenantId, treaties, wanted, before ?? null, limit];
  const rows =
    handOffId === undefined
      ? await connection.run(newest, values)
      : await connection.run(ofHandOff, [...values, handOffId]);
  return rows as unknown as CallbackRecord[];
}

/** Messages of a day (UTC) that a treaty refused for one reason before anybody could know whose they are. */
export interface CallbackRefusals {
  readonly treaty: string;
  readonly code: CallbackRefusal;
  /** `YYYY-MM-DD`. */
  readonly day: string;
  readonly total: number;
  /** When the last one came; epoch milliseconds, business time. */
  readonly lastAt: number;
}

const refused: Statement = {
  name: "callback-refusal-list",
  // Treaty by treaty and code by code, as above. With ties: a page never ends within a day, so that a day is enough to go on from.
  text: `select d.treaty, d.code, to_char(d.day, 'YYYY-MM-DD') as day, d.total::float8 as total, d.last_at as "lastAt"
    from unnest($1::text[]) as t(treaty) cross join unnest($2::text[]) as k(code) cross join lateral (
      select r.* from entente.callback_refusal r
      where r.treaty = t.treaty and r.code = k.code and r.day < coalesce($3::date, 'infinity')
      order by r.day desc limit $4) d
    order by d.day desc fetch first ($4) rows with ties`,
};

/** Whoever reuses the id of a message has proven whose it is: that stands at the message, for its tenant alone. */
const unproven = callbackRefusals.filter((code) => code !== "callback-id-reused");

/**
 * Refusals that belong to no tenant, newest day first; `before`: those of days before this one (`YYYY-MM-DD`).
 * Shape: `limit` rows, and the rest of the last day; a day has one per treaty and code at most.
 */
export async function listRefusals(
  connection: Connection,
  treaties: readonly string[],
  limit: number,
  before: string | null,
): Promise<CallbackRefusals[]> {
  return (await connection.run(refused, [
    treaties,
    unproven,
    before,
    limit,
  ])) as unknown as CallbackRefusals[];
}
