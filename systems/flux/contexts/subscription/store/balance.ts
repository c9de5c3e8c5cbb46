import {
  type Connection,
  type Entry,
  int8Array,
  type Projection,
  type Statement,
  textArray,
  timeArray,
} from "@entente/core";
import { freshUntil } from "@entente/core/model";
import { type BalanceDebited, balanceDebited } from "../contract/balance-debited.ts";
import { type CycleStarted, cycleStarted } from "../contract/cycle-started.ts";
import { type EntitlementFollowed, entitlementFollowed } from "../contract/entitlement-followed.ts";
import { type QuotaDebitUndone, quotaDebitUndone } from "../contract/quota-debit-undone.ts";
import { type QuotaReturned, quotaReturned } from "../contract/quota-keeper.ts";

/**
 * The balance shown to customers. Facts carry the balance they leave behind, so of several facts of one account
 * only the last is written; an account's row begins with its first cycle. A quota that follows an authority's word keeps how long that was
 * news: it is applied in its place however late it comes, and is shown for what it is.
 */
export const balanceProjection: Projection = {
  name: "balance",
  table: "flux.balance",
  facts: [
    balanceDebited.type,
    quotaDebitUndone.type,
    cycleStarted.type,
    entitlementFollowed.type,
    quotaReturned.type,
  ],
  apply,
};

type Moved = BalanceDebited | QuotaDebitUndone | EntitlementFollowed | QuotaReturned;

async function apply(connection: Connection, facts: readonly Entry[], table: string): Promise<void> {
  const cycles = new Map<string, Entry>();
  const quotas = new Map<string, Entry>();
  const balances = new Map<string, Entry>();
  for (const fact of facts) {
    const name = `${fact.tenantId}\u0000${fact.key}`;
    if (fact.type === cycleStarted.type) {
      cycles.set(name, fact);
      // What was moved before it belongs to the cycle that ended.
      balances.delete(name);
      quotas.delete(name);
    } else if (fact.type === entitlementFollowed.type) {
      quotas.set(name, fact);
      // It carries the balance after whatever was moved before it.
      balances.delete(name);
    } else {
      balances.set(name, fact);
    }
  }
  await Promise.all([
    cycles.size > 0
      ? connection.run(beginCycle(table), [JSON.stringify([...cycles.values()].map(cycleRow))])
      : undefined,
    quotas.size > 0
      ? connection.run(changeQuota(table), [
          ...moveArrays([...quotas.values()]),
          int8Array([...quotas.values()].map(({ data }) => (data as EntitlementFollowed).quotaUnits)),
          timeArray([...quotas.values()].map(freshUntil)),
        ])
      : undefined,
    balances.size > 0 ? connection.run(move(table), moveArrays([...balances.values()])) : undefined,
  ]);
}

const beginCycle = (table: string): Statement => ({
  name: `balance-begin-cycle-${table}`,
  text: `insert into ${table} as b (tenant_id, account_id, customer_id, cycle, quota_units, quota_remaining, used_units,
      on_demand_minor, currency, as_of, version)
    select r."tenantId", r."accountId", r."customerId", r.cycle, r."quotaUnits", r."quotaUnits", 0, 0, r.currency,
      to_timestamp(r."asOf"::float8 / 1000), r.version
    from json_to_recordset($1::json) as r("tenantId" text, "accountId" text, "customerId" text, cycle text,
      "quotaUnits" bigint, currency text, "asOf" bigint, version bigint)
    on conflict (tenant_id, account_id) do update set cycle = excluded.cycle, quota_units = excluded.quota_units,
      quota_remaining = excluded.quota_remaining, used_units = 0, on_demand_minor = 0, as_of = excluded.as_of,
      version = excluded.version`,
});

function cycleRow(fact: Entry): object {
  const { cycle, quotaUnits, planInvoice } = fact.data as CycleStarted;
  return {
    tenantId: fact.tenantId,
    accountId: fact.key,
    customerId: fact.customerId,
    cycle,
    quotaUnits,
    currency: planInvoice.currency,
    asOf: fact.occurredAt,
    version: fact.keyVersion,
  };
}

/** Another quota in the running cycle. */
const changeQuota = (table: string): Statement => ({
  name: `balance-change-quota-${table}`,
  text: `update ${table} b set quota_units = m.quota_units, quota_remaining = m.quota_remaining, used_units = m.used_units,
      on_demand_minor = m.on_demand_minor, as_of = m.as_of, version = m.version, entitlement_as_of = m.as_of,
      entitlement_fresh_until = m.fresh_until
    from unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::int8[], $6::timestamptz[], $7::int8[], $8::int8[],
        $9::timestamptz[])
      as m(tenant_id, account_id, quota_remaining, used_units, on_demand_minor, as_of, version, quota_units, fresh_until)
    where b.tenant_id = m.tenant_id and b.account_id = m.account_id`,
});

/** The hot one: a busy account moves several times a second. */
const move = (table: string): Statement => ({
  name: `balance-move-${table}`,
  text: `update ${table} b set quota_remaining = m.quota_remaining, used_units = m.used_units,
      on_demand_minor = m.on_demand_minor, as_of = m.as_of, version = m.version
    from unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::int8[], $6::timestamptz[], $7::int8[])
      as m(tenant_id, account_id, quota_remaining, used_units, on_demand_minor, as_of, version)
    where b.tenant_id = m.tenant_id and b.account_id = m.account_id`,
});

function moveArrays(facts: readonly Entry[]): unknown[] {
  return [
    textArray(facts.map((fact) => fact.tenantId)),
    textArray(facts.map((fact) => fact.key)),
    int8Array(facts.map((fact) => (fact.data as Moved).quotaRemaining)),
    int8Array(facts.map((fact) => (fact.data as Moved).usedUnits)),
    int8Array(facts.map((fact) => (fact.data as Moved).onDemandMinor)),
    timeArray(facts.map((fact) => fact.occurredAt)),
    int8Array(facts.map((fact) => fact.keyVersion)),
  ];
}
