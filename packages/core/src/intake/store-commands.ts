import { type AppendedAt, appendedColumns, seqBlock, seqOfRow } from "../journal/append.ts";
import { entryBatch, entryColumns } from "../journal/entry-columns.ts";
import type { NewEntry } from "../model/entry.ts";
import { isFailure } from "../model/failure.ts";
import { digestArray, textArray, timeArray, uuidArray } from "../postgres/arrays.ts";
import type { Database } from "../postgres/database.ts";

/** The statement of acceptance: idempotency keys and journal entries of many requests, and which were there before. */

/** A command with its keys: hashes of 16 bytes as hexadecimal digits. */
export interface KeyedCommand {
  readonly entry: NewEntry;
  readonly keyHash: string;
  readonly payloadHash: string;
}

/** What became of a batch. Whatever is not among `earlier` was stored. */
export interface StoredCommands {
  /** Commands whose key was taken, by their id. */
  readonly earlier: ReadonlyMap<string, EarlierKey>;
  /** Where the stored ones stand: the n-th command of the batch as the n-th row. */
  readonly at: AppendedAt | null;
}

/** All null when a transaction took the key that this statement could not see. */
export interface EarlierKey {
  readonly process_id: string | null;
  /** As a UUID is written. */
  readonly payload_hash: string | null;
  readonly accepted_at: number | null;
}

interface AnswerRow extends Record<string, unknown>, EarlierKey {
  /** Null in the one row that says where the stored ones stand. */
  id: string | null;
  xid: string | null;
  base: number | null;
}

const uniqueViolation = "23505";

/** Batches that reckon with taken keys after one was met. */
const waryFor = 16;

/**
 * Stores the commands whose keys are free, in one transaction of its own. `shard`: the process's row in the tally.
 * Keys are nearly always free, and a statement that may assume so costs 4.6 of 21 µs less a command (PostgreSQL 18.4, batches
 * of 124). Where one is taken it fails as a whole, having stored nothing; that batch and the next sixteen then use the
 * statement that reckons with taken keys, because one repeated request seldom comes alone.
 */
export function openCommandStore(
  database: Database,
  shard: number,
): (commands: readonly KeyedCommand[]) => Promise<StoredCommands> {
  let wary = 0;
  return async (commands) => {
    const entries = commands.map((command) => command.entry);
    const batch = entryBatch(entries, 7);
    const values = [
      shard,
      textArray(entries.map((entry) => entry.tenantId)),
      digestArray(commands.map((command) => command.keyHash)),
      digestArray(commands.map((command) => command.payloadHash)),
      uuidArray(entries.map((entry) => entry.id)),
      timeArray(entries.map((entry) => entry.occurredAt)),
      ...batch.values,
    ];
    const run = async (name: string, text: string): Promise<StoredCommands> =>
      storedIn(await database.run<AnswerRow>({ name: `${name}-${batch.shape}`, text }, values));
    if (wary === 0) {
      try {
        return await run("intake-accept", assumingText(batch.from));
      } catch (error) {
        if (!isFailure(error, "data-rejected") || error.fields.sqlState !== uniqueViolation) throw error;
      }
    }
    const stored = await run("intake-accept-wary", reckoningText(batch.from));
    wary = stored.earlier.size > 0 ? waryFor : Math.max(0, wary - 1);
    return stored;
  };
}

const keysGiven = `unnest($2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[])
  as k(tenant_id, key_hash, hash, id, occurred_at)`;

/**
 * Keys are inserted in sorted order, so that two processes with overlapping batches wait for each other instead of deadlocking.
 * The journal rows go from the parameters into the table without being copied or sorted in between.
 */
function assumingText(from: string): string {
  return `with ${seqBlock},
    fresh as (
      insert into entente.idempotency (tenant_id, key_hash, payload_hash, process_id, accepted_at)
        select tenant_id, key_hash, hash, id, occurred_at from ${keysGiven} order by key_hash, tenant_id),
    stored as (insert into entente.journal (${entryColumns}, seq) select ${entryColumns}, ${seqOfRow} from ${from}),
    counted as (
      insert into entente.tally as t (name, shard, total) values ('accepted', $1::int2, cardinality($5::uuid[]))
      on conflict (name, shard) do update set total = t.total + excluded.total)
    select null as id, null as process_id, null as payload_hash, null as accepted_at, ${appendedColumns}`;
}

/** As above, without the commands whose keys are taken: by rows that can be seen, or by transactions still under way. */
function reckoningText(from: string): string {
  return `with ${seqBlock},
    keys as materialized (select tenant_id, key_hash, hash, id, occurred_at from ${keysGiven}),
    known as materialized (
      select k.id, o.process_id, o.payload_hash, o.accepted_at from keys k
        join entente.idempotency o using (tenant_id, key_hash)),
    fresh as (
      insert into entente.idempotency (tenant_id, key_hash, payload_hash, process_id, accepted_at)
        select tenant_id, key_hash, hash, id, occurred_at from keys where id not in (select id from known)
        order by key_hash, tenant_id
      on conflict do nothing returning process_id),
    refused as materialized (select id from keys where id not in (select process_id from fresh)),
    stored as (
      insert into entente.journal (${entryColumns}, seq)
        select ${entryColumns}, ${seqOfRow} from ${from} where id not in (select id from refused)),
    counted as (
      insert into entente.tally as t (name, shard, total) select 'accepted', $1::int2, count(*) from fresh
      on conflict (name, shard) do update set total = t.total + excluded.total)
    select null as id, null as process_id, null as payload_hash, null as accepted_at, ${appendedColumns}
    union all
    select r.id, k.process_id, k.payload_hash, k.accepted_at, null, null from refused r left join known k using (id)`;
}

function storedIn(rows: readonly AnswerRow[]): StoredCommands {
  const earlier = new Map<string, EarlierKey>();
  let at: AppendedAt | null = null;
  for (const row of rows) {
    if (row.id !== null) earlier.set(row.id, row);
    else if (row.xid !== null && row.base !== null) at = { xid: row.xid, base: row.base };
  }
  return { earlier, at };
}
