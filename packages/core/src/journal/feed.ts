import { compareXids, type Entry, journalStart, type Position } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { type EntryRow, entryOf, readJournalIdentity } from "./read.ts";

/**
 * A journal for subscribers outside: read-only, one tenant, in journal order, by an opaque cursor that the
 * subscriber keeps. The cursor names the journal's generation, so a restored journal is noticed.
 */
export interface FeedPage {
  readonly entries: readonly Entry[];
  /** Where to go on; the same as given when nothing is new. */
  readonly cursor: string;
}

const readFeed: Statement = {
  name: "journal-feed",
  text: `select e.* from generate_series(0, 7) as l(lane)
    cross join lateral (
      select * from entente.journal j
      where j.lane = l.lane and (j.xid, j.seq) > ($1::xid8, $2::int8)
        and j.xid < pg_snapshot_xmin(pg_current_snapshot()) and j.tenant_id = $3
      order by j.xid, j.seq limit $4) e
    order by e.xid, e.seq limit $4`,
};

/**
 * Entries of a tenant after the cursor (`null`: from the start), at most `limit` (1..1,000).
 * Errors: `cursor-invalid` (refused); RangeError for another limit; `cursor-outdated` (conflict) when the cursor belongs to an earlier
 * generation, or to a place this journal has not come to yet because it was restored to an earlier point.
 */
export async function readFeedPage(
  database: Database,
  tenantId: string,
  cursor: string | null,
  limit: number,
): Promise<FeedPage> {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
    throw new RangeError("a feed page holds 1 to 1,000 entries");
  }
  const { generation, nextXid } = await readJournalIdentity(database);
  const after = cursor === null ? journalStart : decodeCursor(cursor, generation, nextXid);
  const rows = await database.run<EntryRow>(readFeed, [after.xid, after.seq, tenantId, limit]);
  const entries = rows.map(entryOf);
  const last = entries.at(-1)?.position ?? after;
  return { entries, cursor: encodeCursor(generation, last) };
}

function encodeCursor(generation: string, position: Position): string {
  return Buffer.from(`${generation}.${position.xid}.${position.seq}`).toString("base64url");
}

/** Largest values of xid8 and int8. */
const largest: Position = { xid: "18446744073709551615", seq: "9223372036854775807" };

function decodeCursor(cursor: string, generation: string, nextXid: string): Position {
  const match = /^([0-9a-f-]{36})\.(0|[1-9]\d{0,19})\.(0|[1-9]\d{0,18})$/.exec(
    Buffer.from(cursor, "base64url").toString(),
  );
  const [, named, xid, seq] = match ?? [];
  if (
    named === undefined ||
    xid === undefined ||
    seq === undefined ||
    compareXids(xid, largest.xid) > 0 ||
    compareXids(seq, largest.seq) > 0
  ) {
    throw new Failure("refused", "cursor-invalid", "This is not a cursor of this feed.");
  }
  if (named !== generation || compareXids(xid, nextXid) >= 0) {
    throw new Failure(
      "conflict",
      "cursor-outdated",
      "The journal was re-created or restored since this cursor was given. Start again from the beginning and compare.",
    );
  }
  return { xid, seq };
}
