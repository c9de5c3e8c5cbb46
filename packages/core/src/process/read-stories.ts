import { readEntriesOfProcesses } from "../journal/read.ts";
import type { Entry } from "../model/entry.ts";
import { openedType } from "../treaty/hand-off-entries.ts";
import {
  causesMissing,
  readBatches,
  readBeginnings,
  readCauses,
  rowsWanted,
  type StoryContext,
} from "./story-parts.ts";

/** What the journals have of one process. */
export interface Story {
  /**
   * Its own entries, those of batches with rows of it (of their openings only these rows), and what led into them from outside: also the
   * command that began another process, where an act there changed this one.
   */
  readonly entries: readonly Entry[];
  /** There are more entries than were asked for; what is here tells nothing for certain. */
  readonly more: boolean;
}

/**
 * The stories of some processes of a tenant, each under its id.
 * Bounds: at most `limit` entries of each; three statements one after the other in each context, whatever the number of processes, and one
 * more where other processes led into them.
 * Guarantees: what was committed before the call is there. Journals are read one beside the other, so that of what happens meanwhile an
 * effect may be there without its cause.
 * Errors: `database-unavailable` when one context does not answer.
 */
export async function readStories(
  contexts: readonly StoryContext[],
  tenantId: string,
  processIds: readonly string[],
  limit: number,
): Promise<ReadonlyMap<string, Story>> {
  const most = processIds.length * limit;
  const found = await Promise.all(
    contexts.map(({ journal }) => readEntriesOfProcesses(journal, tenantId, processIds, limit + 1)),
  );
  const own = found.flat();
  const around = await Promise.all(contexts.map((context) => aroundIn(context, tenantId, own, most + 1)));
  const isCut = around.some(({ inBatches, causes }) => inBatches.length > most || causes.length > most);
  const ownOf = Map.groupBy(own, ({ processId }) => processId);
  const batches = [
    ...Map.groupBy(
      around.flatMap(({ inBatches }) => inBatches),
      ({ processId }) => processId,
    ).values(),
  ];
  const outside = around.flatMap((one) => one.causes);
  const missing = causesMissing([...own, ...around.flatMap(({ inBatches }) => inBatches), ...outside]);
  const journals = contexts.map(({ journal }) => journal);
  const beginnings = await readBeginnings(journals, tenantId, missing, most + 1);
  // Where two stories that are read together led into each other, the command is among the other's own entries.
  const commands = own.filter(({ id, processId, kind }) => kind === "command" && id === processId);
  const causes = new Map([...outside, ...beginnings, ...commands].map((entry) => [entry.id, entry]));
  return new Map(
    processIds.map((processId) => {
      const mine = ownOf.get(processId) ?? [];
      const inside = [...mine, ...batches.flatMap((batch) => partOf(batch, processId))];
      return [
        processId,
        { entries: [...inside, ...above(inside, causes)], more: isCut || mine.length > limit },
      ];
    }),
  );
}

/** What a context has around these entries of all contexts. */
async function aroundIn(
  { definition, database, journal }: StoryContext,
  tenantId: string,
  own: readonly Entry[],
  limit: number,
): Promise<{ readonly inBatches: readonly Entry[]; readonly causes: readonly Entry[] }> {
  const wanted = rowsWanted(definition, own);
  const inBatches = await readBatches(database, tenantId, wanted, limit);
  const known = new Set([...own, ...inBatches].map(({ id }) => id));
  const here = [...own.filter(({ source }) => source === definition.name), ...inBatches];
  const outside = here.flatMap(({ type, causationId }) =>
    // What opens a hand-off is a fact, never an entry from outside.
    causationId === null || type === openedType || known.has(causationId) ? [] : [causationId],
  );
  const causes =
    outside.length === 0 ? [] : await readCauses(journal, tenantId, [...new Set(outside)], limit);
  return { inBatches, causes };
}

/** The entries of a batch, when it has rows of the process; of its opening only these rows. */
function partOf(batch: readonly Entry[], processId: string): Entry[] {
  const opening = batch.find(({ type }) => type === openedType);
  const rows = Array.isArray(opening?.data.rows) ? opening.data.rows : [];
  const mine = rows.filter(
    (row) => typeof row === "object" && row !== null && "processId" in row && row.processId === processId,
  );
  if (mine.length === 0) return [];
  return batch.map((entry) =>
    entry === opening ? { ...entry, data: { ...entry.data, rows: mine } } : entry,
  );
}

/** What stands above these entries outside of the story. */
function above(entries: readonly Entry[], causes: ReadonlyMap<string, Entry>): Entry[] {
  const found = new Set<Entry>();
  const inside = new Set(entries.map(({ id }) => id));
  const climb = ({ causationId }: Entry): void => {
    const cause = causationId === null || inside.has(causationId) ? undefined : causes.get(causationId);
    if (cause === undefined || found.has(cause)) return;
    found.add(cause);
    climb(cause);
  };
  for (const entry of entries) climb(entry);
  return [...found];
}
