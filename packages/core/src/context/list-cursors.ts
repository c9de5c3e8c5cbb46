import { isReplaced } from "../consumer/cursors.ts";
import { readJournalIdentity } from "../journal/read.ts";
import { comparePositions, type Position } from "../model/entry.ts";
import { isFailure } from "../model/failure.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { type ConsumerKind, followersIn } from "./followers.ts";
import type { ReachableContext } from "./system.ts";

/** Where a consumer stands in a journal, over all lanes, and whether it is still the journal it was reading. */
export interface CursorSummary {
  readonly consumer: string;
  readonly kind: ConsumerKind;
  /** Name of the context whose journal it is. */
  readonly journal: string;
  /** The journal the cursor was made for; null when the consumer was never started. */
  readonly generation: string | null;
  /** The journal that is there now; null while its database does not answer. */
  readonly currentGeneration: string | null;
  /** True: the consumer stands still until an operator resets the cursor. Null while the journal's database does not answer. */
  readonly replaced: boolean | null;
  /** Of the lane that is furthest behind; null when the consumer was never started. */
  readonly lowest: Position | null;
  /** Of the lane that is furthest ahead. */
  readonly highest: Position | null;
  /** Entries passed so far, in this journal and those before it. */
  readonly consumed: number;
}

const allCursors: Statement = {
  name: "context-cursors",
  text: "select consumer, journal, generation, xid, seq, consumed from entente.cursor",
};

interface CursorRow extends Record<string, unknown> {
  consumer: string;
  journal: string;
  generation: string;
  xid: string;
  seq: string;
  consumed: string;
}

/**
 * Every consumer of the context with every journal it follows, as the context is defined.
 * Errors: `database-unavailable` when the context's own database does not answer; the journals of others may be away.
 */
export async function listCursors(
  context: Pick<ReachableContext, "definition" | "database">,
  journals: ReadonlyMap<string, Database>,
): Promise<CursorSummary[]> {
  const followers = followersIn(context.definition);
  // First the cursors: what is consumed in between would look like the future of the journal.
  const rows = await context.database.run<CursorRow>(allCursors);
  const names = [...new Set(followers.map((follower) => follower.journal))];
  const identities = new Map(
    await Promise.all(names.map(async (name) => [name, await identityOf(journals.get(name))] as const)),
  );
  return followers.map((follower) => {
    const { consumer, journal } = follower;
    const now = identities.get(journal) ?? null;
    const cursors = rows
      .filter((row) => row.consumer === consumer && row.journal === journal)
      .map(({ generation, xid, seq, consumed }) => ({ generation, position: { xid, seq }, consumed }))
      .sort((a, b) => comparePositions(a.position, b.position));
    const replaced = now === null ? undefined : cursors.find((cursor) => isReplaced(cursor, now));
    return {
      ...follower,
      generation: (replaced ?? cursors[0])?.generation ?? null,
      currentGeneration: now?.generation ?? null,
      replaced: now === null ? null : replaced !== undefined,
      lowest: cursors[0]?.position ?? null,
      highest: cursors.at(-1)?.position ?? null,
      consumed: cursors.reduce((sum, cursor) => sum + Number(cursor.consumed), 0),
    };
  });
}

async function identityOf(journal: Database | undefined) {
  try {
    return journal === undefined ? null : await readJournalIdentity(journal);
  } catch (error) {
    if (!isFailure(error) || error.kind !== "unavailable") throw error;
    return null;
  }
}
