import { join } from "node:path";
import { contextAct } from "../context/context-act.ts";
import type { ReachableContext } from "../context/system.ts";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import { Failure } from "../model/failure.ts";
import { readersOf } from "./journal-readers.ts";
import {
  detachMonth,
  dropMonth,
  type JournalKeeping,
  type LeavingMonth,
  readKeeping,
  readLeaving,
  readMonths,
  readUnderWay,
  recordArchive,
} from "./leaving-month.ts";
import { openLogProofs } from "./log-proofs.ts";
import { type Hold, holdsOf, spanOf } from "./month-holds.ts";
import { digestOf, isFileTrouble, writeArchive } from "./write-archive.ts";

export const dayMs = 86_400_000;

/** What retention works with in one context. */
export interface RetentionScene {
  readonly system: string;
  readonly context: ReachableContext;
  readonly contexts: readonly ReachableContext[];
  /** Business time, epoch milliseconds. */
  readonly now: () => number;
  /** Null: nothing of evidence leaves. */
  readonly archiveFolder: string | null;
  /** Points: `retention-<context>:` and `detached`, `archived`, `recorded`, `dropped`, `expired`. */
  readonly probe?: (point: string) => Promise<void> | void;
}

/** Who has a month leave, when that is a person. */
export interface LeaveOrder {
  readonly month: string;
  readonly by: string;
  readonly why: string;
}

/** Why months that are past their time are still there, by month. */
export type HeldMonths = ReadonlyMap<string, readonly Hold[]>;

/**
 * Has every month leave that is past its time and that nobody needs: out of the journal, into an archive that was read back, into
 * the journal as an entry per tenant, and only then dropped. What a crash left half-way is taken up where it stands.
 * Errors: `archive-unwritable` (unavailable), `archive-damaged` (defect), `audit-checkpoint-missing` (refused), `audit-log-damaged`
 * (conflict), `database-unavailable`: the month's rows are still there then, in the journal or beside it.
 */
export async function leaveJournal(scene: RetentionScene, order?: LeaveOrder): Promise<HeldMonths> {
  const { context, contexts, archiveFolder } = scene;
  const { database } = context;
  const held = new Map<string, readonly Hold[]>();
  const keeping = await readKeeping(database);
  for (const leaving of await readUnderWay(database)) {
    if (archiveFolder === null) held.set(leaving.month, [folderMissing]);
    else
      await finish(
        scene,
        archiveFolder,
        keeping,
        leaving,
        order?.month === leaving.month ? order : undefined,
      );
  }
  const due = (await readMonths(database)).filter(
    ({ month, endsAt }) =>
      isDue(keeping, endsAt, scene.now()) && (order === undefined || order.month === month),
  );
  if (due.length === 0) return held;
  const readers = await readersOf(context, contexts);
  for (const { month } of due) {
    if (archiveFolder === null) {
      held.set(month, [folderMissing]);
      continue;
    }
    const holds = await holdsOf(context, contexts, readers, spanOf(month));
    if (holds.length > 0) {
      held.set(month, holds);
      continue;
    }
    const leavingId = newId(scene.now());
    const refused = await detachMonth(database, month, leavingId, readers.places);
    if (refused === "month-unread")
      held.set(month, [{ what: "unread", says: "A reader has not come so far." }]);
    if (refused !== null) continue;
    await scene.probe?.(`retention-${scene.context.definition.name}:detached`);
    await finish(scene, archiveFolder, keeping, { leavingId, month, file: null, digest: null }, order);
  }
  return held;
}

/** True when a month that ends then has been kept its time. */
export function isDue({ keptDays }: Pick<JournalKeeping, "keptDays">, endsAt: number, now: number): boolean {
  return keptDays !== null && endsAt + keptDays * dayMs <= now;
}

export const folderMissing: Hold = {
  what: "archive-folder-missing",
  says: "No folder for archives is set: ENTENTE_ARCHIVE.",
};

/** Brings a month that has left the journal to its end. */
async function finish(
  scene: RetentionScene,
  folder: string,
  keeping: JournalKeeping,
  leaving: Pick<LeavingMonth, "leavingId" | "month" | "file" | "digest">,
  order: LeaveOrder | undefined,
): Promise<void> {
  const { database } = scene.context;
  const { leavingId } = leaving;
  let { file, digest } = leaving;
  if (file === null || digest === null || !(await isWhole(join(folder, file), digest))) {
    const archive = await archiveMonth(scene, folder, keeping, leaving);
    ({ file, digest } = archive);
    await scene.probe?.(`retention-${scene.context.definition.name}:archived`);
    if (!(await recordInJournal(scene, keeping, leaving, archive, order))) return;
    await scene.probe?.(`retention-${scene.context.definition.name}:recorded`);
    if (!(await isWhole(join(folder, file), digest))) throw lost(join(folder, file));
  }
  await dropMonth(database, leavingId, digest);
  await scene.probe?.(`retention-${scene.context.definition.name}:dropped`);
}

type Archive = Awaited<ReturnType<typeof writeArchive>>;

async function archiveMonth(
  { system, context, contexts }: RetentionScene,
  folder: string,
  { generation }: JournalKeeping,
  { leavingId, month }: Pick<LeavingMonth, "leavingId" | "month">,
): Promise<Archive> {
  const { name } = context.definition;
  const span = spanOf(month);
  const audit = contexts.find(({ definition }) => definition.audit !== undefined);
  return writeArchive({
    folder,
    about: {
      system,
      context: name,
      generation,
      month,
      from: new Date(span.from).toISOString(),
      to: new Date(span.to).toISOString(),
    },
    pages: readLeaving(context.database, leavingId),
    proofs: audit === undefined ? null : openLogProofs(audit.database, name, generation),
  });
}

/** Remembers the archive and says so in the journal, to each tenant what of its own went: both or neither. */
async function recordInJournal(
  scene: RetentionScene,
  { keptDays }: JournalKeeping,
  { leavingId, month }: Pick<LeavingMonth, "leavingId" | "month">,
  archive: Archive,
  order: LeaveOrder | undefined,
): Promise<boolean> {
  const { context, now } = scene;
  const { name } = context.definition;
  const { file, digest, byTenant } = archive;
  const { by, why } = order ?? { by: "retention", why: `kept for ${keptDays} days` };
  return context.database.transaction(async (connection) => {
    if (!(await recordArchive(connection, leavingId, archive))) return false;
    const entries = [...byTenant].map(([tenantId, count]) =>
      contextAct(name, now(), tenantId, "entente.month-archived", {
        month,
        file,
        digest,
        entries: count,
        by,
        why,
      }),
    );
    await appendEntries(connection, entries);
    return true;
  });
}

async function isWhole(path: string, digest: string): Promise<boolean> {
  try {
    return (await digestOf(path)) === digest;
  } catch (error) {
    if (isFileTrouble(error)) return false;
    throw error;
  }
}

function lost(path: string): Failure {
  return new Failure("defect", "archive-damaged", `${path} is not what was written. The month is kept.`, {
    fields: { path },
  });
}
