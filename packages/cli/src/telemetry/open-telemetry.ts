import type { Telemetry } from "@entente/core";
import type { ReceivedCallSpan } from "@entente/simulators";
import type { MetricSource } from "./export-metrics.ts";
import type { TelemetrySettings } from "./telemetry-settings.ts";

/** Export by OTLP, with the packages of OpenTelemetry. They are loaded only where something is exported, and only what is needed for it. */
export interface OpenedTelemetry {
  /** For a system; null: no traces. */
  readonly telemetry: Telemetry | null;
  /** For a simulator, which keeps nothing: spans wait in a bounded queue. Null: no traces. */
  readonly received: ((call: ReceivedCallSpan) => void) | null;
  /** Takes lines of the log; null: they are not exported. */
  readonly lines: { write(line: string): void } | null;
  /** Spans that nobody will get, by reason. */
  droppedSpans(): ReadonlyMap<string, number>;
  /** Exports these from now on, where metrics are exported. */
  exportMetrics(sources: readonly MetricSource[]): Promise<void>;
  /** Sends what still waits, for a few seconds at most. */
  stop(): Promise<void>;
}

/** Milliseconds for the rest when a program stops. */
const stopWithinMs = 3_000;

/** Null when nothing is to be exported. */
export async function openTelemetry(
  settings: TelemetrySettings | null,
  environment: NodeJS.ProcessEnv,
): Promise<OpenedTelemetry | null> {
  if (settings === null) return null;
  const [{ resourceOf }, traces, logs] = await Promise.all([
    import("./resource.ts"),
    settings.traces ? import("./export-traces.ts") : null,
    settings.logs ? import("./export-logs.ts") : null,
  ]);
  const resource = resourceOf(settings.serviceName);
  const spans = traces?.openTraceExport(settings, resource) ?? null;
  const lines = logs?.openLogExport(resource, settings.lineQueue) ?? null;
  const stops: { stop(): Promise<void> }[] = [spans, lines].filter((one) => one !== null);
  return {
    telemetry: spans?.telemetry ?? null,
    received: spans?.received ?? null,
    lines,
    droppedSpans: () => spans?.dropped ?? new Map(),
    async exportMetrics(sources) {
      if (!settings.metrics) return;
      const { openMetricExport } = await import("./export-metrics.ts");
      stops.push(openMetricExport(resource, sources, environment, spans?.telemetry.isSampled ?? null));
    },
    async stop() {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, stopWithinMs);
      // A receiver that is away now gets nothing more: stopping does not fail for it.
      await Promise.race([Promise.allSettled(stops.map((one) => one.stop())), late.promise]);
      clearTimeout(timer);
    },
  };
}
