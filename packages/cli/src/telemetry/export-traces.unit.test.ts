import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Span } from "@entente/core";
import { openTraceExport } from "./export-traces.ts";
import { startOtlpReceiver } from "./otlp-receiver.fixture.ts";
import { resourceOf } from "./resource.ts";
import { telemetryFromEnvironment } from "./telemetry-settings.ts";

const receiver = await startOtlpReceiver();
after(() => receiver.close().catch(() => {}));
// The exporter reads it by itself.
process.env.OTEL_EXPORTER_OTLP_ENDPOINT = receiver.url;
process.env.OTEL_EXPORTER_OTLP_TIMEOUT = "500";
const settings = telemetryFromEnvironment(process.env, "ours");
assert.ok(settings);
const traces = openTraceExport(settings, resourceOf("ours"));

const span: Span = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentId: "00f067aa0ba902b7",
  parentIsRemote: false,
  name: "send card-charge",
  kind: "client",
  startAt: 1_800_000_000_000.25,
  endAt: 1_800_000_000_080.5,
  error: "UNKNOWN",
  attributes: { process_id: "p", "entente.tries": 2, "entente.flag": true },
  links: [{ traceId: "1af7651916cd43dd8448eb211c80319c", spanId: "c7ad6b7169203331" }],
  traceparent: null,
};

test("a span arrives as it was made", async () => {
  assert.equal(await traces.telemetry.takeSpans([span]), "taken");
  assert.deepEqual(receiver.spans.get(span.spanId), {
    service: "ours",
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentId,
    name: span.name,
    kind: "SPAN_KIND_CLIENT",
    startNano: 1_800_000_000_000_250_000n,
    endNano: 1_800_000_000_080_500_000n,
    isError: true,
    attributes: span.attributes,
    links: span.links,
  });
});

for (const [how, taken] of [
  [400, "refused"],
  [401, "refused"],
  [503, "unavailable"],
  ["hang", "unavailable"],
] as const) {
  test(`a receiver that answers ${how}: ${taken}`, async () => {
    receiver.answerWith(how);
    assert.equal(await traces.telemetry.takeSpans([span]), taken);
  });
}

test("a receiver that is not there: unavailable", async () => {
  await receiver.close();
  assert.equal(await traces.telemetry.takeSpans([span]), "unavailable");
});
