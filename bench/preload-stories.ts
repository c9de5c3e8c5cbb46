/** Puts finished top-ups into the tables that a story is read from: copies of top-ups that this system has just done. */
import type pg from "pg";
import { preloadXid } from "./entente-journal.ts";

/** The databases that a story is read from. */
export type StoryDatabases = { gateway: pg.Client; subscription: pg.Client; ledger: pg.Client };

/** Of one in so many batches there is a case, nine of ten of them closed. */
const caseOnceIn = 50;
/** Copies a statement makes. */
const atOnce = 250_000;

/**
 * An id like that of the template, of another copy and another moment: of this month, because ids say in which partition they are, and
 * rising with the copies, as ids do. The same in every database, so that copies of one top-up name each other.
 */
const makeCopiedId = `create function pg_temp.copied(id uuid, s int8, ms int8) returns uuid language sql immutable
  return overlay(overlay(md5(id::text || s) placing lpad(to_hex(ms), 12, '0') || '7' from 1) placing '8' from 17)::uuid`;

/** Columns that are not the template's. Everything else is as it was, payloads included: what is measured is the size of tables and indexes. */
type Columns = Record<string, string>;

const id = (column: string): string => `pg_temp.copied(t.${column}, s, ms)`;

const ofJournal: Columns = {
  id: id("id"),
  seq: "nextval('entente.journal_seq')",
  xid: `'${preloadXid}'::xid8`,
  lane: "s % 8",
  key: "'preloaded-' || s % 1000",
  key_version: "null",
  process_id: id("process_id"),
  correlation_id: `${id("process_id")}::text`,
  causation_id: id("causation_id"),
};
const ofProcess: Columns = {
  process_id: id("process_id"),
  key: "'preloaded-' || s % 1000",
  xid: `'${preloadXid}'::xid8`,
  change: "nextval('entente.process_change')",
};
const ofHandOff: Columns = {
  hand_off_id: id("hand_off_id"),
  process_id: id("process_id"),
  correlation_id: `${id("process_id")}::text`,
  key: "'preloaded-' || s % 1000",
  aggregate_id: "t.aggregate_id || '-' || s",
  idempotency_key: "t.idempotency_key || '-' || s",
  external_reference: "t.external_reference || '-' || s",
  place: "nextval('entente.hand_off_place')",
};
const ofRow: Columns = {
  hand_off_id: id("hand_off_id"),
  key_hash: "decode(md5(t.key_hash::text || s), 'hex')",
};
const ofCase: Columns = {
  case_id: id("case_id"),
  hand_off_id: id("hand_off_id"),
  closed_by: "case when s % 10 <> 0 then 'bench' end",
  closed_why: "case when s % 10 <> 0 then 'posted by hand' end",
  closed_at: "case when s % 10 <> 0 then t.opened_at end",
};

type Copy = {
  table: string;
  /** Which rows are the template. */
  where: string;
  values: string[];
  columns: Columns;
  /** Which of the copies 1 to `copies` are made; all by default. */
  only?: string;
  copies: number;
  /** From when to now the copies are spread, epoch milliseconds. */
  from: number;
  until: number;
};

/** Set by set; returns how many rows were added. */
async function copy(client: pg.Client, what: Copy): Promise<number> {
  const { table, where, values, columns, only, copies, from, until } = what;
  const found = await client.query<{ name: string }>(
    `select column_name as name from information_schema.columns
     where table_schema = 'entente' and table_name = $1 order by ordinal_position`,
    [table],
  );
  const names = found.rows.map(({ name }) => name);
  const stepMs = (until - from) / copies;
  let added = 0;
  for (let first = 1; first <= copies; first += atOnce) {
    const last = Math.min(copies, first + atOnce - 1);
    const { rowCount } = await client.query(
      `insert into entente.${table} (${names.join(", ")})
       select ${names.map((name) => columns[name] ?? `t.${name}`).join(", ")}
       from generate_series(${first}::int8, ${last}::int8) as s
       cross join lateral (select ${from}::int8 + (s * ${stepMs}::float8)::int8) as at(ms)
       cross join (select * from entente.${table} where ${where}) as t
       ${only === undefined ? "" : `where ${only}`}`,
      values,
    );
    added += rowCount ?? 0;
  }
  return added;
}

