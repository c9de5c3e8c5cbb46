import type { HrTime } from "@opentelemetry/api";
import { ProtobufMetricsSerializer } from "@opentelemetry/otlp-transformer";
import {
  type DataPoint,
  DataPointType,
  type Histogram,
  type ResourceMetrics,
} from "@opentelemetry/sdk-metrics";

/**
 * Exemplars of histograms: single values with the process and the span they came from, on a point that is a sum of many. OpenTelemetry's own
 * SDK for JavaScript neither keeps nor writes any (opentelemetry-js #5147), so they are put into what its serializer has written.
 */
export interface Exemplar {
  readonly time: HrTime;
  readonly value: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** Null where that trace is not exported. */
  readonly span: { readonly traceId: string; readonly spanId: string } | null;
}

/** A histogram's point, which the SDK's types know without exemplars. */
export interface ExemplifiedPoint extends DataPoint<Histogram> {
  readonly exemplars?: readonly Exemplar[];
}

export const exemplarSerializer = {
  ...ProtobufMetricsSerializer,
  serializeRequest(metrics: ResourceMetrics): Uint8Array | undefined {
    const written = ProtobufMetricsSerializer.serializeRequest(metrics);
    return written === undefined ? undefined : withExemplars(written, metrics);
  },
};

/** Numbers of fields in opentelemetry-proto; their messages stand in the order of what was written. */
const field = {
  resourceMetrics: 1,
  scopeMetrics: 2,
  metric: 2,
  histogram: 9,
  point: 1,
  exemplar: 8,
} as const;

function withExemplars(request: Uint8Array, { scopeMetrics }: ResourceMetrics): Uint8Array {
  const isExemplified = scopeMetrics.some(({ metrics }) =>
    metrics.some((metric) => exemplarsOf(metric).length > 0),
  );
  if (!isExemplified) return request;
  return within(request, field.resourceMetrics, (resource) =>
    within(resource, field.scopeMetrics, (scope, s) =>
      within(scope, field.metric, (metric, m) => {
        const points = exemplarsOf(scopeMetrics[s]?.metrics[m]);
        if (points.length === 0) return metric;
        return within(metric, field.histogram, (histogram) =>
          within(histogram, field.point, (point, p) =>
            Buffer.concat([
              point,
              ...(points[p] ?? []).map((one) => delimited(field.exemplar, exemplar(one))),
            ]),
          ),
        );
      }),
    ),
  );
}

/** By point; empty when none of them has any. */
function exemplarsOf(
  metric: ResourceMetrics["scopeMetrics"][number]["metrics"][number] | undefined,
): (readonly Exemplar[])[] {
  if (metric?.dataPointType !== DataPointType.HISTOGRAM) return [];
  const points = metric.dataPoints.map(({ exemplars = [] }: ExemplifiedPoint) => exemplars);
  return points.some((own) => own.length > 0) ? points : [];
}

/** The message with each embedded message of a field replaced; `n` counts them. What else is in it stays as it is. */
function within(
  message: Uint8Array,
  wanted: number,
  change: (inner: Uint8Array, n: number) => Uint8Array,
): Uint8Array {
  const parts: Uint8Array[] = [];
  let found = 0;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++] as number;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const start = at;
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 0) varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = varint();
      const inner = message.subarray(at, at + length);
      at += length;
      if (number === wanted) {
        parts.push(delimited(number, change(inner, found++)));
        continue;
      }
    } else throw new Error(`the serializer wrote wire type ${wire}`);
    parts.push(message.subarray(start, at));
  }
  return Buffer.concat(parts);
}

/** Message Exemplar: 2 time, 3 value, 4 span id, 5 trace id, 7 attributes. */
function exemplar({ time: [seconds, nanos], value, attributes, span }: Exemplar): Uint8Array {
  const fixed = Buffer.alloc(18);
  fixed[0] = (2 << 3) | 1;
  fixed.writeBigUInt64LE(BigInt(seconds) * 1_000_000_000n + BigInt(nanos), 1);
  fixed[9] = (3 << 3) | 1;
  fixed.writeDoubleLE(value, 10);
  return Buffer.concat([
    fixed,
    ...(span === null
      ? []
      : [delimited(4, Buffer.from(span.spanId, "hex")), delimited(5, Buffer.from(span.traceId, "hex"))]),
    ...Object.entries(attributes).map(([key, text]) =>
      delimited(
        7,
        Buffer.concat([delimited(1, Buffer.from(key)), delimited(2, delimited(1, Buffer.from(text)))]),
      ),
    ),
  ]);
}

function delimited(number: number, inner: Uint8Array): Uint8Array {
  const head = [number * 8 + 2];
  let length = inner.length;
  for (; length > 127; length = Math.floor(length / 128)) head.push((length & 127) | 128);
  head.push(length);
  return Buffer.concat([Uint8Array.from(head), inner]);
}
