/** How far our audit log is behind the journals, read from the databases. */
import pg from "pg";

const cursors = "select journal, lane, xid::text, seq::text from entente.cursor where consumer = $1";

/** Age of the oldest entry after the cursors: one index probe a lane. */
const oldest = `select extract(epoch from clock_timestamp() - min(e.occurred_at))::float8 as seconds
  from unnest($1::int2[], $2::xid8[], $3::int8[]) as after (lane, xid, seq)
  cross join lateral (
    select occurred_at from entente.journal j where j.lane = after.lane and (j.xid, j.seq) > (after.xid, after.seq)
    order by j.xid, j.seq limit 1) e`;

type Cursor = { journal: string; lane: number; xid: string; seq: string };

export type AuditLag = {
  /** Seconds since the oldest entry that is in a journal and not in the log; 0: there is none. */
  seconds(): Promise<number>;
  close(): Promise<void>;
};

/** `urlOf` names a context's database. */
export async function openAuditLag(
  consumer: string,
  urlOf: (context: string) => Promise<string>,
): Promise<AuditLag> {
  const clients = new Map<string, pg.Client>();
  const connect = async (context: string): Promise<pg.Client> => {
    const known = clients.get(context);
    if (known !== undefined) return known;
    const client = new pg.Client({ connectionString: await urlOf(context) });
    clients.set(context, client);
    await client.connect();
    return client;
  };
  const log = await connect("audit");
  return {
    async seconds() {
      const { rows } = await log.query<Cursor>(cursors, [consumer]);
      if (rows.length === 0) throw new Error(`no cursor of ${consumer}: there is no audit log`);
      let most = 0;
      for (const [journal, places] of Map.groupBy(rows, (row) => row.journal)) {
        const client = await connect(journal);
        const standing = [places.map((p) => p.lane), places.map((p) => p.xid), places.map((p) => p.seq)];
        const found = await client.query<{ seconds: number | null }>(oldest, standing);
        most = Math.max(most, found.rows[0]?.seconds ?? 0);
      }
      return most;
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.end()));
    },
  };
}
