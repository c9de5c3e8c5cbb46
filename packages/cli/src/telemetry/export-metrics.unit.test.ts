import assert from "node:assert/strict";
import { test } from "node:test";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import { exemplarSerializer } from "./exemplars.ts";
import { metricData } from "./export-metrics.ts";
import { startOtlpReceiver } from "./otlp-receiver.fixture.ts";

test("buckets that count up to a bound become those that count between two, by labels", () => {
  const name = "took_seconds";
  const of = (route: string, counts: readonly number[], sum: number) => [
    ...["0.1", "1", "+Inf"].map((le, i) => {
      return { metricName: `${name}_bucket`, labels: { route, le }, value: counts[i] ?? 0 };
    }),
    { metricName: `${name}_sum`, labels: { route }, value: sum },
    { metricName: `${name}_count`, labels: { route }, value: counts[2] ?? 0 },
  ];
  const values = [...of("a", [2, 5, 6], 9), ...of("b", [0, 0, 1], 30)];
  const [metric] = metricData({ name, help: "", type: "histogram", values }, [1, 0], [2, 0]);
  assert.equal(metric?.dataPointType, DataPointType.HISTOGRAM);
  assert.deepEqual(
    metric.dataPoints.map(({ attributes, value }) => [attributes, value]),
    [
      [{ route: "a" }, { buckets: { boundaries: [0.1, 1], counts: [2, 3, 1] }, sum: 9, count: 6 }],
      [{ route: "b" }, { buckets: { boundaries: [0.1, 1], counts: [0, 0, 1] }, sum: 30, count: 1 }],
    ],
  );
});

test("a bucket's latest value that a process came from is told once, and names a span only where its trace is exported", async () => {
  const name = "took_seconds";
  const labelSet = { process_id: "p-1", trace_id: "a".repeat(32), span_id: "b".repeat(16) };
  const exemplar = (value: number, timestamp: number, more = {}) => ({
    labelSet: { ...labelSet, ...more },
    value,
    timestamp,
  });
  const values = [
    { metricName: `${name}_bucket`, labels: { le: "1" }, value: 2, exemplar: exemplar(0.5, 100.25) },
    {
      metricName: `${name}_bucket`,
      labels: { le: "+Inf" },
      value: 3,
      exemplar: exemplar(2, 101, { caller: "00" }),
    },
    { metricName: `${name}_sum`, labels: {}, value: 4 },
    { metricName: `${name}_count`, labels: {}, value: 3 },
  ];
  const told = (since: number) => {
    // Sampled as whoever called decided.
    const isSampled = (_traceId: string, traceparent: string | null) => traceparent?.endsWith("01") !== false;
    const source = { name, help: "Took.", type: "histogram", values };
    const metrics = metricData(source, [1, 0], [2, 0], { since, isSampled });
    const scope = { name: "entente" };
    const request = { resource: resourceFromAttributes({ who: "x" }), scopeMetrics: [{ scope, metrics }] };
    return exemplarSerializer.serializeRequest(request);
  };
  const receiver = await startOtlpReceiver();
  try {
    const sent = async (body: Uint8Array | undefined) => {
      await fetch(`${receiver.url}/v1/metrics`, { method: "POST", body: Buffer.from(body ?? []) });
      return receiver.metrics.at(-1)?.points[0];
    };
    const point = await sent(told(0));
    const common = { attributes: { process_id: "p-1" } };
    assert.deepEqual(point?.exemplars, [
      { ...common, value: 0.5, timeNano: 100_250_000_000n, traceId: "a".repeat(32), spanId: "b".repeat(16) },
      { ...common, value: 2, timeNano: 101_000_000_000n, traceId: "", spanId: "" },
    ]);
    assert.deepEqual([point.value, point.attributes], [3, {}]);
    assert.deepEqual(
      (await sent(told(100.5)))?.exemplars.map(({ value }) => value),
      [2],
    );
    assert.deepEqual((await sent(told(101.5)))?.exemplars, []);
  } finally {
    await receiver.close();
  }
});
