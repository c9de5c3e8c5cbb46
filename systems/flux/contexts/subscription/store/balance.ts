import type { Connection, Entry, Projection, Statement } from "@entente/core";
import { type BalanceDebited, balanceDebited } from "../contract/balance-debited.ts";
import { type CycleStarted, cycleStarted } from "../contract/cycle-started.ts";
import { type QuotaDebitUndone, quotaDebitUndone } from "../contract/quota-debit-undone.ts";

/**
 * The balance shown to customers. Facts carry the balance they leave behind, so of several facts of one account
 * only the last is written.
 */
export const balanceProjection: Projection = {
  name: "balance",
  table: "flux.balance",
  facts: [balanceDebited.type, quotaDebitUndone.type, cycleStarted.type],
  apply,
};

interface BalanceRow {
  readonly tenantId: string;
  readonly accountId: string;
  readonly customerId: string | null;
  readonly cycle: string;
  /** Null where the fact does not say: the running cycle's quota stays. */
  readonly quotaUnits: number | null;
  readonly quotaRemaining: number;
  readonly usedUnits: number;
  readonly onDemandMinor: number;
  readonly currency: string;
  readonly asOf: number;
  readonly version: number | null;
}

const write = (table: string): Statement => ({
  name: `balance-write-${table}`,
  text: `insert into ${table} as b (tenant_id, account_id, customer_id, cycle, quota_units, quota_remaining, used_units,
      on_demand_minor, currency, as_of, version)
    select r."tenantId", r."accountId", r."customerId", r.cycle, coalesce(r."quotaUnits", o.quota_units), r."quotaRemaining",
      r."usedUnits", r."onDemandMinor", r.currency, to_timestamp(r."asOf"::float8 / 1000), r.version
    from json_to_recordset($1::json) as r("tenantId" text, "accountId" text, "customerId" text, cycle text, "quotaUnits" bigint,
      "quotaRemaining" bigint, "usedUnits" bigint, "onDemandMinor" bigint, currency text, "asOf" bigint, version bigint)
    left join ${table} o on o.tenant_id = r."tenantId" and o.account_id = r."accountId"
    on conflict (tenant_id, account_id) do update set customer_id = excluded.customer_id, cycle = excluded.cycle,
      quota_units = excluded.quota_units, quota_remaining = excluded.quota_remaining, used_units = excluded.used_units,
      on_demand_minor = excluded.on_demand_minor, currency = excluded.currency, as_of = excluded.as_of,
      version = excluded.version`,
});

async function apply(connection: Connection, facts: readonly Entry[], table: string): Promise<void> {
  const rows = new Map<string, BalanceRow>();
  for (const fact of facts) {
    const name = `${fact.tenantId}\u0000${fact.key}`;
    rows.set(name, rowOf(fact, rows.get(name)));
  }
  await connection.run(write(table), [JSON.stringify([...rows.values()])]);
}

function rowOf(fact: Entry, before: BalanceRow | undefined): BalanceRow {
  const common = {
    tenantId: fact.tenantId,
    accountId: fact.key,
    customerId: fact.customerId,
    asOf: fact.occurredAt,
    version: fact.keyVersion,
  };
  if (fact.type === cycleStarted.type) {
    const { cycle, quotaUnits, planInvoice } = fact.data as CycleStarted;
    const currency = planInvoice.currency;
    return {
      ...common,
      cycle,
      quotaUnits,
      quotaRemaining: quotaUnits,
      usedUnits: 0,
      onDemandMinor: 0,
      currency,
    };
  }
  const { cycle, quotaRemaining, usedUnits, onDemandMinor, currency } = fact.data as
    | BalanceDebited
    | QuotaDebitUndone;
  const quotaUnits = before?.quotaUnits ?? null;
  return { ...common, cycle, quotaUnits, quotaRemaining, usedUnits, onDemandMinor, currency };
}
