import type { Position } from "../model/entry.ts";
import { laneCount } from "../model/lane.ts";
import type { Connection, Statement } from "../postgres/database.ts";

/** Which journal it is, and how far its readers can see in it now. */
export interface JournalEnd {
  readonly generation: string;
  /** As in readJournalIdentity. */
  readonly nextXid: string;
  /** By lane: the last entry a reader could be given, or the start of an empty lane. */
  readonly positions: readonly Position[];
  /**
   * It holds entries of transactions its server has not come to yet, as after a dump was loaded into a younger cluster. Readers
   * do not see those until the server has counted that far, which may take months, and then take them for new.
   */
  readonly aheadOfServer: boolean;
}

/**
 * What commits later is never below these positions: like the readers, it stops at the oldest transaction still running.
 * Lock: none. Index: journal_reading, two descents per lane and partition.
 */
const journalEnd: Statement = {
  name: "journal-end",
  text: `select i.generation, pg_snapshot_xmax(s.seen) as next_xid, coalesce(e.xid, '0') as xid, coalesce(e.seq, 0) as seq,
      exists (select from entente.journal j where j.lane = l.lane and j.xid >= pg_snapshot_xmax(s.seen)) as ahead
    from entente.journal_identity i cross join pg_current_snapshot() as s(seen)
    cross join generate_series(0, $1::int - 1) as l(lane)
    left join lateral (
      select xid, seq from entente.journal j
      where j.lane = l.lane and j.xid < pg_snapshot_xmin(s.seen)
      order by j.xid desc, j.seq desc limit 1) e on true
    order by l.lane`,
};

interface EndRow extends Record<string, unknown> {
  generation: string;
  next_xid: string;
  xid: string;
  seq: string;
  ahead: boolean;
}

export async function readJournalEnd(journal: Connection): Promise<JournalEnd> {
  const rows = await journal.run<EndRow>(journalEnd, [laneCount]);
  const [first] = rows;
  if (first === undefined) throw new Error("journal_identity has no row: the schema was not migrated");
  return {
    generation: first.generation,
    nextXid: first.next_xid,
    positions: rows.map(({ xid, seq }) => ({ xid, seq })),
    aheadOfServer: rows.some((row) => row.ahead),
  };
}
