import { contextAct } from "../context/context-act.ts";
import { appendEntries } from "../journal/append.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import { type JournalReaders, placeValues, readersOf } from "./journal-readers.ts";
import { type HeldMonths, isDue, type RetentionScene } from "./leave-journal.ts";
import { readKeeping, readMonths } from "./leaving-month.ts";
import { type Hold, readerHolds, spanOf } from "./month-holds.ts";

/** Entries removed in one transaction: readers of all journals of the server wait for it. */
const atOnce = 5_000;

const expireCommands: Statement = {
  name: "retention-expire-commands",
  text: "select tenant_id, entries::float8 as entries, acts::float8 as acts from entente.expire_commands($1, $2, $3, $4, $5)",
};

const expireMonths: Statement = {
  name: "retention-expire-intake",
  text: "select entente.expire_intake($1, $2, $3, $4) as dropped",
};

interface ExpiredRow extends Record<string, unknown> {
  tenant_id: string;
  entries: number;
  acts: number;
}

/**
 * Lets raw intake go that is past its days: entry by entry once a day, and the tables of months that are over. What was not read by
 * everybody or has not ended stays. Each tenant's journal says how many went.
 * Errors: `database-unavailable`.
 */
export async function expireIntake(scene: RetentionScene): Promise<HeldMonths> {
  const { context, contexts } = scene;
  const { database } = context;
  const readers = await readersOf(context, contexts);
  if (readers.astray.length === 0) {
    for (let gone = atOnce; gone === atOnce; ) {
      gone = await database.transaction((connection) => expireSome(scene, connection, readers));
      await scene.probe?.(`retention-${context.definition.name}:expired`);
    }
    await database.run(expireMonths, placeValues(readers.places));
  }
  return heldOf(scene, readers);
}

async function expireSome(
  { context, now }: RetentionScene,
  connection: Connection,
  { places }: JournalReaders,
): Promise<number> {
  const { name } = context.definition;
  const rows = await connection.run<ExpiredRow>(expireCommands, [...placeValues(places), atOnce]);
  // That entries went which said only that others had gone is not worth another.
  const told = rows.filter(({ entries, acts }) => entries > acts);
  await appendEntries(
    connection,
    told.map(({ tenant_id: tenantId, entries, acts }) =>
      contextAct(name, now(), tenantId, "entente.intake-expired", {
        entries: entries - acts,
        by: "retention",
        why: "raw intake is past its days",
      }),
    ),
  );
  return rows.reduce((sum, { entries }) => sum + entries, 0);
}

async function heldOf({ context, now }: RetentionScene, readers: JournalReaders): Promise<HeldMonths> {
  const held = new Map<string, readonly Hold[]>();
  const keeping = await readKeeping(context.database);
  for (const { month, endsAt } of await readMonths(context.database)) {
    if (!isDue(keeping, endsAt, now())) continue;
    const holds = await readerHolds(context, readers, spanOf(month));
    held.set(month, holds.length > 0 ? holds : [commandOpen]);
  }
  return held;
}

export const commandOpen: Hold = {
  what: "process-open",
  says: "A command of the month has not come to its end.",
};
