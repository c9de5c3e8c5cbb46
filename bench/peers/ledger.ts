/**
 * The job that every peer does, so that only the machinery around it differs: one account row is locked and
 * debited (monthly quota first, then on demand), one ledger row is inserted under the command id.
 */
import type { Pool } from "pg";
import { asDocumented, type Command, grouped } from "./job.ts";

/** Ledger and accounts. No index beyond the primary keys: the density of `seq` is verified after the run. */
const tables = `
  create table if not exists account (
    account_id text primary key, quota_units bigint not null, used_units bigint not null default 0,
    on_demand_minor bigint not null default 0, seq bigint not null default 0) with (fillfactor = 50);
  create table if not exists ledger (
    command_id uuid primary key, account_id text not null, seq bigint not null, units int not null,
    quota_units int not null, on_demand_minor bigint not null, at timestamptz not null default now());
  insert into account (account_id, quota_units)
    select 'acct-' || lpad(n::text, 4, '0'), 1000 from generate_series(1, 1000) n on conflict do nothing`;

const fromQuota = (units: string) => `greatest(0, least(${units}, quota_units - used_units))`;
const fromQuotaAfter = (units: string) => `greatest(0, least(${units}, quota_units - used_units + ${units}))`;

/** Price of one on-demand unit in minor units. */
export const priceMinor = 25;

/** One command, one statement, one commit. Parameters: command id, account id, units. Repeats change nothing. */
export const debitOne = `
  with debited as (
    update account set used_units = used_units + $3::int, seq = seq + 1,
      on_demand_minor = on_demand_minor + ($3::int - ${fromQuota("$3::int")}) * ${priceMinor}
    where account_id = $2 and not exists (select 1 from ledger where command_id = $1)
    returning seq, ${fromQuotaAfter("$3::int")} as paid)
  insert into ledger (command_id, account_id, seq, units, quota_units, on_demand_minor)
  select $1, $2, seq, $3, paid, ($3 - paid) * ${priceMinor} from debited`;

/** Many commands of different accounts in one statement. Parameters: three arrays. Repeats change nothing. */
export const debitMany = `
  with wanted as (
    select * from unnest($1::uuid[], $2::text[], $3::int[]) as w (command_id, account, units)
    where not exists (select 1 from ledger l where l.command_id = w.command_id)),
  debited as (
    update account set used_units = used_units + units, seq = seq + 1,
      on_demand_minor = on_demand_minor + (units - ${fromQuota("units")}) * ${priceMinor}
    from wanted where account_id = account
    returning command_id, account_id, seq, units, ${fromQuotaAfter("units")} as paid)
  insert into ledger (command_id, account_id, seq, units, quota_units, on_demand_minor)
  select command_id, account_id, seq, units, paid, (units - paid) * ${priceMinor} from debited`;

/** How a peer whose handlers run one command each reaches the ledger. */
export function debiting(pool: Pool): (command: Command) => Promise<void> {
  if (asDocumented)
    return async ({ id, accountId, units }) => {
      await pool.query({ name: "debit", text: debitOne, values: [id, accountId, units] });
    };
  // Tuned: handlers that run at the same time share a transaction. Safe because the peers run at most one command
  // of an account at a time, so the accounts of a batch differ.
  return grouped(async (commands) => {
    const { ids, accountIds, units } = columns(commands);
    await pool.query({ name: "debit-many", text: debitMany, values: [ids, accountIds, units] });
  });
}

/** Commands as the arrays that {@link debitMany} takes. */
export function columns(commands: Command[]): { ids: string[]; accountIds: string[]; units: number[] } {
  return {
    ids: commands.map((command) => command.id),
    accountIds: commands.map((command) => command.accountId),
    units: commands.map((command) => command.units),
  };
}

/** Creates the tables of the job. */
export async function prepare(pool: Pool): Promise<void> {
  await pool.query(tables);
}

/** Reads whether the ledger has the command: the cheapest truthful answer to `GET /processes/:id`. */
export async function stateOf(pool: Pool, id: string): Promise<string> {
  const found = await pool.query({
    name: "state",
    text: "select 1 from ledger where command_id = $1",
    values: [id],
  });
  return found.rowCount === 1 ? "confirmed" : "queued";
}
