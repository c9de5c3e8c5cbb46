import type { ConsumerEvent } from "@entente/core";
import { Counter, Histogram, type HistogramConfiguration, Registry } from "prom-client";
import { type Exemplar, type Exemplified, exemplarOf } from "./exemplar.ts";

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
  const batchSeconds = new BatchSeconds({
    name: "entente_consumer_batch_seconds",
    help: "Time a committed batch took.",
    labelNames: ["consumer"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
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
          batchSeconds.observe({ consumer }, event.tookMs / 1_000);
          if (event.latest !== null) batchSeconds.exemplify(consumer, event.tookMs / 1_000, event.latest);
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

/** prom-client keeps exemplars for OpenMetrics alone, and `/metrics` is the older text: here they are for what reads the figures as JSON. */
class BatchSeconds extends Histogram<"consumer"> {
  private readonly latest = new Map<string, Exemplar>();
  private readonly bounds: readonly number[];

  constructor(options: HistogramConfiguration<"consumer"> & { readonly buckets: number[] }) {
    super(options);
    this.bounds = options.buckets;
  }

  exemplify(consumer: string, seconds: number, from: Exemplified): void {
    const bound = this.bounds.find((one) => seconds <= one) ?? "+Inf";
    this.latest.set(`${consumer} ${bound}`, exemplarOf(from, seconds));
  }

  override async get() {
    const found = await super.get();
    for (const value of found.values) {
      const { consumer, le } = value.labels as Partial<Record<"consumer" | "le", string | number>>;
      const exemplar = le === undefined ? undefined : this.latest.get(`${consumer} ${le}`);
      // Their types know exemplars where they are given, and not where they are read.
      if (exemplar !== undefined) Object.assign(value, { exemplar });
    }
    return found;
  }
}
