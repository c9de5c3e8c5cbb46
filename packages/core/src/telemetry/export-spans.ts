import { isReplaced, readStoredCursors, registerConsumer, setCursors } from "../consumer/cursors.ts";
import type { ConsumerDefinition, ConsumerSource } from "../consumer/definition.ts";
import { readJournalEnd } from "../context/journal-end.ts";
import { readEntries } from "../journal/read.ts";
import type { Entry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import type { Database, Statement } from "../postgres/database.ts";
import type { Telemetry } from "./span.ts";
import { causesToFind, type FoundCauses, spansOf } from "./spans-of-entries.ts";

/**
 * The consumer that exports the entries of its context's journal as spans. It reads what was committed and moves its cursor once the spans
 * were taken: an undone batch leaves no trace, and a crash loses no parent. A receiver that is away is waited for; nobody waits for it.
 */
export const telemetryName = "telemetry";

export interface SpanExportOptions {
  readonly telemetry: Telemetry;
  /** The context's own journal. */
  readonly source: ConsumerSource;
  /** Every journal of the system. */
  readonly journals: ReadonlyMap<string, Database>;
  readonly now: () => number;
  readonly offsetMs: () => number;
}

/** Milliseconds of business time after which a span is of no use to those who watch: beyond, spans are counted and dropped. */
const keptMs = 3_600_000;

export function spanExporter(options: SpanExportOptions): ConsumerDefinition {
  const { telemetry, source, journals } = options;

  async function find(entries: readonly Entry[]): Promise<FoundCauses> {
    const { own, anywhere } = causesToFind(entries);
    const reads = [
      ...(own.length === 0 ? [] : [readEntries(source.database, own)]),
      ...(anywhere.length === 0 ? [] : [...journals.values()].map((one) => readEntries(one, anywhere))),
    ];
    return new Map((await Promise.all(reads)).flat().map((entry) => [entry.id, entry]));
  }

  async function give(entries: readonly Entry[]): Promise<void> {
    const spans = spansOf(entries, await find(entries), options.offsetMs());
    const sampled = spans.filter(({ traceId, traceparent }) => telemetry.isSampled(traceId, traceparent));
    if (sampled.length === 0) return;
    const taken = await telemetry.takeSpans(sampled);
    if (taken === "refused") telemetry.dropped(sampled.length, "refused");
    if (taken !== "unavailable") return;
    throw new Failure(
      "unavailable",
      "telemetry-unavailable",
      "The receiver of spans does not take them now.",
    );
  }

  return {
    name: telemetryName,
    sources: [source],
    wants: () => true,
    policy: () => "step-aside",
    // Nothing is asked of the connection here: no transaction is open while a receiver makes us wait.
    async apply(_connection, batch) {
      const oldest = options.now() - keptMs;
      const fresh = batch.entries.filter(({ occurredAt }) => occurredAt >= oldest);
      if (fresh.length < batch.entries.length)
        telemetry.dropped(batch.entries.length - fresh.length, "too-old");
      if (fresh.length > 0) await give(fresh);
    },
  };
}

const onlyOne: Statement = {
  name: "telemetry-only-one",
  text: "select pg_advisory_xact_lock(hashtext('entente telemetry'))",
};

/**
 * Puts the cursors at the end of the journal where there are none yet: what happened before somebody watched is not told. The same where
 * the journal was replaced; for other consumers that is an operator's decision, but here nothing is lost that anybody relies on.
 */
export async function placeSpanCursors(
  database: Database,
  { context, database: journal }: ConsumerSource,
): Promise<void> {
  await database.transaction(async (connection) => {
    await connection.run(onlyOne);
    const cursors = await readStoredCursors(connection, telemetryName, context);
    const end = await readJournalEnd(journal);
    if (cursors.length > 0 && !cursors.some((cursor) => isReplaced(cursor, end))) return;
    await registerConsumer(connection, telemetryName, [{ context, database: journal }]);
    await setCursors(connection, telemetryName, context, end.generation, end.positions);
  });
}
