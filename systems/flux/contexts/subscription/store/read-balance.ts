import type { Database, Statement } from "@entente/core";
import { laneOf } from "@entente/core/model";

/** A balance as last projected. Units: whole credits; money in minor units of `currency`; asOf epoch milliseconds. */
export interface Balance {
  readonly quotaUnits: number;
  readonly usedUnits: number;
  readonly onDemandMinor: number;
  readonly currency: string;
  readonly asOf: number;
  /** What the authority for entitlements last said of its quota; null: it never spoke of it. */
  readonly entitlement: {
    readonly asOf: number;
    /** Up to when that may be taken for news, whatever is heard since; null: for ever. */
    readonly freshUntil: number | null;
  } | null;
  /** True when facts of this account are in the journal that the read model has not seen. */
  readonly behind: boolean;
}

const read: Statement = {
  name: "balance-read",
  text: `select b.quota_units::float8 as quota, b.used_units::float8 as used, b.on_demand_minor::float8 as on_demand,
      b.currency, b.as_of, b.entitlement_as_of, b.entitlement_fresh_until,
      exists (
        select from entente.cursor c
        join entente.journal j on j.lane = c.lane and (j.xid, j.seq) > (c.xid, c.seq)
        where c.consumer = 'balance' and c.lane = $3 and j.tenant_id = b.tenant_id and j.key = b.account_id) as behind
    from flux.balance b where b.tenant_id = $1 and b.account_id = $2`,
};

interface BalanceColumns extends Record<string, unknown> {
  quota: number;
  used: number;
  on_demand: number;
  currency: string;
  as_of: number;
  entitlement_as_of: number | null;
  entitlement_fresh_until: number | null;
  behind: boolean;
}

/** The balance of one account, or null when the account has none yet. */
export async function readBalance(
  database: Database,
  tenantId: string,
  accountId: string,
): Promise<Balance | null> {
  const [row] = await database.run<BalanceColumns>(read, [tenantId, accountId, laneOf(tenantId, accountId)]);
  if (row === undefined) return null;
  return {
    quotaUnits: row.quota,
    usedUnits: row.used,
    onDemandMinor: row.on_demand,
    currency: row.currency,
    asOf: row.as_of,
    entitlement:
      row.entitlement_as_of === null
        ? null
        : { asOf: row.entitlement_as_of, freshUntil: row.entitlement_fresh_until },
    behind: row.behind,
  };
}
