import { type AppendedAt, appendedColumns, seqBlock, seqOfRow } from "../journal/append.ts";
import { entryBatch, entryColumns } from "../journal/entry-columns.ts";
import type { NewEntry } from "../model/entry.ts";
import { isFailure } from "../model/failure.ts";
import { hexArray, textArray, timeArray, uuidArray } from "../postgres/arrays.ts";
import type { Database } from "../postgres/database.ts";

/** The one statement of acceptance: idempotency keys and journal entries of many requests, and which were there before. */

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
  readonly payload_hash: Buffer | null;
  readonly accepted_at: number | null;
}

interface AnswerRow extends Record<string, unknown>, EarlierKey {
  /** Null in the one row that says where the stored ones stand. */
  id: string | null;
  xid: string | null;
  base: number | null;
}

const uniqueViolation = "23505";

/**
 * Stores the commands whose keys are free, in one transaction of its own. `shard`: the process's row in the tally.
 * Taken keys are looked up first, because an insert that must reckon with conflicts costs twice as much as one that need
 * not. A key that another process takes at the same moment fails that statement, and the one that reckons is used instead.
 */
export async function storeCommands(
  database: Database,
  shard: number,
  commands: readonly KeyedCommand[],
): Promise<StoredCommands> {
  const entries = commands.map((command) => command.entry);
  const batch = entryBatch(entries, 7);
  const values = [
    shard,
    textArray(entries.map((entry) => entry.tenantId)),
    hexArray(
      commands.map((command) => command.keyHash),
      16,
    ),
    hexArray(
      commands.map((command) => command.payloadHash),
      16,
    ),
    uuidArray(entries.map((entry) => entry.id)),
    timeArray(entries.map((entry) => entry.occurredAt)),
    ...batch.values,
  ];
  const run = async (name: string, reckoning: boolean): Promise<StoredCommands> => {
    const statement = { name: `${name}-${batch.shape}`, text: acceptText(batch.from, reckoning) };
    return storedIn(await database.run<AnswerRow>(statement, values));
  };
  try {
    return await run("intake-accept", false);
  } catch (error) {
    if (!isFailure(error, "data-rejected") || error.fields.sqlState !== uniqueViolation) throw error;
    return run("intake-accept-reckoning", true);
  }
}

/**
 * Keys are inserted in sorted order, so that two processes with overlapping batches wait for each other instead of deadlocking.
 * The journal rows go from the parameters into the table without being copied or sorted in between: `not in` keeps their order.
 */
function acceptText(from: string, reckoning: boolean): string {
  const refused = reckoning
    ? "select id from keys where id not in (select process_id from fresh)"
    : "select id from known";
  return `with ${seqBlock},
    keys as materialized (
      select tenant_id, key_hash, hash, id, occurred_at from unnest($2::text[], $3::bytea[], $4::bytea[], $5::uuid[], $6::timestamptz[])
        as k(tenant_id, key_hash, hash, id, occurred_at)),
    known as materialized (
      select k.id, o.process_id, o.payload_hash, o.accepted_at from keys k
        join entente.idempotency o using (tenant_id, key_hash)),
    fresh as (
      insert into entente.idempotency (tenant_id, key_hash, payload_hash, process_id, accepted_at)
        select tenant_id, key_hash, hash, id, occurred_at from keys where id not in (select id from known)
        order by tenant_id, key_hash
      ${reckoning ? "on conflict do nothing" : ""} returning process_id),
    refused as materialized (${refused}),
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
