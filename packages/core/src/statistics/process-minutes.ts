import { timeOfId } from "../model/id.ts";
import { latencyBucket } from "../model/latency-histogram.ts";
import { int2Array, int8Array, textArray, timeArray } from "../postgres/arrays.ts";
import type { Statement, Write } from "../postgres/database.ts";

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
  /** What writes all of it: one statement, or none when nothing was counted. */
  writes(shard: number): readonly Write[];
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

/** A count of buckets that only one of the two has is that one's. */
const latencyTogether = `case when excluded.latency = '{}' then m.latency when m.latency = '{}' then excluded.latency else (
      select array_agg(coalesce(m.latency[b - m.latency_from + 1], 0) + coalesce(excluded.latency[b - excluded.latency_from + 1], 0) order by b)
      from generate_series(least(m.latency_from, excluded.latency_from),
        greatest(m.latency_from + cardinality(m.latency), excluded.latency_from + cardinality(excluded.latency)) - 1) as b) end`;

const latencyFromTogether = `case when excluded.latency = '{}' then m.latency_from when m.latency = '{}' then excluded.latency_from
      else least(m.latency_from, excluded.latency_from) end`;

const add: Statement = {
  name: "process-minutes-add",
  text: `insert into entente.process_minute as m
      (tenant_id, type, minute, shard, started, confirmed, failed, doubled, latency_from, latency)
    select r.tenant_id, r.type, r.minute, $10::int2, r.started, r.confirmed, r.failed, r.doubled, r.latency_from, r.latency::int4[]
    from unnest($1::text[], $2::text[], $3::timestamptz[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int2[], $9::text[])
      as r(tenant_id, type, minute, started, confirmed, failed, doubled, latency_from, latency)
    on conflict (tenant_id, type, minute, shard) do update set started = m.started + excluded.started,
      confirmed = m.confirmed + excluded.confirmed, failed = m.failed + excluded.failed, doubled = m.doubled + excluded.doubled,
      latency_from = ${latencyFromTogether}, latency = ${latencyTogether}`,
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
    writes(shard) {
      if (cells.size === 0) return [];
      // In one order for everybody, so that writers wait for each other instead of deadlocking.
      const rows = [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cell]) => cell);
      const latencies = rows.map(({ latency }) => consecutive(latency));
      const values = [
        textArray(rows.map(({ tenantId }) => tenantId)),
        textArray(rows.map(({ type }) => type)),
        timeArray(rows.map(({ minute }) => minute)),
        int8Array(rows.map(({ started }) => started)),
        int8Array(rows.map(({ confirmed }) => confirmed)),
        int8Array(rows.map(({ failed }) => failed)),
        int8Array(rows.map(({ doubled }) => doubled)),
        int2Array(latencies.map(({ from }) => from)),
        textArray(latencies.map(({ counts }) => `{${counts.join()}}`)),
        shard,
      ];
      return [{ statement: add, values }];
    },
  };
}

/** The counts of all buckets from the first to the last, those without any included. */
function consecutive(latency: ReadonlyMap<number, number>): { from: number; counts: number[] } {
  if (latency.size === 0) return { from: 0, counts: [] };
  const from = Math.min(...latency.keys());
  const counts = Array.from(
    { length: Math.max(...latency.keys()) - from + 1 },
    (_, n) => latency.get(from + n) ?? 0,
  );
  return { from, counts };
}
