import type { Database, Statement } from "@entente/core";
import { laneOf } from "@entente/core/model";
import type { Entitlement } from "../contract/entitlement.ts";
import type { Standing } from "../contract/note-customer.ts";

/** What is known here of an account. Times in epoch milliseconds. */
export interface KnownEntitlements {
  readonly standing: Standing;
  readonly entitlements: readonly Entitlement[];
  /** True when the journal has news of this account that the read models have not seen. */
  readonly behind: boolean;
}

const read: Statement = {
  name: "entitlement-read",
  text: `select s.standing, e.entitlement_id as "entitlementId", e.account_id as "accountId", e.plan_id as "planId",
      e.monthly_quota_units::float8 as "monthlyQuotaUnits", e.status, e.version::float8 as version,
      (extract(epoch from e.valid_from) * 1000)::float8 as "validFrom",
      (extract(epoch from e.valid_to) * 1000)::float8 as "validTo",
      exists (
        select from entente.cursor c
        join entente.journal j on j.lane = c.lane and (j.xid, j.seq) > (c.xid, c.seq)
        where c.consumer in ('entitlement', 'entitlement-view', 'standing-view') and c.journal = 'entitlement' and c.lane = $3
          and j.tenant_id = $1 and j.key = $2) as behind
    from (select $1::text as tenant_id, $2::text as account_id) a
    left join flux.customer_standing s using (tenant_id, account_id)
    left join flux.entitlement e using (tenant_id, account_id)
    order by e.valid_from desc nulls last, e.entitlement_id`,
};

type Row = Entitlement & { readonly standing: Standing | null; readonly behind: boolean } & Record<
    string,
    unknown
  >;

/** Null when nothing was ever told of the account. Entitlements: newest first. */
export async function readEntitlements(
  database: Database,
  tenantId: string,
  accountId: string,
): Promise<KnownEntitlements | null> {
  const rows = await database.run<Row>(read, [tenantId, accountId, laneOf(tenantId, accountId)]);
  const [first] = rows;
  const entitlements = rows
    .filter(({ entitlementId }) => entitlementId !== null)
    .map(({ standing: _standing, behind: _behind, ...entitlement }) => entitlement as Entitlement);
  if (first === undefined || (first.standing === null && entitlements.length === 0)) return null;
  return { standing: first.standing ?? "none", entitlements, behind: first.behind };
}
