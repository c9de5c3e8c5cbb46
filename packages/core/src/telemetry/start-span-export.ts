import { randomUUID } from "node:crypto";
import type { BusinessClock } from "../clock/business-clock.ts";
import { startConsumer } from "../consumer/consumer.ts";
import type { ConsumerEvent, ConsumerSource } from "../consumer/definition.ts";
import type { WakeUps } from "../consumer/wake-up.ts";
import { type Database, openDatabase } from "../postgres/database.ts";
import { placeSpanCursors, spanExporter } from "./export-spans.ts";
import type { Telemetry } from "./span.ts";

export interface SpanExportSurroundings {
  readonly database: Database;
  readonly journals: ReadonlyMap<string, Database>;
  readonly clock: BusinessClock;
  readonly wakeUps: WakeUps;
  readonly settings: { readonly leaseMs: number };
  readonly random: () => number;
  readonly report: (event: ConsumerEvent) => void;
}

/** Entries of a lane in a batch: with eight lanes what OpenTelemetry sends at once by default. */
const perLane = 64;
/** Milliseconds between batches, so that spans travel together. */
const gatherMs = 500;

/**
 * Starts the export of a context's journal, beside everything else: on connections of its own, and reading by itself, so that a receiver
 * which is slow keeps nobody else from the database or from what is remembered of the journal. A paused context goes on telling.
 */
export async function startSpanExport(
  context: string,
  telemetry: Telemetry,
  around: SpanExportSurroundings,
): Promise<{ stop(): Promise<void> }> {
  const { clock, journals } = around;
  const journal = journals.get(context);
  if (journal === undefined) throw new Error(`the system has no journal of ${context}`);
  const database = openDatabase({
    url: around.database.url,
    applicationName: `${context} telemetry`,
    connections: 2,
  });
  const source: ConsumerSource = { context, database: journal, reading: "everything" };
  try {
    await placeSpanCursors(database, source);
    const consumer = await startConsumer(
      spanExporter({
        telemetry,
        source,
        journals,
        now: () => clock.now(),
        offsetMs: () => clock.offsetMs(),
      }),
      {
        context,
        database,
        workerId: randomUUID(),
        clock,
        wakeUps: around.wakeUps,
        random: around.random,
        paused: () => false,
        report: onceWhileAway(around.report),
        leaseMs: around.settings.leaseMs,
        perLane,
        gatherMs,
        gatherFrom: 1,
      },
    );
    return {
      async stop() {
        await consumer.stop();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** A receiver that is away is told of once, not at every attempt. */
function onceWhileAway(report: (event: ConsumerEvent) => void): (event: ConsumerEvent) => void {
  let away = false;
  return (event) => {
    const isAway = event.event === "unavailable";
    if (event.event === "lanes" && away) return;
    if (!(isAway && away)) report(event);
    if (isAway || event.event === "batch") away = isAway;
  };
}
