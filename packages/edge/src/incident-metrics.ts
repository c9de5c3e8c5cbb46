import type { System } from "@entente/core";
import { Gauge, type Registry } from "prom-client";

/**
 * What alerts about customers look at. Which tenant and which processes: `GET /ops/incidents`. While the store is away it is left out,
 * and the rest of the page is served.
 */
export function incidentMetrics(register: Registry, system: System): void {
  new Gauge({
    name: "entente_open_incidents",
    help: "Incidents that are open, by symptom.",
    labelNames: ["symptom"],
    registers: [register],
    async collect() {
      const open = await system.fitness?.openIncidents().catch(() => new Map<string, number>());
      this.reset();
      for (const [symptom, count] of open ?? []) this.set({ symptom }, count);
    },
  });
}
