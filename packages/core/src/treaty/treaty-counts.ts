import { int8Array, textArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";

/** Business figures of treaties. Counted in the transaction of what they count, so that they add up. */
export type CountName =
  | "requests"
  | "states"
  | "retries"
  | "callbacks"
  | "callback-latency-ms"
  | "reconciliations"
  | "corrections"
  | "duplicates"
  | "conflicts"
  | "error-codes"
  | "deadlines-missed"
  | "fallout";

export interface Counts {
  add(treaty: string, name: CountName, label?: string, by?: number): void;
  /** Writes what was added, in one statement. */
  write(connection: Connection): Promise<void>;
}

const count: Statement = {
  name: "treaty-count",
  text: `insert into entente.treaty_count as c (treaty, name, label, shard, total)
    select n.treaty, n.name, n.label, $4::int2, n.total
    from unnest($1::text[], $2::text[], $3::text[], $5::int8[]) as n(treaty, name, label, total)
    on conflict (treaty, name, label, shard) do update set total = c.total + excluded.total`,
};

/** `shard`: of this process, so that processes do not wait for each other's rows. */
export function openCounts(shard: number): Counts {
  const totals = new Map<string, { treaty: string; name: string; label: string; total: number }>();
  return {
    add(treaty, name, label = "", by = 1) {
      const place = `${treaty}\u0000${name}\u0000${label}`;
      const known = totals.get(place);
      if (known === undefined) totals.set(place, { treaty, name, label: label.slice(0, 100), total: by });
      else known.total += by;
    },
    async write(connection) {
      if (totals.size === 0) return;
      // In one order for everybody, so that writers wait for each other instead of deadlocking.
      const rows = [...totals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
      await connection.run(count, [
        textArray(rows.map((r) => r.treaty)),
        textArray(rows.map((r) => r.name)),
        textArray(rows.map((r) => r.label)),
        shard,
        int8Array(rows.map((r) => Math.round(r.total))),
      ]);
    },
  };
}

export interface TreatyCount {
  readonly treaty: string;
  readonly name: CountName;
  readonly label: string;
  readonly total: number;
}

/** All figures of a context, over all processes and since the beginning. */
export async function readCounts(database: Database): Promise<TreatyCount[]> {
  const rows = await database.execute<{ treaty: string; name: CountName; label: string; total: string }>(
    "select treaty, name, label, sum(total)::text as total from entente.treaty_count group by 1, 2, 3 order by 1, 2, 3",
  );
  return rows.map((row) => ({ ...row, total: Number(row.total) }));
}
