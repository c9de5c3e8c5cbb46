import type { LanePosition } from "../journal/read.ts";
import { int2Array, int4Array, int8Array, xid8Array } from "../postgres/arrays.ts";
import type { Database, Statement } from "../postgres/database.ts";

/** One index probe for each lane of each consumer. */
const oldest: Statement = {
  name: "lag-oldest",
  text: `select after.n, min(e.occurred_at) as occurred_at
    from unnest($1::int4[], $2::int2[], $3::xid8[], $4::int8[]) as after(n, lane, xid, seq)
    cross join lateral (
      select occurred_at from entente.journal j
      where j.lane = after.lane and (j.xid, j.seq) > (after.xid, after.seq)
      order by j.xid, j.seq limit 1) e
    group by after.n`,
};

/**
 * How far consumers of a journal are behind: the age in milliseconds of the oldest entry each has not consumed, 0 when there is none.
 * `cursors`: of each consumer, where it stands by lane. In the order asked for.
 */
export async function lagsMs(
  journal: Database,
  cursors: readonly (readonly LanePosition[])[],
  now: number,
): Promise<number[]> {
  const places = cursors.flatMap((lanes, n) => lanes.map(({ lane, position }) => ({ n, lane, position })));
  const rows = await journal.run<{ n: number; occurred_at: number }>(oldest, [
    int4Array(places.map(({ n }) => n)),
    int2Array(places.map(({ lane }) => lane)),
    xid8Array(places.map(({ position }) => position.xid)),
    int8Array(places.map(({ position }) => position.seq)),
  ]);
  const lags = cursors.map(() => 0);
  for (const { n, occurred_at: at } of rows) lags[n] = Math.max(0, now - at);
  return lags;
}
