import type { Span, SpansTaken, Telemetry } from "@entente/core";
import type { ReceivedCallSpan } from "@entente/simulators";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import type { Resource } from "@opentelemetry/resources";
import { BatchSpanProcessor, RandomIdGenerator } from "@opentelemetry/sdk-trace";
import { readableSpan } from "./readable-span.ts";
import { openSampling } from "./sampling.ts";
import { spanOfCall } from "./span-of-call.ts";
import type { TelemetrySettings } from "./telemetry-settings.ts";

/** Milliseconds that a batch of a system's spans may take; the exporter repeats within them. */
const takeWithinMs = 3_000;

export interface TraceExport {
  readonly telemetry: Telemetry;
  received(call: ReceivedCallSpan): void;
  readonly dropped: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

export function openTraceExport(settings: TelemetrySettings, resource: Resource): TraceExport {
  const isSampled = openSampling(settings.sampler);
  const dropped = new Map<string, number>();
  const exporter = new OTLPTraceExporter(timeoutGiven() ? {} : { timeoutMillis: takeWithinMs });
  // Made with the first call that a simulator receives: a system has its journals and needs no queue.
  let queue: BatchSpanProcessor | null = null;
  const ids = new RandomIdGenerator();

  function takeSpans(spans: readonly Span[]): Promise<SpansTaken> {
    return new Promise((resolve) => {
      exporter.export(
        spans.map((span) => readableSpan(span, resource)),
        ({ code, error }) => resolve(code === 0 ? "taken" : isFinal(error) ? "refused" : "unavailable"),
      );
    });
  }

  return {
    telemetry: {
      isSampled,
      takeSpans,
      dropped(count, reason) {
        dropped.set(reason, (dropped.get(reason) ?? 0) + count);
      },
    },
    received(call) {
      const span = spanOfCall(call, ids);
      if (!isSampled(span.traceId, span.traceparent)) return;
      queue ??= new BatchSpanProcessor({ exporter, ...settings.spanQueue });
      queue.onEnd(readableSpan(span, resource));
    },
    dropped,
    stop: () => (queue ?? exporter).shutdown(),
  };
}

function timeoutGiven(): boolean {
  const { OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT } = process.env;
  return Boolean(OTEL_EXPORTER_OTLP_TIMEOUT || OTEL_EXPORTER_OTLP_TRACES_TIMEOUT);
}

/** The receiver answered, and will answer the same again (OTLP: only 429, 502, 503 and 504 are worth repeating). */
function isFinal(error: (Error & { readonly code?: unknown }) | undefined): boolean {
  const status = error?.code;
  return typeof status === "number" && status >= 400 && ![408, 429, 502, 503, 504].includes(status);
}
