import { figureNames, type System, type TreatyFigure } from "@entente/core";
import { Counter, Gauge, type Registry } from "prom-client";

/** Figures that say what is now; the others only rise. */
const gauges = new Set([
  "waiting",
  "parked",
  "pending-age-ms",
  "budget-calls",
  "budget-share",
  "answered-here",
  "feed-age-ms",
]);

/** Figures are read once for all metrics of one look. */
const sameLookMs = 1_000;

/**
 * The business metrics of treaties, as `entente_treaty_…`: milliseconds become seconds. Labels are the treaty and what a figure is split by
 * (state, class and code, kind): never a tenant, a key or anything a counterparty sent unread.
 * While the store is away they are left out, and the rest of the page is served.
 */
export function treatyMetrics(register: Registry, system: System): void {
  let readAt = Number.NEGATIVE_INFINITY;
  let figures: Promise<readonly TreatyFigure[]> = Promise.resolve([]);
  const look = (): Promise<readonly TreatyFigure[]> => {
    const now = performance.now();
    if (now - readAt > sameLookMs) {
      readAt = now;
      figures = system.treaties.figures().catch(() => []);
    }
    return figures;
  };
  for (const [figure, help] of Object.entries(figureNames)) {
    const inSeconds = figure.endsWith("-ms");
    const setting = {
      name: metricOf(figure),
      help: help.replaceAll("milliseconds", "seconds"),
      labelNames: ["treaty", "label"],
      registers: [register],
    };
    const amountOf = ({ value }: TreatyFigure): number => (inSeconds ? value / 1_000 : value);
    const own = async () => (await look()).filter(({ name }) => name === figure);
    if (gauges.has(figure)) {
      new Gauge({
        ...setting,
        async collect() {
          const found = await own();
          this.reset();
          for (const one of found) this.set({ treaty: one.treaty, label: one.label }, amountOf(one));
        },
      });
    } else {
      new Counter({
        ...setting,
        async collect() {
          const found = await own();
          this.reset();
          for (const one of found) this.inc({ treaty: one.treaty, label: one.label }, amountOf(one));
        },
      });
    }
  }
}

/** `pending-age-ms` → `entente_treaty_pending_age_seconds`, `retries` → `entente_treaty_retries_total`. */
function metricOf(figure: string): string {
  const words = figure.replace(/-ms$/, "-seconds").replaceAll("-", "_");
  return `entente_treaty_${words}${gauges.has(figure) ? "" : "_total"}`;
}
