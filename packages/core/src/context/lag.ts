import type { Position } from "../model/entry.ts";
import { int2Array, int8Array, xid8Array } from "../postgres/arrays.ts";
import type { Database, Statement } from "../postgres/database.ts";

const cursors: Statement = {
  name: "lag-cursors",
  text: "select lane, xid, seq from entente.cursor where consumer = $1 and journal = $2",
};

const oldest: Statement = {
  name: "lag-oldest",
  text: `select min(e.occurred_at) as occurred_at
    from unnest($1::int2[], $2::xid8[], $3::int8[]) as after(lane, xid, seq)
    cross join lateral (
      select occurred_at from entente.journal j
      where j.lane = after.lane and (j.xid, j.seq) > (after.xid, after.seq)
      order by j.xid, j.seq limit 1) e`,
};

/** Where a consumer stands in a journal. Kept by the caller, so that the lag is known while the consumer's database is away. */
export async function readCursors(
  database: Database,
  consumer: string,
  journal: string,
): Promise<{ lane: number; position: Position }[]> {
  const rows = await database.run<{ lane: number; xid: string; seq: string }>(cursors, [consumer, journal]);
  return rows.map((row) => ({ lane: row.lane, position: { xid: row.xid, seq: row.seq } }));
}

/** Age in milliseconds of the oldest entry not consumed; 0 when there is none. One index probe per lane. */
export async function lagMs(
  journal: Database,
  positions: readonly { readonly lane: number; readonly position: Position }[],
  now: number,
): Promise<number> {
  const [row] = await journal.run<{ occurred_at: number | null }>(oldest, [
    int2Array(positions.map((p) => p.lane)),
    xid8Array(positions.map((p) => p.position.xid)),
    int8Array(positions.map((p) => p.position.seq)),
  ]);
  const at = row?.occurred_at ?? null;
  return at === null ? 0 : Math.max(0, now - at);
}
