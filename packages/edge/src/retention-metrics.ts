import type { KeptJournal, System } from "@entente/core";
import { Gauge, type Registry } from "prom-client";

/** Listing looks into every database: months change once a day. */
const sameLookMs = 60_000;
const states = ["kept", "due", "detached", "archived"] as const;

/** Months by state, and what holds up those that are past their time. While the store is away the last figures stay. */
export function retentionMetrics(register: Registry, system: System): void {
  let readAt = Number.NEGATIVE_INFINITY;
  let journals: Promise<readonly KeptJournal[]> = Promise.resolve([]);
  const look = (): Promise<readonly KeptJournal[]> => {
    const now = performance.now();
    if (now - readAt > sameLookMs) {
      readAt = now;
      const before = journals;
      journals = system.retention.list().catch(() => before);
    }
    return journals;
  };
  new Gauge({
    name: "entente_retention_months",
    help: "Months of a context's journal by state; due: past their time and still there.",
    labelNames: ["context", "state"],
    registers: [register],
    async collect() {
      const found = await look();
      this.reset();
      for (const { context, months } of found) {
        for (const state of states) {
          this.set({ context, state }, months.filter((month) => month.state === state).length);
        }
      }
    },
  });
  new Gauge({
    name: "entente_retention_holds",
    help: "Months that are past their time, by what keeps them.",
    labelNames: ["context", "what"],
    registers: [register],
    async collect() {
      const found = await look();
      this.reset();
      for (const { context, months } of found) {
        for (const { holds } of months) {
          for (const what of new Set(holds.map((hold) => hold.what))) this.inc({ context, what });
        }
      }
    },
  });
}
