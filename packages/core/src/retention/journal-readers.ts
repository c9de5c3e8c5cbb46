import { isReplaced, readStoredCursors } from "../consumer/cursors.ts";
import { followersIn } from "../context/followers.ts";
import type { ReachableContext } from "../context/system.ts";
import { readJournalIdentity } from "../journal/read.ts";
import type { Position } from "../model/entry.ts";
import { isFailure } from "../model/failure.ts";
import { int2Array, int8Array, xid8Array } from "../postgres/arrays.ts";

/** How far a consumer has come in one lane of the journal. */
export interface ReaderPlace {
  /** `ledger/balance` */
  readonly reader: string;
  readonly lane: number;
  readonly position: Position;
  /** It reads only the commands the context addressed to itself. */
  readonly own: boolean;
}

export interface JournalReaders {
  readonly places: readonly ReaderPlace[];
  /** Readers of whom nobody can say how far they have come, and why: nothing may leave the journal. */
  readonly astray: readonly { readonly reader: string; readonly says: string }[];
}

/** Everybody who reads a context's journal, in whatever context. Errors: `database-unavailable` when the journal itself is away. */
export async function readersOf(
  journal: ReachableContext,
  contexts: Iterable<ReachableContext>,
): Promise<JournalReaders> {
  const places: ReaderPlace[] = [];
  const astray: { reader: string; says: string }[] = [];
  for (const context of contexts) {
    const name = context.definition.name;
    for (const { consumer, kind, journal: followed } of followersIn(context.definition)) {
      if (followed !== journal.definition.name) continue;
      const reader = `${name}/${consumer}`;
      const own = kind === "decider" && followed === name && readsOwnCommandsOnly(context, consumer);
      try {
        // First the cursors: what is consumed in between would look like the future of the journal.
        const cursors = await readStoredCursors(context.database, consumer, followed);
        const now = await readJournalIdentity(journal.database);
        if (cursors.length === 0) astray.push({ reader, says: "has never been started" });
        else if (cursors.some((cursor) => isReplaced(cursor, now)))
          astray.push({ reader, says: "was reading another journal: docs/operations/journal-replaced.md" });
        for (const { lane, position } of cursors) places.push({ reader, lane, position, own });
      } catch (error) {
        if (!isFailure(error) || error.kind !== "unavailable" || context === journal) throw error;
        astray.push({ reader, says: "is in a database that does not answer" });
      }
    }
  }
  return { places, astray };
}

function readsOwnCommandsOnly({ definition }: ReachableContext, consumer: string): boolean {
  const decider = definition.deciders?.find((one) => one.decider.name === consumer);
  return decider?.commandsFrom.includes(definition.name) === false;
}

/** As the functions of the schema take them: lanes, transactions, sequences, own. */
export function placeValues(places: readonly ReaderPlace[]): unknown[] {
  return [
    int2Array(places.map(({ lane }) => lane)),
    xid8Array(places.map(({ position }) => position.xid)),
    int8Array(places.map(({ position }) => position.seq)),
    places.map(({ own }) => own),
  ];
}
