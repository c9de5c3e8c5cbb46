import { shortHash } from "../intake/payload-hash.ts";
import type { KnownRow } from "../model/hand-off-batch.ts";
import type { RowOutcome } from "../model/hand-off-record.ts";
import { bytesArray, int8Array, textArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import type { RowPlace } from "./rows-of-facts.ts";

/** Rows of batches: `entente.hand_off_row`. One statement for any number of them. */

/** The rows of one batch as they are in this transaction. */
export interface BatchRows {
  /** The rows these keys name, by key; keys of others are absent. */
  byKey(keys: readonly string[]): ReadonlyMap<string, KnownRow>;
  set(row: number, outcome: RowOutcome): void;
  /** Remembers that our side wants it no more. */
  withdraw(row: number): void;
  isWithdrawn(row: number): boolean;
  /** Withdrawn rows that have no outcome yet. */
  openWithdrawn(): readonly number[];
  closeOpen(): void;
  of(row: number): RowOutcome | null;
  count(outcome: RowOutcome): number;
}

const read: Statement = {
  name: "hand-off-rows-read",
  text: `select hand_off_id, row, encode(key_hash, 'hex') as key_hash, outcome, withdrawn from entente.hand_off_row
    where hand_off_id = any($1::uuid[])`,
};

export async function readBatchRows(
  connection: Connection,
  batches: readonly { readonly handOffId: string }[],
): Promise<ReadonlyMap<string, BatchRows>> {
  const rows = (await connection.runRows(read, [uuidArray(batches.map((b) => b.handOffId))])) as [
    string,
    number,
    string,
    RowOutcome,
    boolean,
  ][];
  const found = new Map<string, BatchRows>();
  for (const [handOffId, own] of Map.groupBy(rows, ([handOffId]) => handOffId)) {
    const places = new Map(own.map(([, row, keyHash]) => [keyHash, row]));
    const outcomes = new Map(own.map(([, row, , outcome]) => [row, outcome]));
    const unwanted = new Set(own.flatMap(([, row, , , withdrawn]) => (withdrawn ? [row] : [])));
    found.set(handOffId, {
      withdraw: (row) => void unwanted.add(row),
      isWithdrawn: (row) => unwanted.has(row),
      openWithdrawn: () => [...unwanted].filter((row) => outcomes.get(row) === "open"),
      byKey(keys) {
        const known = new Map<string, KnownRow>();
        for (const key of keys) {
          const row = places.get(rowKeyHash(key).toString("hex"));
          if (row !== undefined) known.set(key, { row, outcome: outcomes.get(row) as RowOutcome });
        }
        return known;
      },
      set: (row, outcome) => void outcomes.set(row, outcome),
      closeOpen() {
        for (const [row, outcome] of outcomes) if (outcome === "open") outcomes.set(row, "completed");
      },
      of: (row) => outcomes.get(row) ?? null,
      count: (wanted) => [...outcomes.values()].filter((outcome) => outcome === wanted).length,
    });
  }
  return found;
}

export function rowKeyHash(key: string): Buffer {
  return Buffer.from(shortHash(key), "hex");
}

const insert: Statement = {
  name: "hand-off-rows-insert",
  text: `insert into entente.hand_off_row (hand_off_id, row, tenant_id, target, key_hash, request_hash, outcome)
    select hand_off_id, row, tenant_id, target, key_hash, request_hash, 'open'
    from unnest($1::uuid[], $2::int8[], $3::text[], $4::text[], $5::bytea[], $6::bytea[])
      as n(hand_off_id, row, tenant_id, target, key_hash, request_hash)`,
};

export interface NewRow {
  readonly handOffId: string;
  readonly row: number;
  readonly tenantId: string;
  readonly target: string;
  readonly keyHash: Buffer;
  readonly requestHash: Buffer;
}

export async function insertRows(connection: Connection, rows: readonly NewRow[]): Promise<void> {
  if (rows.length === 0) return;
  await connection.run(insert, [
    uuidArray(rows.map((r) => r.handOffId)),
    int8Array(rows.map((r) => r.row)),
    textArray(rows.map((r) => r.tenantId)),
    textArray(rows.map((r) => r.target)),
    bytesArray(
      rows.map((r) => r.keyHash),
      16,
    ),
    bytesArray(
      rows.map((r) => r.requestHash),
      16,
    ),
  ]);
}

const known: Statement = {
  name: "hand-off-rows-known",
  text: `select encode(r.key_hash, 'hex') as key_hash, r.tenant_id, r.target, encode(r.request_hash, 'hex') as request_hash
    from unnest($1::text[], $2::text[], $3::bytea[]) as n(tenant_id, target, key_hash)
    join entente.hand_off_row r using (tenant_id, target, key_hash)`,
};

/** Request hashes, hexadecimal, of rows that are here already, by `tenant NUL target NUL key hash`. */
export async function knownRows(
  connection: Connection,
  rows: readonly Pick<NewRow, "tenantId" | "target" | "keyHash">[],
): Promise<ReadonlyMap<string, string>> {
  if (rows.length === 0) return new Map();
  const found = await connection.run<{
    key_hash: string;
    tenant_id: string;
    target: string;
    request_hash: string;
  }>(known, [
    textArray(rows.map((r) => r.tenantId)),
    textArray(rows.map((r) => r.target)),
    bytesArray(
      rows.map((r) => r.keyHash),
      16,
    ),
  ]);
  return new Map(found.map((row) => [rowName(row.tenant_id, row.target, row.key_hash), row.request_hash]));
}

export function rowName(tenantId: string, target: string, keyHash: string): string {
  return `${tenantId}\u0000${target}\u0000${keyHash}`;
}

const settle: Statement = {
  name: "hand-off-rows-settle",
  text: `update entente.hand_off_row r set outcome = n.outcome, code = n.code
    from unnest($1::uuid[], $2::int8[], $3::text[], $4::text[]) as n(hand_off_id, row, outcome, code)
    where r.hand_off_id = n.hand_off_id and r.row = n.row and r.outcome = 'open'`,
};

const closeOpen: Statement = {
  name: "hand-off-rows-close",
  text: "update entente.hand_off_row set outcome = 'completed' where hand_off_id = any($1::uuid[]) and outcome = 'open'",
};

const withdraw: Statement = {
  name: "hand-off-rows-withdraw",
  text: `update entente.hand_off_row r set withdrawn = true from unnest($1::uuid[], $2::int8[]) as n(hand_off_id, row)
    where r.hand_off_id = n.hand_off_id and r.row = n.row`,
};

/** Remembers that these rows are wanted no more. */
export async function writeWithdrawnRows(
  connection: Connection,
  rows: readonly { readonly handOffId: string; readonly row: number }[],
): Promise<void> {
  if (rows.length === 0) return;
  await connection.run(withdraw, [
    uuidArray(rows.map((r) => r.handOffId)),
    int8Array(rows.map((r) => r.row)),
  ]);
}

/** Writes outcomes of single rows, and completes the open rows of batches that are done as a whole. */
export async function writeRowOutcomes(
  connection: Connection,
  changes: readonly {
    readonly handOffId: string;
    readonly row: number;
    readonly outcome: string;
    readonly code: string | null;
  }[],
  closed: readonly string[],
): Promise<void> {
  await Promise.all([
    changes.length === 0
      ? undefined
      : connection.run(settle, [
          uuidArray(changes.map((c) => c.handOffId)),
          int8Array(changes.map((c) => c.row)),
          textArray(changes.map((c) => c.outcome)),
          textArray(changes.map((c) => c.code)),
        ]),
    closed.length === 0 ? undefined : connection.run(closeOpen, [uuidArray(closed)]),
  ]);
}

const openRows: Statement = {
  name: "hand-off-rows-open",
  text: `select hand_off_id, row from entente.hand_off_row where hand_off_id = any($1::uuid[]) and outcome = 'open'
    order by hand_off_id, row`,
};

/** Places of the rows that have no outcome yet, by batch. */
export async function readOpenRows(
  connection: Connection,
  handOffIds: readonly string[],
): Promise<ReadonlyMap<string, number[]>> {
  if (handOffIds.length === 0) return new Map();
  const rows = (await connection.runRows(openRows, [uuidArray(handOffIds)])) as [string, number][];
  const found = new Map<string, number[]>();
  for (const [handOffId, row] of rows) {
    const known = found.get(handOffId);
    if (known === undefined) found.set(handOffId, [row]);
    else known.push(row);
  }
  return found;
}

const batchesOf: Statement = {
  name: "hand-off-rows-batches",
  text: `select h.hand_off_id as "handOffId", h.row_count as "rowCount", b.rows
    from (
      select r.hand_off_id, array_agg(r.row order by r.row) as rows
      from unnest($2::text[], $3::bytea[]) as n(target, key_hash)
      join entente.hand_off_row r on r.tenant_id = $1 and r.target = n.target and r.key_hash = n.key_hash
      group by r.hand_off_id) b
    join entente.hand_off h on h.tenant_id = $1 and h.hand_off_id = b.hand_off_id`,
};

/** A batch, how many rows it was opened with, and which of them were asked about. */
export interface BatchOfRows extends Record<string, unknown> {
  readonly handOffId: string;
  readonly rowCount: number;
  readonly rows: readonly number[];
}

/** The batches that hold these rows; rows that were never opened are in none. */
export async function readBatchesOf(
  connection: Connection,
  tenantId: string,
  rows: readonly RowPlace[],
): Promise<BatchOfRows[]> {
  if (rows.length === 0) return [];
  return connection.run<BatchOfRows>(batchesOf, [
    tenantId,
    textArray(rows.map(({ target }) => target)),
    bytesArray(
      rows.map(({ key }) => rowKeyHash(key)),
      16,
    ),
  ]);
}
