/** The ledger that all peers share (made by `bench/peers/job.ts`), read from outside their processes. */
import type pg from "pg";
import type { LedgerFacts } from "./target.ts";

/** Wrong when an account's sequence has a gap, or its totals are not the sums of its entries. */
const brokenAccounts = `
  select count(*)::int as n from account a join (
    select account_id, count(*) as entries, min(seq) as first, max(seq) as last, sum(units) as units,
      sum(quota_units) as paid, sum(on_demand_minor) as minor from ledger group by 1) l using (account_id)
  where l.first <> 1 or l.last <> l.entries or a.seq <> l.entries or a.used_units <> l.units
    or a.on_demand_minor <> l.minor or l.paid <> least(a.quota_units, a.used_units)`;

/** Commands confirmed, without counting the ledger: each account's own sequence moves in the ledger's transaction. */
export async function confirmedOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ n: string }>({
    name: "confirmed",
    text: "select coalesce(sum(seq), 0) as n from account",
  });
  return Number(rows[0]?.n ?? 0);
}

/** Counts and checks the whole ledger. */
export async function factsOf(client: pg.Client): Promise<LedgerFacts> {
  const ledger = await client.query<{ n: string; distinct: string }>(
    "select count(*) as n, count(distinct command_id) as distinct from ledger",
  );
  const broken = await client.query<{ n: number }>(brokenAccounts);
  const confirmed = Number(ledger.rows[0]?.n);
  return {
    confirmed,
    doubled: confirmed - Number(ledger.rows[0]?.distinct),
    brokenAccounts: broken.rows[0]?.n ?? 0,
  };
}

/** Command ids of one account in ledger order. */
export async function orderOf(client: pg.Client, account: string): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    "select command_id as id from ledger where account_id = $1 order by seq",
    [account],
  );
  return rows.map((row) => row.id);
}

/**
 * Adds `n` entries of one unit each, spread over the accounts, with sequences and totals that add up; then runs
 * `own`, which makes the peer's own finished rows out of the ledger.
 */
export async function preloadLedger(client: pg.Client, n: number, own: string): Promise<void> {
  const each = Math.ceil(n / 1000);
  const version = await client.query<{ n: number }>("select current_setting('server_version_num')::int as n");
  const newId = (version.rows[0]?.n ?? 0) >= 180_000 ? "uuidv7()" : "gen_random_uuid()";
  await client.query(
    `insert into ledger (command_id, account_id, seq, units, quota_units, on_demand_minor)
     select ${newId}, account_id, s, 1, (s <= quota_units)::int, case when s <= quota_units then 0 else 25 end
     from generate_series(1, $1::int) s, account`,
    [each],
  );
  await client.query(
    `update account set seq = $1, used_units = $1, on_demand_minor = greatest(0, $1::bigint - quota_units) * 25`,
    [each],
  );
  await client.query(own);
  // History has long been vacuumed; left alone, autovacuum would do it in the middle of the measurement.
  await client.query("vacuum (analyze)");
}
