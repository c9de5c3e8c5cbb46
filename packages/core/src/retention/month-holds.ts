import { sheetEntries } from "../audit/sheet.ts";
import type { ReachableContext } from "../context/system.ts";
import { firstIdAt } from "../model/id.ts";
import { int2Array, int8Array, textArray, xid8Array } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import type { JournalReaders } from "./journal-readers.ts";

/** Why a month may not leave its journal yet. */
export interface Hold {
  readonly what:
    | "reader-astray"
    | "unread"
    | "process-open"
    | "hand-off-open"
    | "entry-set-aside"
    | "state-unwritten"
    | "log-unsigned"
    | "archive-folder-missing"
    | "under-way";
  readonly says: string;
}

/** A month by the ids of its entries, which begin and end with it. Times in epoch milliseconds. */
export interface MonthSpan {
  readonly from: number;
  readonly to: number;
}

/** The month `2026-01`. */
export function spanOf(month: string): MonthSpan {
  const [year = 0, number = 1] = month.split("-").map(Number);
  return { from: Date.UTC(year, number - 1, 1), to: Date.UTC(year, number, 1) };
}

const unread: Statement = {
  name: "retention-unread",
  text: `select distinct r.reader from unnest($3::text[], $4::int2[], $5::xid8[], $6::int8[], $7::boolean[]) as r(reader, lane, xid, seq, own)
    cross join lateral (
      select from entente.journal e where e.id >= $1::uuid and e.id < $2::uuid and e.lane = r.lane and (e.xid, e.seq) > (r.xid, r.seq)
        and (not r.own or (e.kind = 'command' and e.target = e.source)) limit 1) e order by 1`,
};

const openProcesses: Statement = {
  name: "retention-open-processes",
  text: `select exists (select from entente.process p where p.process_id >= $1::uuid and p.process_id < $2::uuid
        and p.state not in ('confirmed', 'failed'))
    or exists (select from entente.journal c left join entente.process p on p.process_id = c.id
      where c.id >= $1::uuid and c.id < $2::uuid and c.kind = 'command' and c.target <> c.source and p.process_id is null) as found`,
};

const openHandOffs: Statement = {
  name: "retention-open-hand-offs",
  text: `select exists (select from entente.hand_off h where h.hand_off_id >= $1::uuid and h.hand_off_id < $2::uuid
    and h.state not in ('completed', 'cancelled')) as found`,
};

const setAside: Statement = {
  name: "retention-set-aside",
  text: `select exists (select from entente.parked p where p.journal = $3 and p.entry_id >= $1::uuid and p.entry_id < $2::uuid
    and p.state not in ('done', 'discarded')) as found`,
};

/** Whoever takes a lane over folds the facts after its mark into the stored states: those must be there. */
const unwritten: Statement = {
  name: "retention-unwritten",
  text: `select exists (
    select from generate_series(0, 7) as l(lane)
      left join entente.state_mark m on m.decider = $3 and m.lane = l.lane
      cross join lateral (select from entente.journal e where e.lane = l.lane::int2 and e.id >= $1::uuid and e.id < $2::uuid
        and e.xid > coalesce(m.xid, '0'::xid8) and e.type = any($4::text[]) limit 1) e) as found`,
};

/** Whether the first entry of a log that no checkpoint covers stands among entries of before the month's end. */
const unsigned: Statement = {
  name: "retention-unsigned",
  text: `select exists (
    select from entente.audit_tree t
      left join lateral (select size from entente.audit_checkpoint where tenant_id = t.tenant_id order by hour desc limit 1) c on true
      join entente.audit_sheet s on s.tenant_id = t.tenant_id and s.first > coalesce(c.size, 0) - ${sheetEntries}
        and s.first <= coalesce(c.size, 0) and s.first + s.entries > coalesce(c.size, 0)
    where s.first_at < to_timestamp($1::float8 / 1000)) as found`,
};

/** What keeps a month of evidence in its journal; nothing: it may leave. Errors: `database-unavailable`. */
export async function holdsOf(
  context: ReachableContext,
  contexts: readonly ReachableContext[],
  readers: JournalReaders,
  span: MonthSpan,
): Promise<Hold[]> {
  const { name } = context.definition;
  const ids = [firstIdAt(span.from), firstIdAt(span.to)];
  const found = async (connection: Connection, statement: Statement, values: readonly unknown[]) =>
    (await connection.run<{ found: boolean }>(statement, values))[0]?.found === true;
  const holds = await readerHolds(context, readers, span);
  const add = (what: Hold["what"], says: string): void => void holds.push({ what, says });
  for (const other of contexts) {
    const { definition, database } = other;
    if (definition.intake !== undefined && (await found(database, openProcesses, ids)))
      add(
        "process-open",
        `A process of the month has not ended: see the process view of ${definition.name}.`,
      );
    if (await found(database, setAside, [...ids, name]))
      add("entry-set-aside", `An entry of the month waits in ${definition.name} for an operator or a retry.`);
    if (definition.audit !== undefined && (await found(database, unsigned, [span.to])))
      add("log-unsigned", "The audit log of a tenant is not signed that far.");
  }
  if (await found(context.database, openHandOffs, ids))
    add("hand-off-open", "A hand-off that was opened in the month has not come to its end.");
  for (const { decider } of context.definition.deciders ?? []) {
    const types = textArray(decider.facts.map(({ type }) => type));
    if (await found(context.database, unwritten, [...ids, decider.name, types]))
      add(
        "state-unwritten",
        `${decider.name} has facts of the month that its stored states do not hold yet.`,
      );
  }
  return holds;
}

/** Readers that have not come to the month's end. */
export async function readerHolds(
  { database }: ReachableContext,
  { places, astray }: JournalReaders,
  { from, to }: MonthSpan,
): Promise<Hold[]> {
  const holds = astray.map(
    ({ reader, says }): Hold => ({ what: "reader-astray", says: `${reader} ${says}.` }),
  );
  const rows = await database.run<{ reader: string }>(unread, [
    firstIdAt(from),
    firstIdAt(to),
    textArray(places.map(({ reader }) => reader)),
    int2Array(places.map(({ lane }) => lane)),
    xid8Array(places.map(({ position }) => position.xid)),
    int8Array(places.map(({ position }) => position.seq)),
    places.map(({ own }) => own),
  ]);
  return [
    ...holds,
    ...rows.map(({ reader }): Hold => ({ what: "unread", says: `${reader} has not read all of it.` })),
  ];
}
