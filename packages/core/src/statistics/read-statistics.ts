import { Failure } from "../model/failure.ts";
import type { ProcessCounts } from "../model/fitness.ts";
import { type LatencyHistogram, latencyBucket, latencyWithin } from "../model/latency-histogram.ts";
import type { Database, Statement } from "../postgres/database.ts";

/** How long the parts are that a period is shown in. */
export const resolutions = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
export type Resolution = keyof typeof resolutions;

/** Parts of a period at most, and longest period in days. */
export const partsAllowed = 1_500;
export const daysAllowed = 92;

/** Which statistics. Times in epoch milliseconds, business time; `until` itself is left out. */
export interface StatisticsQuestion {
  readonly tenantId: string;
  /** Process types; empty: all of them. */
  readonly types: readonly string[];
  readonly from: number;
  readonly until: number;
  readonly resolution: Resolution;
}

export interface StatisticsPart extends ProcessCounts {
  /** Where the part begins. */
  readonly from: number;
}

export interface TypeStatistics {
  readonly type: string;
  /** Of the whole period. */
  readonly total: ProcessCounts;
  /** In order of time; parts in which nothing started are left out. */
  readonly parts: readonly StatisticsPart[];
}

/** How long customers have waited for processes of a type. */
export interface TypeWaits {
  readonly type: string;
  readonly started: number;
  readonly inFlight: number;
  /** Of those confirmed until they were, and of those in flight until the end of the period at least, as far as whole minutes tell. */
  readonly p90Ms: number | null;
}

/** Reads what process-minutes.ts counts. */
export interface ProcessStatistics {
  /**
   * Whole minutes: a period is widened to them. Bounds: `partsAllowed` parts and `daysAllowed` days.
   * Errors: `statistics-period-invalid` (refused), `database-unavailable`.
   */
  read(question: StatisticsQuestion): Promise<readonly TypeStatistics[]>;
  /** Of every type, what customers have waited until `until`: unlike `read` with those who still wait. Errors and bounds as there, by minutes. */
  waits(period: Pick<StatisticsQuestion, "tenantId" | "from" | "until">): Promise<readonly TypeWaits[]>;
}

const readMinutes: Statement = {
  name: "statistics-read",
  text: `with m as materialized (
      select *, (extract(epoch from date_bin(make_interval(secs => $5), minute, 'epoch')) * 1000)::float8 as part
      from entente.process_minute
      where tenant_id = $1 and type = any($2::text[])
        and minute >= to_timestamp($3::float8 / 1000) and minute < to_timestamp($4::float8 / 1000))
    select type, figure, 0 as bucket, part, sum(total)::float8 as total
    from m cross join lateral (values ('started', started), ('confirmed', confirmed), ('failed', failed), ('doubled', doubled))
      as f(figure, total)
    where total <> 0 group by type, part, figure
    union all
    select type, 'latency', latency_from + place - 1, part, sum(total)::float8
    from m cross join unnest(latency) with ordinality as b(total, place)
    where total <> 0 group by type, part, latency_from + place
    order by type, part, bucket`,
};

interface MinuteRow extends Record<string, unknown> {
  type: string;
  figure: "started" | "confirmed" | "failed" | "doubled" | "latency";
  bucket: number;
  part: number;
  total: number;
}

export function openProcessStatistics(database: Database, known: readonly string[]): ProcessStatistics {
  async function rowsOf(question: StatisticsQuestion, asked: readonly string[]): Promise<MinuteRow[]> {
    const { tenantId, resolution } = question;
    const { from, until } = wholeMinutes(question);
    const perPart = resolutions[resolution] / 1_000;
    return database.run<MinuteRow>(readMinutes, [tenantId, asked, from, until, perPart]);
  }
  return {
    async waits({ tenantId, from, until }) {
      const rows = await rowsOf({ tenantId, types: [], from, until, resolution: "minute" }, known);
      const byType = Map.groupBy(rows, (row) => row.type);
      return known.map((type) => {
        const own = byType.get(type) ?? [];
        const latencies = latenciesOf(own);
        for (const [minute, found] of Map.groupBy(own, (row) => row.part)) {
          const { inFlight } = countsOf(found);
          // As long as the last of the minute at least: a process that has just come in must not look as if it were slow.
          const bucket = latencyBucket(until - minute - resolutions.minute);
          if (inFlight > 0) latencies.set(bucket, (latencies.get(bucket) ?? 0) + inFlight);
        }
        const { started, inFlight } = countsOf(own);
        return { type, started, inFlight, p90Ms: percentiles(latencies).p90Ms };
      });
    },
    async read(question) {
      const { types } = question;
      const asked = types.length === 0 ? known : types;
      const rows = await rowsOf(question, asked);
      const byType = Map.groupBy(rows, (row) => row.type);
      return asked.map((type) => {
        const own = byType.get(type) ?? [];
        const parts = Map.groupBy(own, (row) => row.part);
        return {
          type,
          total: countsOf(own),
          parts: [...parts].map(([at, found]) => ({ from: at, ...countsOf(found) })),
        };
      });
    },
  };
}

function wholeMinutes({ from, until, resolution }: StatisticsQuestion): { from: number; until: number } {
  const invalid = (text: string) =>
    new Failure("refused", "statistics-period-invalid", text, { fields: { partsAllowed, daysAllowed } });
  if (!(until > from)) throw invalid("The period ends before it begins.");
  if (until - from > daysAllowed * resolutions.day)
    throw invalid(`A period has ${daysAllowed} days at most.`);
  if ((until - from) / resolutions[resolution] > partsAllowed)
    throw invalid(
      `A period has ${partsAllowed} parts at most: take a coarser resolution or a shorter period.`,
    );
  const minute = resolutions.minute;
  return { from: Math.floor(from / minute) * minute, until: Math.ceil(until / minute) * minute };
}

function countsOf(rows: readonly MinuteRow[]): ProcessCounts {
  const sums = { started: 0, confirmed: 0, failed: 0, doubled: 0 };
  for (const { figure, total } of rows) if (figure !== "latency") sums[figure] += total;
  const latencies = latenciesOf(rows);
  const { started, confirmed, failed } = sums;
  // Ends are counted at once, starts a moment later: in between there may be more of the former.
  return { ...sums, inFlight: Math.max(0, started - confirmed - failed), ...percentiles(latencies) };
}

function latenciesOf(rows: readonly MinuteRow[]): Map<number, number> {
  const latencies = new Map<number, number>();
  for (const { figure, bucket, total } of rows)
    if (figure === "latency") latencies.set(bucket, (latencies.get(bucket) ?? 0) + total);
  return latencies;
}

function percentiles(latencies: LatencyHistogram) {
  const [p50Ms, p90Ms, p99Ms] = [0.5, 0.9, 0.99].map((share) => latencyWithin(latencies, share));
  return { p50Ms: p50Ms ?? null, p90Ms: p90Ms ?? null, p99Ms: p99Ms ?? null };
}
