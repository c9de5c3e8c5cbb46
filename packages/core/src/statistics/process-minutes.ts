import { timeOfId } from "../model/id.ts";
import { latencyBucket } from "../model/latency-histogram.ts";
import { int2Array, int8Array, textArray, timeArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";

/**
 * What a batch adds to the statistics of processes, by tenant, process type and the minute in which a process was accepted.
 * Counted in the transaction of what is counted, so that the numbers are those of the facts, whatever crashes.
 */
export interface ProcessMinutes {
  /** A customer's wish was accepted: a process has started. */
  started(tenantId: string, type: string, processId: string): void;
  /** `by` is -1 for an end that turned out to be none. */
  ended(tenantId: string, type: string, processId: string, as: "confirmed" | "failed", by: 1 | -1): void;
  /** Its customer was shown that it is confirmed, this many milliseconds after it was accepted. */
  confirmedAfter(tenantId: string, type: string, processId: string, ms: number): void;
  /** It had an effect a second time. */
  doubled(tenantId: string, type: string, processId: string): void;
  /** Writes all of it, in one statement; none when nothing was counted. */
  write(connection: Connection, shard: number): Promise<void>;
}

export const minuteMs = 60_000;

/** Everything of one tenant, type and minute. */
interface Cell {
  readonly tenantId: string;
  readonly type: string;
  readonly minute: number;
  started: number;
  confirmed: number;
  failed: number;
  doubled: number;
  readonly latency: Map<number, number>;
}

const add: Statement = {
  name: "process-minutes-add",
  text: `insert into entente.process_minute as m (tenant_id, type, figure, minute, bucket, shard, total)
    select n.tenant_id, n.type, n.figure, n.minute, n.bucket, $7::int2, n.total
    from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::int2[], $6::int8[])
      as n(tenant_id, type, figure, minute, bucket, total)
    on conflict (tenant_id, type, figure, minute, bucket, shard) do update set total = m.total + excluded.total`,
};

export function openProcessMinutes(): ProcessMinutes {
  const cells = new Map<string, Cell>();
  /** Nearly all of a batch belongs to one cell: found without making its name. */
  let last: Cell | null = null;

  function cellOf(tenantId: string, type: string, processId: string): Cell {
    const minute = Math.floor(timeOfId(processId) / minuteMs) * minuteMs;
    if (last?.minute === minute && last.type === type && last.tenantId === tenantId) return last;
    const name = `${tenantId}\u0000${type}\u0000${minute}`;
    let cell = cells.get(name);
    if (cell === undefined) {
      cell = { tenantId, type, minute, started: 0, confirmed: 0, failed: 0, doubled: 0, latency: new Map() };
      cells.set(name, cell);
    }
    last = cell;
    return cell;
  }

  return {
    started(tenantId, type, processId) {
      cellOf(tenantId, type, processId).started++;
    },
    ended(tenantId, type, processId, as, by) {
      cellOf(tenantId, type, processId)[as] += by;
    },
    confirmedAfter(tenantId, type, processId, ms) {
      const { latency } = cellOf(tenantId, type, processId);
      const bucket = latencyBucket(ms);
      latency.set(bucket, (latency.get(bucket) ?? 0) + 1);
    },
    doubled(tenantId, type, processId) {
      cellOf(tenantId, type, processId).doubled++;
    },
    async write(connection, shard) {
      if (cells.size === 0) return;
      // In one order for everybody, so that writers wait for each other instead of deadlocking.
      const rows = [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, cell]) => rowsOf(cell));
      if (rows.length === 0) return;
      await connection.run(add, [
        textArray(rows.map(({ cell }) => cell.tenantId)),
        textArray(rows.map(({ cell }) => cell.type)),
        textArray(rows.map(({ figure }) => figure)),
        timeArray(rows.map(({ cell }) => cell.minute)),
        int2Array(rows.map(({ bucket }) => bucket)),
        int8Array(rows.map(({ total }) => total)),
        shard,
      ]);
    },
  };
}

interface Row {
  readonly cell: Cell;
  readonly figure: string;
  readonly bucket: number;
  readonly total: number;
}

function rowsOf(cell: Cell): Row[] {
  const rows: Row[] = [];
  for (const figure of ["started", "confirmed", "failed", "doubled"] as const)
    if (cell[figure] !== 0) rows.push({ cell, figure, bucket: 0, total: cell[figure] });
  for (const bucket of [...cell.latency.keys()].sort((a, b) => a - b))
    rows.push({ cell, figure: "latency", bucket, total: cell.latency.get(bucket) ?? 0 });
  return rows;
}
