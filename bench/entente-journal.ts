/** What the benchmark reads from, and puts into, our journals: all queries that know our schema are here. */
import type pg from "pg";
import type { LedgerFacts } from "./target.ts";

const debited = "flux.balance-debited";

/** Preloaded rows claim to be of this transaction, so that every reader's cursor is already past them. */
export const preloadXid = "3";

/**
 * Commands confirmed, without counting the journal: the decider's cursors move with its facts, in their transaction.
 * The peers' accounts are asked in a like way. What the facts say is checked after the run.
 */
export async function confirmedReader(client: pg.Client): Promise<() => Promise<number>> {
  const decided = async (): Promise<number> => {
    const { rows } = await client.query<{ n: string }>({
      name: "confirmed",
      text: "select coalesce(sum(consumed), 0) as n from entente.cursor where consumer = 'account'",
    });
    return Number(rows[0]?.n ?? 0);
  };
  const opened = await decided();
  return async () => (await decided()) - opened;
}

/** Accounts that have been opened and have their condenser. */
export async function openedAccounts(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    "select count(distinct key)::int as n from entente.journal where type = 'flux.condenser-registered'",
  );
  return rows[0]?.n ?? 0;
}

/** An account is broken when its fact numbers have a gap or its last balance is not the sum of its debits. */
export async function ententeFacts(client: pg.Client): Promise<LedgerFacts> {
  const facts = await client.query<{ n: string; distinct: string }>(
    `select count(*) as n, count(distinct process_id) as distinct from entente.journal
     where type = '${debited}' and xid > '${preloadXid}'::xid8`,
  );
  const broken = await client.query<{ n: number }>(
    `select count(*)::int as n from (
       select key from entente.journal where kind = 'event' and key_version is not null and xid > '${preloadXid}'::xid8
       group by tenant_id, key
       having min(key_version) <> 1 or max(key_version) <> count(*)
         or max((data ->> 'usedUnits')::bigint) filter (where type = '${debited}')
            <> sum((data ->> 'units')::bigint) filter (where type = '${debited}')) as broken`,
  );
  const confirmed = Number(facts.rows[0]?.n);
  return {
    confirmed,
    doubled: confirmed - Number(facts.rows[0]?.distinct),
    brokenAccounts: broken.rows[0]?.n ?? 0,
  };
}

/** Process ids of one account in the order in which they were debited. */
export async function ententeOrder(client: pg.Client, account: string): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `select process_id as id from entente.journal
     where type = '${debited}' and key = $1 and xid > '${preloadXid}'::xid8 order by key_version`,
    [account],
  );
  return rows.map((row) => row.id);
}

const columns = `id, xid, lane, kind, type, schema_version, source, target, tenant_id, key, process_id, correlation_id,
  customer_id, occurred_at, data`;

/** Copies one real entry `$1` times, under new ids and in front of every cursor. Accounts are spread over the lanes. */
const copies = (type: string, processId: string) => `
  with one as (select * from entente.journal where type = '${type}' order by seq desc limit 1),
  ids as (select s, uuidv7() as new_id from generate_series(1, $1::int) s)
  insert into entente.journal (${columns})
  select new_id, '${preloadXid}'::xid8, s % 8, kind, type, schema_version, source, target, tenant_id,
    'preloaded-' || s % 1000, ${processId}, new_id::text, customer_id, occurred_at, data from one, ids`;

/**
 * Puts `n` facts into the subscription's journal and `n` commands into the gateway's, as if they were history.
 * They carry accounts of their own ("preloaded-…"): what is measured is the size of the tables and their indexes.
 */
export async function preloadJournals(ledger: pg.Client, intake: pg.Client, n: number): Promise<void> {
  await ledger.query(copies("flux.condenser-registered", "uuidv7()"), [n]);
  // A command that starts a process lends it its id.
  await intake.query(copies("flux.register-condenser", "new_id"), [n]);
  // History has long been vacuumed; left alone, autovacuum would do it in the middle of the measurement.
  for (const client of [ledger, intake]) await client.query("vacuum (analyze) entente.journal");
}
