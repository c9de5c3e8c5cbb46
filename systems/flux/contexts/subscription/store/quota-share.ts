import {
  type Connection,
  type Database,
  type Entry,
  type Projection,
  type Statement,
  scheduleTimers,
} from "@entente/core";
import { type MoveQuotaShare, placeQuota, quotaShareMoved } from "../contract/quota-keeper.ts";

const table = "flux.quota_share";

/** Accounts told by one statement. */
const accountsAtOnce = 1_000;

/**
 * The share as last moved; and, when it moves, a timer for every account of the tenant that is due at once and tells the account. In the
 * transaction that moves the cursor: each is told, however often a program dies. A rebuild tells nobody: what was moved was told.
 * Accounts whose opening the balance has not seen yet are left where they are: new accounts are decided here.
 */
export const quotaPlacementProjection: Projection = {
  name: "quota-placement",
  table,
  facts: [quotaShareMoved.type],
  async apply(connection, facts, into) {
    for (const fact of facts) {
      const { sharePercent } = fact.data as MoveQuotaShare;
      await connection.run(keep(into), [fact.tenantId, sharePercent, fact.occurredAt]);
      if (into === table) await tellAccounts(connection, fact);
    }
  },
};

const keep = (into: string): Statement => ({
  name: `quota-share-keep-${into}`,
  text: `insert into ${into} (tenant_id, share_percent, moved_at) values ($1, $2, to_timestamp($3::float8 / 1000))
    on conflict (tenant_id) do update set share_percent = excluded.share_percent, moved_at = excluded.moved_at`,
});

const page: Statement = {
  name: "quota-share-accounts",
  text: `select account_id, customer_id from flux.balance where tenant_id = $1 and account_id > $2 order by account_id limit $3`,
};

async function tellAccounts(
  connection: Connection,
  { tenantId, id, occurredAt, data }: Entry,
): Promise<void> {
  for (let after = ""; ; ) {
    const rows = await connection.run<{ account_id: string; customer_id: string }>(page, [
      tenantId,
      after,
      accountsAtOnce,
    ]);
    await scheduleTimers(
      connection,
      rows.map(({ account_id: key, customer_id: customerId }) => ({
        tenantId,
        key,
        name: "quota-share",
        dueAt: occurredAt,
        type: placeQuota.type,
        schemaVersion: placeQuota.schemaVersion,
        data: { accountId: key, sharePercent: (data as MoveQuotaShare).sharePercent },
        causationId: id,
        customerId,
      })),
    );
    const last = rows.at(-1);
    if (last === undefined || rows.length < accountsAtOnce) return;
    after = last.account_id;
  }
}

const read: Statement = {
  name: "quota-share-read",
  text: `select share_percent::int as share, moved_at from flux.quota_share where tenant_id = $1`,
};

/** The tenant's share in whole percent and since when (epoch milliseconds); null: it was never said. */
export async function readQuotaShare(
  database: Database,
  tenantId: string,
): Promise<{ readonly sharePercent: number; readonly movedAt: number } | null> {
  const [row] = await database.run<{ share: number; moved_at: number }>(read, [tenantId]);
  return row === undefined ? null : { sharePercent: row.share, movedAt: row.moved_at };
}
