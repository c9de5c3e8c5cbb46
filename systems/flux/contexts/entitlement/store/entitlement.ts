import type { Connection, Entry, Projection, Statement } from "@entente/core";
import {
  type EntitlementRemoved,
  entitlementChanged,
  entitlementRemoved,
} from "../contract/entitlement-changed.ts";
import { customerStandingChanged } from "../contract/note-customer.ts";

/** What accounts are entitled to. Facts carry the whole entitlement, so that of several only the last is written. */
export const entitlementProjection: Projection = {
  name: "entitlement-view",
  table: "flux.entitlement",
  facts: [entitlementChanged.type, entitlementRemoved.type],
  async apply(connection, facts, table) {
    const last = new Map(
      facts.map((fact) => {
        const { entitlementId } = fact.data as EntitlementRemoved;
        return [`${fact.tenantId}\u0000${fact.key}\u0000${entitlementId}`, fact];
      }),
    );
    const [removed = [], changed = []] = [true, false].map((isGone) =>
      [...last.values()].filter(({ type }) => (type === entitlementRemoved.type) === isGone),
    );
    await Promise.all([
      runFor(connection, write(table), changed),
      runFor(connection, remove(table), removed),
    ]);
  },
};

/** What customers are to us. */
export const standingProjection: Projection = {
  name: "standing-view",
  table: "flux.customer_standing",
  facts: [customerStandingChanged.type],
  async apply(connection, facts, table) {
    const last = new Map(facts.map((fact) => [`${fact.tenantId}\u0000${fact.key}`, fact]));
    await runFor(connection, writeStanding(table), [...last.values()]);
  },
};

async function runFor(connection: Connection, statement: Statement, facts: readonly Entry[]): Promise<void> {
  if (facts.length === 0) return;
  const rows = facts.map(({ tenantId, key, data }) => ({ ...data, tenantId, accountId: key }));
  await connection.run(statement, [JSON.stringify(rows)]);
}

const write = (table: string): Statement => ({
  name: `entitlement-write-${table}`,
  text: `insert into ${table} (tenant_id, account_id, entitlement_id, plan_id, monthly_quota_units, status, version,
      valid_from, valid_to)
    select r."tenantId", r."accountId", r."entitlementId", r."planId", r."monthlyQuotaUnits", r.status, r.version,
      to_timestamp(r."validFrom"::float8 / 1000), to_timestamp(r."validTo"::float8 / 1000)
    from json_to_recordset($1::json) as r("tenantId" text, "accountId" text, "entitlementId" text, "planId" text,
      "monthlyQuotaUnits" bigint, status text, version bigint, "validFrom" bigint, "validTo" bigint)
    on conflict (tenant_id, account_id, entitlement_id) do update set plan_id = excluded.plan_id,
      monthly_quota_units = excluded.monthly_quota_units, status = excluded.status, version = excluded.version,
      valid_from = excluded.valid_from, valid_to = excluded.valid_to`,
});

const remove = (table: string): Statement => ({
  name: `entitlement-remove-${table}`,
  text: `delete from ${table} e using json_to_recordset($1::json)
      as r("tenantId" text, "accountId" text, "entitlementId" text)
    where e.tenant_id = r."tenantId" and e.account_id = r."accountId" and e.entitlement_id = r."entitlementId"`,
});

const writeStanding = (table: string): Statement => ({
  name: `standing-write-${table}`,
  text: `insert into ${table} (tenant_id, account_id, standing)
    select r."tenantId", r."accountId", r.standing
    from json_to_recordset($1::json) as r("tenantId" text, "accountId" text, standing text)
    on conflict (tenant_id, account_id) do update set standing = excluded.standing`,
});
