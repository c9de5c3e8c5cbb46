import { type Attributes, type HrTime, ValueType } from "@opentelemetry/api";
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from "@opentelemetry/otlp-exporter-base/node-http";
import { MetricsExporterMetricsHelper } from "@opentelemetry/otlp-transformer";
import type { Resource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from "@opentelemetry/sdk-metrics";
import { type Exemplar, type ExemplifiedPoint, exemplarSerializer } from "./exemplars.ts";

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
  /** Of a bucket: its latest value that a process came from, with labels process_id, trace_id, span_id and caller. Seconds. */
  readonly exemplar?: {
    readonly labelSet: Readonly<Record<string, unknown>>;
    readonly value: number | null;
    readonly timestamp?: number;
  } | null;
}

/** Whether a trace is exported; null: none is. */
export type IsSampled = ((traceId: string, traceparent: string | null) => boolean) | null;

/** Exports what `/metrics` shows, under the same names, every minute or as OTEL_METRIC_EXPORT_INTERVAL says. Counted since the start. */
export function openMetricExport(
  resource: Resource,
  sources: readonly MetricSource[],
  environment: NodeJS.ProcessEnv,
  isSampled: IsSampled,
): { stop(): Promise<void> } {
  const startTime = hrTime(performance.timeOrigin);
  let collectedAt = 0;
  const interval = Number(environment.OTEL_METRIC_EXPORT_INTERVAL || 60_000);
  const reader = new PeriodicExportingMetricReader({
    exporter: metricExporter(),
    exportIntervalMillis: interval,
    exportTimeoutMillis: Math.min(interval, 30_000),
    metricProducers: [
      {
        async collect() {
          // Reading takes a while: what is measured meanwhile may be sent twice, and is not lost.
          const now = Date.now();
          const found = (await Promise.all(sources.map((source) => source.getMetricsAsJSON()))).flat();
          const exemplars = { since: collectedAt / 1_000, isSampled };
          const metrics = found.flatMap((metric) => metricData(metric, startTime, hrTime(now), exemplars));
          collectedAt = now;
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

/** OpenTelemetry's own, but for what it writes: with exemplars. */
function metricExporter(): PushMetricExporter {
  const type = "otlp_http_metric_exporter";
  const headers = { "Content-Type": "application/x-protobuf" };
  const options = convertLegacyHttpOptions({}, "METRICS", "v1/metrics", headers);
  const delegate = createOtlpHttpExportDelegate(
    options,
    exemplarSerializer,
    type,
    MetricsExporterMetricsHelper,
    undefined,
  );
  return {
    export: (metrics, done) => delegate.export(metrics, done),
    forceFlush: () => delegate.forceFlush(),
    shutdown: () => delegate.shutdown(),
  };
}

interface Exemplars {
  /** Epoch seconds; older ones were sent. */
  readonly since: number;
  readonly isSampled: IsSampled;
}

/** Summaries have no place in what is exported; there are none. */
export function metricData(
  metric: SourceMetric,
  startTime: HrTime,
  endTime: HrTime,
  wanted: Exemplars = { since: 0, isSampled: null },
): MetricData[] {
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
          dataPoints: histograms(metric, wanted).map(
            (one): ExemplifiedPoint => ({ startTime, endTime, ...one }),
          ),
        },
      ];
    default:
      return [];
  }
}

/** Buckets that count everything up to a bound become those that count what lies between two. */
function histograms(
  { name, values }: SourceMetric,
  wanted: Exemplars,
): { attributes: Attributes; value: Histogram; exemplars: readonly Exemplar[] }[] {
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
      exemplars: rows.flatMap(({ exemplar }) => exemplarOf(exemplar, wanted)),
    };
  });
}

function exemplarOf(given: SourceValue["exemplar"], { since, isSampled }: Exemplars): Exemplar[] {
  const { labelSet, value = null, timestamp = 0 } = given ?? {};
  if (value === null || labelSet?.process_id === undefined || timestamp < since) return [];
  const [traceId, spanId] = [String(labelSet.trace_id), String(labelSet.span_id)];
  const caller = labelSet.caller === undefined ? null : `00-${traceId}-${spanId}-${labelSet.caller}`;
  return [
    {
      time: hrTime(timestamp * 1_000),
      value,
      attributes: { process_id: String(labelSet.process_id) },
      span: isSampled?.(traceId, caller) === true ? { traceId, spanId } : null,
    },
  ];
}

function attributesOf(labels: SourceValue["labels"]): Attributes {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== undefined)) as Attributes;
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}
