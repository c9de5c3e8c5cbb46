import { type Attributes, type HrTime, ValueType } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import type { Resource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";

/** A registry of `prom-client`, as far as it is read here. */
export interface MetricSource {
  getMetricsAsJSON(): Promise<readonly SourceMetric[]>;
}

export interface SourceMetric {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly values: readonly SourceValue[];
}

interface SourceValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  /** Of a histogram: its name with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string;
}

/** Exports what `/metrics` shows, under the same names, every minute or as OTEL_METRIC_EXPORT_INTERVAL says. Counted since the start. */
export function openMetricExport(
  resource: Resource,
  sources: readonly MetricSource[],
  environment: NodeJS.ProcessEnv,
): { stop(): Promise<void> } {
  const startTime = hrTime(performance.timeOrigin);
  const interval = Number(environment.OTEL_METRIC_EXPORT_INTERVAL || 60_000);
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(),
    exportIntervalMillis: interval,
    exportTimeoutMillis: Math.min(interval, 30_000),
    metricProducers: [
      {
        async collect() {
          const found = (await Promise.all(sources.map((source) => source.getMetricsAsJSON()))).flat();
          const metrics = found.flatMap((metric) => metricData(metric, startTime, hrTime(Date.now())));
          return {
            resourceMetrics: { resource, scopeMetrics: [{ scope: { name: "entente" }, metrics }] },
            errors: [],
          };
        },
      },
    ],
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  return { stop: () => provider.shutdown() };
}

/** Summaries have no place in what is exported; there are none. */
export function metricData(metric: SourceMetric, startTime: HrTime, endTime: HrTime): MetricData[] {
  const { name, help: description, values } = metric;
  const common = {
    descriptor: { name, description, unit: "", valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const points = values.map(({ labels, value }): DataPoint<number> => {
    return { startTime, endTime, attributes: attributesOf(labels), value };
  });
  switch (metric.type) {
    case "counter":
      return [{ ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points }];
    case "gauge":
      return [{ ...common, dataPointType: DataPointType.GAUGE, dataPoints: points }];
    case "histogram":
      return [
        {
          ...common,
          dataPointType: DataPointType.HISTOGRAM,
          dataPoints: histograms(metric).map((one) => ({ startTime, endTime, ...one })),
        },
      ];
    default:
      return [];
  }
}

/** Buckets that count everything up to a bound become those that count what lies between two. */
function histograms({ name, values }: SourceMetric): { attributes: Attributes; value: Histogram }[] {
  const series = Map.groupBy(values, ({ labels: { le: _bound, ...labels } }) => JSON.stringify(labels));
  return [...series.values()].map((rows) => {
    const buckets = rows
      .filter(({ metricName }) => metricName === `${name}_bucket`)
      .map(({ labels, value }) => ({ bound: Number(labels.le === "+Inf" ? Infinity : labels.le), value }))
      .sort((a, b) => a.bound - b.bound);
    const of = (suffix: string) =>
      rows.find(({ metricName }) => metricName === `${name}${suffix}`)?.value ?? 0;
    const counts = buckets.map(({ value }, i) => value - (buckets[i - 1]?.value ?? 0));
    const boundaries = buckets.map(({ bound }) => bound).filter(Number.isFinite);
    const { le: _bound, ...labels } = rows[0]?.labels ?? {};
    return {
      attributes: attributesOf(labels),
      value: { buckets: { boundaries, counts }, sum: of("_sum"), count: of("_count") },
    };
  });
}

function attributesOf(labels: SourceValue["labels"]): Attributes {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== undefined)) as Attributes;
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
