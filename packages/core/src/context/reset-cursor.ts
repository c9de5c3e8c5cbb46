import { isReplaced, readStoredCursors, type StoredCursor, setCursors } from "../consumer/cursors.ts";
import { appendEntries } from "../journal/append.ts";
import { readJournalIdentity } from "../journal/read.ts";
import { comparePositions, journalStart, type NewEntry, type Position } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { renumberSetAside } from "../parked/renumber.ts";
import type { Database } from "../postgres/database.ts";
import { contextAct } from "./context-act.ts";
import { followersIn } from "./followers.ts";
import { readJournalEnd } from "./journal-end.ts";
import type { ReachableContext } from "./system.ts";

/** Where a consumer is to go on in a journal that was replaced, who says so, and why. */
export interface CursorResetAct {
  readonly tenantId: string;
  readonly by: string;
  readonly why: string;
  readonly consumer: string;
  /** Name of the context whose journal was replaced. */
  readonly journal: string;
  /** `start`: read everything the journal holds. `end`: pass over what readers can see in it now, and read what comes. */
  readonly to: "start" | "end";
  /** A decider goes to the start only with this: see resetCursor. */
  readonly acceptRepeats?: boolean;
}

export interface CursorReset {
  readonly consumer: string;
  readonly journal: string;
  readonly to: "start" | "end";
  /** The journal the cursor was made for. */
  readonly generationBefore: string;
  /** The journal it points into now; the same as before when that was restored to an earlier point. */
  readonly generation: string;
  /** True for a projection that has read anything: its table says what the journal before said, until it is rebuilt. */
  readonly rebuildAdvised: boolean;
}

/**
 * Lets a consumer that stands still because a journal was replaced (`journal-replaced`) go on in the journal as it is now.
 * One transaction in the consumer's database: generation and position of its cursors in this journal, a new epoch for each of
 * its lanes, what it has set aside put before everything still to come, and a control entry in the context's own journal
 * that says who, why, and from where to where.
 *
 * Neither place is right by itself; docs/operations/journal-replaced.md says which is right when.
 * - `end` passes over entries that nobody has consumed. Right when the consumer has read all the journal holds.
 * - `start` for a **decider** executes every command the journal holds. Those whose facts stand in the context's journal under the
 *   same command ids have no second effect: their facts are rejected, and the commands parked. Those that were sent
 *   again under other ids, whose facts are lost, or that an operator discarded, are executed. Hence `acceptRepeats`.
 * - `start` for a **projection** adds to what its table holds. Rebuild it afterwards (`rebuildAdvised`), from either place.
 * - `start` for the **process view** folds facts into processes again; definitions leave finished ones as they are.
 *
 * Guarantees: a worker in the middle of a batch is fenced and changes nothing; of two acts at once one wins. A journal that is
 * replaced once more meanwhile is noticed by the consumer.
 * Errors: `cursor-unknown` (refused) when the context has no such consumer, it does not follow the journal, or it was never
 * started; `cursor-not-replaced` (conflict) when it may read on as it is; `repeats-not-accepted` (refused);
 * `journal-ahead-of-server` (refused); `database-unavailable` when either database does not answer. Nothing is changed
 * then. `commit-unknown` (unknown-outcome): look before doing it again.
 */
export async function resetCursor(
  context: Pick<ReachableContext, "definition" | "database">,
  journals: ReadonlyMap<string, Database>,
  now: number,
  act: CursorResetAct,
): Promise<CursorReset> {
  const follower = followersIn(context.definition).find(
    ({ consumer, journal }) => consumer === act.consumer && journal === act.journal,
  );
  const journal = journals.get(act.journal);
  if (follower === undefined || journal === undefined) throw unknown(act);
  // A journal that is away is noticed here, before anybody has to wait for our locks.
  await readJournalIdentity(journal);
  return context.database.transaction(async (connection) => {
    // Batches, renewals and acts on parked entries take these in this order, and rows in any.
    await connection.execute(
      "lock table entente.parked, entente.lease, entente.cursor in share row exclusive mode",
    );
    const before = await readStoredCursors(connection, act.consumer, act.journal);
    if (before.length === 0) throw unknown(act);
    const end = await readJournalEnd(journal);
    const replaced = before.find((cursor) => isReplaced(cursor, end));
    if (replaced === undefined) throw notReplaced(act);
    if (end.aheadOfServer) throw aheadOfServer(act);
    const hasRepeats = follower.kind === "decider" || follower.kind === "statistics";
    if (act.to === "start" && hasRepeats && act.acceptRepeats !== true) {
      throw repeatsNotAccepted(act);
    }
    const positions = act.to === "end" ? end.positions : before.map(() => journalStart);
    const reset: CursorReset = {
      consumer: act.consumer,
      journal: act.journal,
      to: act.to,
      generationBefore: replaced.generation,
      generation: end.generation,
      rebuildAdvised:
        follower.kind === "projection" &&
        before.some((cursor) => comparePositions(cursor.position, journalStart) > 0),
    };
    await setCursors(connection, act.consumer, act.journal, end.generation, positions);
    await renumberSetAside(connection, act.consumer, act.journal);
    await appendEntries(connection, [
      controlEntry(context.definition.name, now, act, reset, before, positions),
    ]);
    return reset;
  });
}

function controlEntry(
  context: string,
  now: number,
  act: CursorResetAct,
  reset: CursorReset,
  before: readonly StoredCursor[],
  positions: readonly Position[],
): NewEntry {
  const { consumer, journal, to, generationBefore, generation } = reset;
  const place = (position: Position = journalStart) => `${position.xid}/${position.seq}`;
  const lanes = before.map((cursor) => {
    return { lane: cursor.lane, from: place(cursor.position), to: place(positions[cursor.lane]) };
  });
  return contextAct(context, now, act.tenantId, "entente.cursor-reset", {
    consumer,
    journal,
    by: act.by,
    why: act.why,
    to,
    acceptRepeats: act.acceptRepeats === true,
    generationBefore,
    generation,
    lanes,
  });
}

const fieldsOf = ({ consumer, journal }: CursorResetAct) => ({ fields: { consumer, journal } });

function unknown(act: CursorResetAct): Failure {
  return new Failure(
    "refused",
    "cursor-unknown",
    "No consumer of this name in this context has a cursor in this journal.",
    fieldsOf(act),
  );
}

function notReplaced(act: CursorResetAct): Failure {
  return new Failure(
    "conflict",
    "cursor-not-replaced",
    "The journal is the one the cursor was made for: somebody may have reset it meanwhile.",
    fieldsOf(act),
  );
}

function aheadOfServer(act: CursorResetAct): Failure {
  return new Failure(
    "refused",
    "journal-ahead-of-server",
    "The journal holds entries of transactions its server has not come to. They would be read as new once it has.",
    fieldsOf(act),
  );
}

function repeatsNotAccepted(act: CursorResetAct): Failure {
  return new Failure(
    "refused",
    "repeats-not-accepted",
    "From the start, this consumer would execute every command the journal holds, also those it may have executed.",
    fieldsOf(act),
  );
}
