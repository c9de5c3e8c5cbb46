/**
 * Stage A of Flux, where Salesforce and SAP have a part in every top-up: what a receiver of OTLP gets of them. Payments have a part in a top-up of
 * stage B alone, where Salesforce has none: see one-tree.pg.test.ts, and docs/reference/telemetry.md for who carries whose process.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startOtlpReceiver } from "./otlp-receiver.fixture.ts";
import { startFlux } from "./running-flux.fixture.ts";

const receiver = await startOtlpReceiver();
after(() => receiver.close());

test("one condition on process_id finds spans, log lines and metrics of a top-up, and those of Salesforce and SAP among them", async () => {
  const flux = await startFlux({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_SERVICE_NAME: "ours",
    OTEL_BSP_SCHEDULE_DELAY: "100",
    OTEL_BLRP_SCHEDULE_DELAY: "100",
    OTEL_METRIC_EXPORT_INTERVAL: "500",
    ENTENTE_FLUX_STAGE: "A",
    ENTENTE_SIMULATORS: "on",
    ENTENTE_LOG_LEVEL: "debug",
  });
  const processId = await flux.topUp("0007");
  /** What an operator asks a collector for, whatever the signal. */
  const isOfProcess = ({ attributes }: { readonly attributes: Readonly<Record<string, unknown>> }): boolean =>
    attributes.process_id === processId;
  const services = ["ours", "ours-simulator-salesforce", "ours-simulator-sap"];
  const spans = await receiver.until("spans of all who take part", () => {
    const own = [...receiver.spans.values()].filter(isOfProcess);
    return services.every((name) => own.some(({ service }) => service === name)) && own;
  });
  assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set([processId.replaceAll("-", "")]));
  await receiver.until("no orphan", () => {
    const own = [...receiver.spans.values()].filter(isOfProcess);
    const ids = new Set(own.map(({ spanId }) => spanId));
    return own.every(({ parentSpanId }) => parentSpanId === "" || ids.has(parentSpanId));
  });
  const line = await receiver.until("a line about a hand-off", () => receiver.logs.find(isOfProcess));
  assert.deepEqual([line.service, line.body, line.attributes.event], ["ours", "hand-off", "hand-off"]);
  const commands = await receiver.until("the count of commands", () =>
    receiver.metrics.findLast(
      ({ name, points }) =>
        name === "entente_commands_total" &&
        points.some(({ attributes, value }) => attributes.outcome === "accepted" && value === 1),
    ),
  );
  assert.deepEqual([commands.service, commands.kind], ["ours", "sum"]);
  const batches = await receiver.until("a histogram", () =>
    receiver.metrics.find(({ name }) => name === "entente_consumer_batch_seconds"),
  );
  assert.ok(batches.kind === "histogram" && batches.points.every(({ value }) => value > 0));
  const [accepted] = await receiver.until("a value that came from this process", () => {
    const taken = receiver.metrics.flatMap(({ name, points }) =>
      name === "entente_http_request_duration_seconds" ? points.flatMap(({ exemplars }) => exemplars) : [],
    );
    const own = taken.filter(isOfProcess);
    return own.length > 0 && own;
  });
  // The one span of the process that the gateway made: its trace leads from the metric to all of it.
  const span = await receiver.until("its span", () =>
    [...receiver.spans.values()].find(({ spanId }) => spanId === accepted?.spanId),
  );
  assert.deepEqual([span.name, span.traceId], ["accept flux.top-up", accepted?.traceId]);
  await receiver.until("a batch that had to do with it", () =>
    receiver.metrics.some(
      ({ name, points }) =>
        name === "entente_consumer_batch_seconds" &&
        points.some(({ exemplars }) => exemplars.some(isOfProcess)),
    ),
  );
  await flux.process.terminate();
});