async function one(client: pg.Client, what: string, text: string): Promise<Record<string, string>> {
  const { rows } = await client.query<Record<string, string>>(text);
  if (rows[0] === undefined) throw new Error(`there is nothing to copy: ${what}`);
  return rows[0];
}

/**
 * `n` top-ups in the gateway and the subscription, and as many batches of postings as give the ledger's journal `n` entries. Returns how
 * much that is, by table. The readers of these journals must be past their first entries.
 */
export async function preloadStories(databases: StoryDatabases, n: number): Promise<Record<string, number>> {
  const { gateway, subscription, ledger } = databases;
  for (const client of [gateway, subscription, ledger]) await client.query(makeCopiedId);
  const topUp = await one(
    subscription,
    "a top-up",
    `select process_id as "processId" from entente.journal where type = 'flux.balance-debited' order by seq desc limit 1`,
  );
  const batch = await one(
    ledger,
    "a batch of at most five postings",
    `select hand_off_id as "handOffId" from entente.hand_off where treaty = 'sap-ledger' and state = 'completed'
       and row_count <= 5 order by abs(row_count - 2), created_at desc limit 1`,
  );
  const about = await one(
    ledger,
    "a case about a batch",
    `select case_id as "caseId" from entente.fallout_case where hand_off_id is not null limit 1`,
  );
  const now = new Date();
  const spread = { from: Date.UTC(now.getUTCFullYear(), now.getUTCMonth()), until: now.getTime() };
  const added: Record<string, number> = {};
  const add = async (name: string, client: pg.Client, what: Omit<Copy, "from" | "until">): Promise<void> => {
    added[name] = (added[name] ?? 0) + (await copy(client, { ...what, ...spread }));
  };
  const ofTopUp = { copies: n, where: "process_id = $1", values: [topUp.processId ?? ""] };
  const inBatch = { where: "hand_off_id = $1", values: [batch.handOffId ?? ""] };
  const { count = "1" } = await one(
    ledger,
    "entries of a batch",
    `select count(*) from entente.journal where process_id = '${batch.handOffId}'`,
  );
  const copies = Math.ceil(n / Number(count));

  // Each database has a connection of its own. History has long been vacuumed; left alone, autovacuum would do it in the middle of the measurement.
  async function fillGateway(): Promise<void> {
    await add("gateway entries", gateway, { ...ofTopUp, table: "journal", columns: ofJournal });
    await add("processes", gateway, { ...ofTopUp, table: "process", columns: ofProcess });
    await gateway.query("vacuum (analyze) entente.journal, entente.process");
  }
  async function fillSubscription(): Promise<void> {
    await add("subscription entries", subscription, { ...ofTopUp, table: "journal", columns: ofJournal });
    await subscription.query("vacuum (analyze) entente.journal");
  }
  async function fillLedger(): Promise<void> {
    await add("ledger entries", ledger, {
      ...inBatch,
      copies,
      table: "journal",
      where: "process_id = $1",
      columns: ofJournal,
    });
    await add("batches", ledger, { ...inBatch, copies, table: "hand_off", columns: ofHandOff });
    await add("rows of batches", ledger, { ...inBatch, copies, table: "hand_off_row", columns: ofRow });
    await add("cases", ledger, {
      table: "fallout_case",
      where: "case_id = $1",
      values: [about.caseId ?? ""],
      columns: ofCase,
      copies,
      only: `s % ${caseOnceIn} = 0`,
    });
    await ledger.query(
      "vacuum (analyze) entente.journal, entente.hand_off, entente.hand_off_row, entente.fallout_case",
    );
  }
  await Promise.all([fillGateway(), fillSubscription(), fillLedger()]);
  return added;
}
