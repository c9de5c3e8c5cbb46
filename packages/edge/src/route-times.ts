import type { Metric } from "prom-client";
import { type Exemplar, type Exemplified, exemplarOf } from "./exemplar.ts";

/** Upper bounds in seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Series {
  readonly labels: { readonly method: string; readonly route: string; readonly status: string };
  readonly buckets: Float64Array;
  /** The latest value of each bucket, the last being what is above all bounds, that a process came from. */
  readonly exemplars: (Exemplar | undefined)[];
  sum: number;
  count: number;
}

/** Counts the answers of one route. */
export interface RouteTimes {
  /** `started`: the command that the request became, if it did. */
  answered(status: number, tookMs: number, started?: Exemplified | null): void;
}

/**
 * Request durations by route and status class, as a Prometheus histogram.
 * Kept in plain arrays that the scrape reads, because a labelled histogram of prom-client builds its label key per request.
 */
export class RequestDurations {
  readonly name = "entente_http_request_duration_seconds";
  readonly help = "Time from routing to answer, by route and status class.";
  private readonly all: Series[] = [];

  route(method: string, route: string): RouteTimes {
    const byClass: (Series | undefined)[] = [];
    return {
      answered: (status, tookMs, started = null) => {
        const statusClass = (status / 100) | 0;
        const series = byClass[statusClass] ?? this.open(byClass, statusClass, method, route);
        const seconds = tookMs / 1_000;
        series.sum += seconds;
        series.count++;
        let bucket = 0;
        while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket++;
        if (bucket < bounds.length) (series.buckets[bucket] as number)++;
        if (started !== null) series.exemplars[bucket] = exemplarOf(started, seconds);
      },
    };
  }

  private open(byClass: (Series | undefined)[], statusClass: number, method: string, route: string): Series {
    const labels = { method, route, status: `${statusClass}xx` };
    const buckets = new Float64Array(bounds.length);
    const series: Series = { labels, buckets, exemplars: [], sum: 0, count: 0 };
    byClass[statusClass] = series;
    this.all.push(series);
    return series;
  }

  /** What a Prometheus registry asks of a metric. */
  asMetric(): Metric<string> {
    const metric = { name: this.name, help: this.help, get: async () => this.read(), reset: () => {} };
    // Registries only ask for name, help and get; the type lists what prom-client's own classes have besides.
    return metric as unknown as Metric<string>;
  }

  private read() {
    const values = this.all.flatMap(({ labels, buckets, exemplars, sum, count }) => {
      let upTo = 0;
      const metricName = `${this.name}_bucket`;
      const rows = bounds.map((le, i) => {
        upTo += buckets[i] as number;
        return { metricName, labels: { ...labels, le: String(le) }, value: upTo, exemplar: exemplars[i] };
      });
      return [
        ...rows,
        { metricName, labels: { ...labels, le: "+Inf" }, value: count, exemplar: exemplars[bounds.length] },
        { metricName: `${this.name}_sum`, labels, value: sum },
        { metricName: `${this.name}_count`, labels, value: count },
      ];
    });
    return { name: this.name, help: this.help, type: "histogram", aggregator: "sum", values };
  }
}
