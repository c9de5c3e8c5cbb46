import assert from "node:assert/strict";
import { test } from "node:test";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import { metricData } from "./export-metrics.ts";

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
