import type { Database, Statement } from "@entente/core";
import { laneOf, type Position } from "@entente/core/model";
import { topUp } from "../contract/top-up.ts";

const sum: Statement = {
  name: "gateway-pending-units",
  text: `select coalesce(sum((j.data->>'units')::bigint), 0)::float8 as units
    from entente.journal j
    where j.lane = $1 and (j.xid, j.seq) > ($2::xid8, $3::int8) and j.tenant_id = $4 and j.key = $5 and j.type = $6
      and not exists (select from entente.process p where p.process_id = j.id and p.state in ('confirmed', 'failed'))`,
};

/**
 * Units of an account's top-ups that were accepted and have not ended.
 * `after` is any position known to be consumed; the nearer to the end, the less is read: in an outage that is one
 * lane's share of the backlog. Index: journal_reading.
 */
export async function pendingUnits(
  database: Database,
  tenantId: string,
  accountId: string,
  after: Position,
): Promise<number> {
  const lane = laneOf(tenantId, accountId);
  const [row] = await database.run<{ units: number }>(sum, [
    lane,
    after.xid,
    after.seq,
    tenantId,
    accountId,
    topUp.type,
  ]);
  return row?.units ?? 0;
}
