import { Counter, Registry } from "prom-client";

/** Metrics of the export of telemetry itself; `dropped`: spans that nobody will get, by reason, since the start. */
export function telemetryMetrics(dropped: () => ReadonlyMap<string, number>): Registry {
  const register = new Registry();
  new Counter({
    name: "entente_telemetry_dropped_spans_total",
    help: "Spans that nobody will get: too old when the receiver was back, or refused by it.",
    labelNames: ["reason"],
    registers: [register],
    collect() {
      this.reset();
      for (const reason of ["too-old", "refused"]) this.inc({ reason }, dropped().get(reason) ?? 0);
    },
  });
  return register;
}
