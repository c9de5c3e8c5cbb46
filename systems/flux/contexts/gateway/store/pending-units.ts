import type { Database, Statement } from "@entente/core";
import { laneOf, type Position } from "@entente/core/model";
import { topUp } from "../contract/top-up.ts";

/** Entries that one answer reads at most: 3 to 11 ms with a million waiting (PostgreSQL 18.4, two cores). */
export const entriesRead = 5_000;

/** What an account has under way. */
export interface Pending {
  /** Whole credit units. */
  readonly units: number;
  /** True when older top-ups of the account may be under way besides: the lane's backlog is longer than was read. */
  readonly atLeast: boolean;
}

const sum: Statement = {
  name: "gateway-pending-units",
  text: `select count(*)::int as entries, coalesce(sum((j.data->>'units')::bigint) filter (
        where j.tenant_id = $4 and j.key = $5 and j.type = $6 and not exists (
          select from entente.process p
          where p.process_id = j.id and (p.state in ('confirmed', 'failed') or p.outcome is not null))), 0)::float8 as units
    from (
      select id, tenant_id, key, type, data from entente.journal
      where lane = $1 and (xid, seq) > ($2::xid8, $3::int8) order by xid desc, seq desc limit $7) j`,
};

/**
 * Units of an account's top-ups that were accepted and have not ended, as far as the newest entries of its lane tell.
 * `after` is any position known to be consumed; the nearer to the end, the less is read. Index: journal_reading.
 *
 * Bounded, because in an outage the lane's backlog grows without an end, and customers look at their balance most just then.
 * Exact up to 5,000 entries in the lane (about 40,000 in all); beyond that `atLeast` says that it may be more. The newest
 * are read, because whoever looks has mostly just asked for something. Refused: an index by key, which every insert would pay for;
 * a tally per account in memory, which every edge process would have to build from the whole backlog when it starts.
 */
export async function pendingUnits(
  database: Database,
  tenantId: string,
  accountId: string,
  after: Position,
): Promise<Pending> {
  const [row] = await database.run<{ entries: number; units: number }>(sum, [
    laneOf(tenantId, accountId),
    after.xid,
    after.seq,
    tenantId,
    accountId,
    topUp.type,
    entriesRead,
  ]);
  return { units: row?.units ?? 0, atLeast: row?.entries === entriesRead };
}
