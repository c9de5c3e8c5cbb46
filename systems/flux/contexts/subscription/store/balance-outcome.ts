import type { OutcomeSource, Statement } from "@entente/core";
import { balanceProjection } from "./balance.ts";

const read: Statement = {
  name: "balance-outcome",
  text: `select cycle, quota_units::float8 as "quotaUnits", quota_remaining::float8 as "quotaRemaining", used_units::float8 as "usedUnits",
      on_demand_minor::float8 as "onDemandMinor", currency, version::float8 as version
    from flux.balance where tenant_id = $1 and account_id = $2`,
};

/** The balance as it is shown to customers, for comparing with what the account's facts come to. */
export const balanceOutcome: OutcomeSource = {
  what: "balance",
  consumer: balanceProjection.name,
  async read(connection, tenantId, accountId) {
    const [row] = await connection.run<Record<string, string | number>>(read, [tenantId, accountId]);
    return row ?? null;
  },
};
