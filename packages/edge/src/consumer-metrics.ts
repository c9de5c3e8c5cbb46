import type { ConsumerEvent } from "@entente/core";
import { Counter, Histogram, Registry } from "prom-client";
import { exemplarLabels } from "./exemplar.ts";

/** Metrics of what the runtime's consumers report. Made before the system, because the system is given `report`. */
export interface ConsumerMetrics {
  /** For `SystemOptions.report`. */
  readonly report: (event: ConsumerEvent) => void;
  /** For `registers` of `buildEdge`. */
  readonly register: Registry;
}

export function consumerMetrics(): ConsumerMetrics {
  const register = new Registry();
  const registers = [register];
  const batchSeconds = new Histogram({
    name: "entente_consumer_batch_seconds",
    help: "Time a committed batch took.",
    labelNames: ["consumer"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    enableExemplars: true,
    registers,
  });
  const entries = new Counter({
    name: "entente_consumer_entries_total",
    help: "Journal entries in committed batches.",
    labelNames: ["consumer"],
    registers,
  });
  const troubles = new Counter({
    name: "entente_consumer_troubles_total",
    help: "Entries retried or parked, fenced batches, absences of the store, stops; by code.",
    labelNames: ["consumer", "event", "code"],
    registers,
  });
  return {
    register,
    report(event) {
      const { consumer } = event;
      switch (event.event) {
        case "batch":
          batchSeconds.observe({
            labels: { consumer },
            value: event.tookMs / 1_000,
            // Their names are their own, and not those of the metric.
            exemplarLabels: event.latest === null ? {} : (exemplarLabels(event.latest) as object),
          });
          entries.inc({ consumer }, event.entries);
          return;
        case "lanes":
          return;
        case "fenced":
          troubles.inc({ consumer, event: "fenced", code: "lane-fenced" });
          return;
        default:
          troubles.inc({ consumer, event: event.event, code: event.code });
      }
    },
  };
}
