import { type EntryRow, entryOf } from "../journal/read.ts";
import type { Entry } from "../model/entry.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import { placeValues, type ReaderPlace } from "./journal-readers.ts";

/**
 * A month of evidence on its way out of the journal, as stored: docs/states/leaving-month.md. Every move is a function of the
 * schema's owner that checks the time by itself; the context's login may call it and do nothing else.
 */
export interface LeavingMonth {
  readonly leavingId: string;
  /** `2026-01` */
  readonly month: string;
  readonly state: "detached" | "archived" | "dropped";
  readonly file: string | null;
  readonly digest: string | null;
  readonly entries: number | null;
  /** Business time. */
  readonly detachedAt: number;
  readonly archivedAt: number | null;
  readonly droppedAt: number | null;
}

/** What the journal says about its keeping. */
export interface JournalKeeping {
  readonly generation: string;
  /** Null: for ever. */
  readonly keptDays: number | null;
  readonly isIntake: boolean;
  readonly historyBegins: number | null;
}

const keeping: Statement = {
  name: "retention-keeping",
  text: `select generation, kept_days as "keptDays", is_intake as "isIntake", history_begins as "historyBegins"
    from entente.journal_identity`,
};

export async function readKeeping(connection: Connection): Promise<JournalKeeping> {
  const [row] = await connection.run(keeping);
  if (row === undefined) throw new Error("journal_identity has no row: the schema was not migrated");
  return row as unknown as JournalKeeping;
}

const months: Statement = {
  name: "retention-months",
  text: "select to_char(month, 'YYYY-MM') as month, ends_at from entente.journal_months()",
};

/** Months the journal has, oldest first, and when each ends. */
export async function readMonths(
  connection: Connection,
): Promise<{ readonly month: string; readonly endsAt: number }[]> {
  const rows = await connection.run<{ month: string; ends_at: number }>(months);
  return rows.map(({ month, ends_at }) => ({ month, endsAt: ends_at }));
}

const leavingColumns = `select leaving_id as "leavingId", to_char(month, 'YYYY-MM') as month, state, file, digest,
  entries::float8 as entries, detached_at as "detachedAt", archived_at as "archivedAt", dropped_at as "droppedAt"
  from entente.leaving_month`;

const underWay: Statement = {
  name: "retention-under-way",
  text: `${leavingColumns} where state <> 'dropped' order by leaving_month.month`,
};

const gone: Statement = {
  name: "retention-gone",
  text: `${leavingColumns} where state = 'dropped' order by leaving_month.month desc limit $1`,
};

/** Months that have left the journal and whose rows are still there, oldest first. */
export async function readUnderWay(connection: Connection): Promise<LeavingMonth[]> {
  return (await connection.run(underWay)) as unknown as LeavingMonth[];
}

/** Months of which only the archive is left, newest first, at most `limit`. */
export async function readGone(connection: Connection, limit: number): Promise<LeavingMonth[]> {
  return (await connection.run(gone, [limit])) as unknown as LeavingMonth[];
}

const detach: Statement = {
  name: "retention-detach",
  text: "select entente.detach_month(to_date($1, 'YYYY-MM'), $2, $3, $4, $5, $6) as refused",
};

export type DetachRefusal = "month-unknown" | "retention-not-over" | "month-leaving" | "month-unread";

/** Takes a month out of the journal; null when done. Errors: `database-unavailable` when somebody uses the journal for too long. */
export async function detachMonth(
  connection: Connection,
  month: string,
  leavingId: string,
  places: readonly ReaderPlace[],
): Promise<DetachRefusal | null> {
  const [row] = await connection.run<{ refused: DetachRefusal | null }>(detach, [
    month,
    leavingId,
    ...placeValues(places),
  ]);
  return row?.refused ?? null;
}

const page: Statement = {
  name: "retention-read-leaving",
  text: "select * from entente.read_leaving($1, $2, $3)",
};

const pageEntries = 256;

/** Everything of a month that has left, by id. */
export async function* readLeaving(connection: Connection, leavingId: string): AsyncGenerator<Entry[]> {
  let after = "00000000-0000-0000-0000-000000000000";
  for (;;) {
    const rows = await connection.run<EntryRow>(page, [leavingId, after, pageEntries]);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows.map(entryOf);
    after = last.id;
  }
}

const record: Statement = {
  name: "retention-record",
  text: "select entente.record_archive($1, $2, $3, $4) as recorded",
};

/** False when the month is gone meanwhile. In the transaction of the entries that say so. */
export async function recordArchive(
  connection: Connection,
  leavingId: string,
  archive: { readonly file: string; readonly digest: string; readonly entries: number },
): Promise<boolean> {
  const [row] = await connection.run<{ recorded: boolean | null }>(record, [
    leavingId,
    archive.file,
    archive.digest,
    archive.entries,
  ]);
  return row?.recorded === true;
}

const drop: Statement = { name: "retention-drop", text: "select entente.drop_month($1, $2) as dropped" };

/** False when the month is gone, or has another archive than that of this digest. */
export async function dropMonth(connection: Connection, leavingId: string, digest: string): Promise<boolean> {
  const [row] = await connection.run<{ dropped: boolean }>(drop, [leavingId, digest]);
  return row?.dropped === true;
}
