import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@entente/core/model";
import { openSampling } from "./sampling.ts";
import { telemetryFromEnvironment, telemetryVariables } from "./telemetry-settings.ts";

const to = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

test("nothing is exported without an endpoint, when it is switched off, or for a signal that is", () => {
  assert.equal(telemetryFromEnvironment({}, "flux"), null);
  assert.equal(telemetryFromEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }, "flux"), null);
  assert.equal(telemetryFromEnvironment({ ...to, OTEL_SDK_DISABLED: "true" }, "flux"), null);
  assert.equal(
    telemetryFromEnvironment({ ...to, OTEL_TRACES_EXPORTER: "none" }, "flux")?.traces ?? false,
    false,
  );
  const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:4318/v1/traces" };
  assert.equal(telemetryFromEnvironment(own, "flux")?.traces, true);
});

test("a service has the name it is given, or the system's", () => {
  assert.equal(telemetryFromEnvironment(to, "flux")?.serviceName, "flux");
  assert.equal(telemetryFromEnvironment({ ...to, OTEL_SERVICE_NAME: "ours" }, "flux")?.serviceName, "ours");
});

test("what there is not stops the start", () => {
  for (const wrong of [
    { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    { OTEL_TRACES_EXPORTER: "zipkin" },
    { OTEL_TRACES_SAMPLER: "jaeger_remote" },
    { OTEL_BSP_SCHEDULE_DELAY: "soon" },
    { OTEL_BLRP_MAX_QUEUE_SIZE: "0" },
    { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" },
  ])
    assert.throws(
      () => telemetryFromEnvironment({ ...to, ...wrong }, "flux"),
      (error) => isFailure(error, "telemetry-setting-invalid"),
      JSON.stringify(wrong),
    );
});

test("the queues are as the specification's variables say", () => {
  const settings = telemetryFromEnvironment(
    { ...to, OTEL_BSP_SCHEDULE_DELAY: "100", OTEL_BSP_MAX_QUEUE_SIZE: "64", OTEL_BLRP_EXPORT_TIMEOUT: "700" },
    "flux",
  );
  assert.deepEqual(settings?.spanQueue, { scheduledDelayMillis: 100, maxQueueSize: 64 });
  assert.deepEqual(settings?.lineQueue, { exportTimeoutMillis: 700 });
});

test("only what says something of telemetry is handed on", () => {
  assert.deepEqual(telemetryVariables({ ...to, ENTENTE_SAP_PASSWORD: "secret" }), to);
});

test("a trace is sampled or not by its id and its caller's flag alone", () => {
  const ids = Array.from({ length: 1_000 }, (_, n) => n.toString(16).padStart(32, "1"));
  const settings = telemetryFromEnvironment(
    { ...to, OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" },
    "flux",
  );
  assert.ok(settings);
  const isSampled = openSampling(settings.sampler);
  for (const id of ids) {
    assert.equal(isSampled(id, null), false);
    assert.equal(isSampled(id, `00-${id}-b7ad6b7169203331-01`), true);
    assert.equal(isSampled(id, `00-${id}-b7ad6b7169203331-00`), false);
  }
  const halves = [1, 2].map(() => openSampling({ name: "traceidratio", ratio: 0.5 }));
  const random = ids.map((_, n) =>
    Buffer.from(Array.from({ length: 16 }, (_byte, i) => (n * 167 + i * 31 * n) & 255)).toString("hex"),
  );
  const kept = random.filter((id) => halves[0]?.(id, null));
  assert.ok(kept.length > 100 && kept.length < 900, String(kept.length));
  assert.deepEqual(
    kept,
    random.filter((id) => halves[1]?.(id, null)),
  );
});
