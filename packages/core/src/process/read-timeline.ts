import { columns, type EntryRow, entryOf, readProcessEntries } from "../journal/read.ts";
import { compareSiblings } from "../model/cause-order.ts";
import type { Entry } from "../model/entry.ts";
import { isFailure } from "../model/failure.ts";
import { isId } from "../model/id.ts";
import type { ProcessDefinition } from "../model/process.ts";
import { bytesArray, textArray, uuidArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { rowKeyHash } from "../treaty/batch-rows.ts";
import { readCasesAbout } from "../treaty/fallout-cases.ts";
import { openedType } from "../treaty/hand-off-entries.ts";
import { batchTreaties, type RowPlace, rowsOfFact } from "../treaty/rows-of-facts.ts";
import { type HandOffTreaty, isHandOffTreaty, type Treaty } from "../treaty/treaty.ts";
import { type ProcessTimeline, processTimeline, type TimelineHandOff } from "./process-timeline.ts";
import type { ProcessReader } from "./read-process.ts";
import type { MeaningOf } from "./timeline-attempts.ts";

/** Reads what every journal has of a process, side by side: by its index, then what belongs to it by its own keys. */
export interface TimelineReader {
  /**
   * The story of one process of the tenant, or null. Instead of a process, one of its entries may be named, such as a manual act.
   * Bounds: the earliest `limit` entries (1..1,000); three statements one after the other in each context, whatever they find.
   * Errors: `database-unavailable` when nothing was found and a context does not answer; with something found, it is `away`.
   */
  read(tenantId: string, id: string, limit: number): Promise<ProcessTimeline | null>;
}

export interface TimelineReaderSetting {
  readonly contexts: ReadonlyMap<string, TimelineContext>;
  readonly processes: ProcessReader;
  readonly definitions: readonly ProcessDefinition[];
  readonly factsFrom: readonly string[];
}

interface TimelineContext {
  readonly definition: { readonly name: string; readonly treaties?: readonly Treaty[] };
  readonly database: Database;
  readonly journal: Database;
}

export function openTimelineReader(setting: TimelineReaderSetting): TimelineReader {
  const contexts = [...setting.contexts.values()];
  const treaties = new Map(
    contexts.flatMap(({ definition }) => handOffTreaties(definition).map((treaty) => [treaty.name, treaty])),
  );

  const meaningOf: MeaningOf = (name, code) => {
    const errorMap = treaties.get(name)?.errorMap ?? {};
    return Object.hasOwn(errorMap, code) ? (errorMap[code]?.means ?? null) : null;
  };

  async function entriesOf(tenantId: string, id: string, limit: number) {
    return overContexts(contexts, async ({ journal }) => readProcessEntries(journal, tenantId, id, limit));
  }

  async function read(tenantId: string, id: string, limit: number): Promise<ProcessTimeline | null> {
    if (!isId(id)) return null;
    const first = await entriesOf(tenantId, id, limit + 1);
    const named = first.found.flat().find((entry) => entry.id === id);
    const processId = named?.processId ?? id;
    const [own, process] = await Promise.all([
      processId === id ? first : entriesOf(tenantId, processId, limit + 1),
      setting.processes.read(tenantId, processId),
    ]);
    const entries = own.found.flat();
    if (entries.length === 0 && process === null) {
      if (own.away.length > 0) throw own.reason;
      return null;
    }
    const added = await overContexts(contexts, (context) => aroundIn(context, tenantId, entries, limit));
    const all = [...entries, ...added.found.flatMap((around) => around.entries)].sort(compareSiblings);
    const kept = all.slice(0, limit);
    return processTimeline(
      {
        processId,
        process,
        entries: kept,
        handOffs: added.found.flatMap(({ handOffs }) => handOffs.map((one) => withTrouble(one, meaningOf))),
        cases: added.found.flatMap(({ cases }) => cases),
        away: [...new Set([...own.away, ...added.away])].sort(),
        more: all.length > limit,
      },
      {
        definitions: setting.definitions,
        factsFrom: setting.factsFrom,
        meaningOf,
        targetOf: (treaty) => treaties.get(treaty)?.target ?? null,
      },
    );
  }

  return { read };
}

function handOffTreaties({ treaties = [] }: TimelineContext["definition"]): HandOffTreaty[] {
  return treaties.filter(isHandOffTreaty);
}

/** Asks all contexts at once. One whose database is away takes nothing from the others. */
async function overContexts<Found>(
  contexts: readonly TimelineContext[],
  ask: (context: TimelineContext) => Promise<Found>,
): Promise<{ readonly found: Found[]; readonly away: string[]; readonly reason: unknown }> {
  const answers = await Promise.allSettled(contexts.map(ask));
  const found: Found[] = [];
  const away: string[] = [];
  let reason: unknown = null;
  for (const [n, answer] of answers.entries()) {
    if (answer.status === "fulfilled") found.push(answer.value);
    else if (isFailure(answer.reason, "database-unavailable")) {
      away.push(contexts[n]?.definition.name ?? "");
      reason = answer.reason;
    } else throw answer.reason;
  }
  return { found, away, reason };
}

/** What a context has about a process beside the entries that carry its id. */
async function aroundIn(
  context: TimelineContext,
  tenantId: string,
  entries: readonly Entry[],
  limit: number,
) {
  const { definition, database, journal } = context;
  const treaties = batchTreaties(definition.treaties);
  const rows = entries.flatMap((fact) => rowsOfFact(treaties, fact));
  const inBatches = await readBatches(database, tenantId, rows, limit + 1);
  const here = [...entries.filter(({ source }) => source === definition.name), ...inBatches];
  const ids = new Set(here.map(({ id }) => id));
  const outside = here.flatMap(({ causationId }) =>
    causationId !== null && !ids.has(causationId) ? [causationId] : [],
  );
  const handOffIds = here.flatMap(({ id, type }) => (type === openedType ? [id] : []));
  const caseIds = here.flatMap(({ data: { caseId } }) =>
    typeof caseId === "string" && isId(caseId) ? [caseId] : [],
  );
  const asksAnything = handOffIds.length + caseIds.length > 0;
  const [causes, cases, handOffs] = await Promise.all([
    outside.length === 0 ? [] : readCauses(journal, tenantId, [...new Set(outside)], limit + 1),
    asksAnything ? readCasesAbout(database, tenantId, handOffIds, caseIds, limit) : [],
    handOffIds.length === 0 ? [] : readHandOffs(database, tenantId, handOffIds),
  ]);
  return {
    entries: [...inBatches, ...causes],
    handOffs: handOffs.map((one) => ({ ...one, context: definition.name })),
    cases: cases.map((one) => ({ ...one, context: definition.name })),
  };
}

/** The batches with these rows, oldest first; of the rows of their openings only these. */
const batches: Statement = {
  name: "timeline-batches",
  text: `select ${columns.replace("e.data", "case when e.id = own.hand_off_id then own.opening else e.data end as data")}, own.rows as own_rows
    from (
      select r.hand_off_id, array_agg(r.row order by r.row) as rows
      from unnest($1::text[], $2::bytea[]) as n(target, key_hash)
      join entente.hand_off_row r on r.tenant_id = $3 and r.target = n.target and r.key_hash = n.key_hash
      group by r.hand_off_id) b
    cross join lateral (
      select b.hand_off_id, b.rows, (
        select json_object_agg(m.key, case when m.key = 'rows' then (select json_agg(m.value->r) from unnest(b.rows) as r) else m.value end)
        from entente.journal o cross join lateral json_each(o.data) as m
        where o.id = b.hand_off_id) as opening) own
    cross join lateral (
      select * from entente.journal j where j.id = own.hand_off_id and j.tenant_id = $3
      union all
      select * from entente.journal j
      where j.process_id = own.hand_off_id and j.process_id <> j.id and j.tenant_id = $3) e
    order by e.xid, e.seq limit $4`,
};

async function readBatches(
  connection: Connection,
  tenantId: string,
  rows: readonly RowPlace[],
  limit: number,
): Promise<Entry[]> {
  if (rows.length === 0) return [];
  const found = await connection.run<EntryRow & { own_rows: number[] }>(batches, [
    textArray(rows.map(({ target }) => target)),
    bytesArray(
      rows.map(({ key }) => rowKeyHash(key)),
      16,
    ),
    tenantId,
    limit,
  ]);
  return found.map((row) => onlyRows(entryOf(row), new Set(row.own_rows)));
}

/** A move names the rows it settled; what became of the rows of other processes is not part of this story. */
function onlyRows(entry: Entry, own: ReadonlySet<number>): Entry {
  const { rows } = entry.data;
  if (entry.type === openedType || !Array.isArray(rows)) return entry;
  const kept = rows.filter((row) => Array.isArray(row) && own.has(Number(row[0])));
  return { ...entry, data: { ...entry.data, rows: kept } };
}

/**
 * What lies outside the process and led into it: messages of counterparties, acts of people, runs. Only what the runtime itself
 * writes: the facts behind a batch are other processes' business. Index: the primary key, once for each cause.
 */
const causes: Statement = {
  name: "timeline-causes",
  text: `with recursive up as (
      select ${columns}, 1 as height from entente.journal e
      where e.id = any($1::uuid[]) and e.tenant_id = $2
        and (e.kind in ('callback', 'control', 'reconciliation') or (e.kind = 'command' and e.type like 'entente.%'))
      union all
      select ${columns}, up.height + 1 from up join entente.journal e on e.id = up.causation_id
      where up.height < 5 and e.tenant_id = $2
        and (e.kind in ('callback', 'control', 'reconciliation') or (e.kind = 'command' and e.type like 'entente.%')))
    select * from up order by xid, seq limit $3`,
};

async function readCauses(
  connection: Connection,
  tenantId: string,
  ids: readonly string[],
  limit: number,
): Promise<Entry[]> {
  return (await connection.run<EntryRow>(causes, [uuidArray(ids), tenantId, limit])).map(entryOf);
}

interface HandOffRow extends Record<string, unknown> {
  readonly handOffId: string;
  readonly treaty: string;
  readonly target: string;
  readonly state: string;
  readonly externalReference: string | null;
  readonly class: string | null;
  readonly code: string | null;
  readonly text: string | null;
}

const handOffsNow: Statement = {
  name: "timeline-hand-offs",
  text: `select hand_off_id as "handOffId", treaty, target, state, external_reference as "externalReference",
      last_error_class as class, last_error_code as code, last_error_text as text
    from entente.hand_off where tenant_id = $1 and hand_off_id = any($2::uuid[]) order by created_at, hand_off_id`,
};

async function readHandOffs(
  connection: Connection,
  tenantId: string,
  handOffIds: readonly string[],
): Promise<HandOffRow[]> {
  return connection.run<HandOffRow>(handOffsNow, [tenantId, uuidArray(handOffIds)]);
}

function withTrouble(row: HandOffRow & { readonly context: string }, meaningOf: MeaningOf): TimelineHandOff {
  const { class: errorClass, code, text, handOffId, context, treaty, target, state, externalReference } = row;
  const means = code === null ? null : meaningOf(treaty, code);
  const isQuiet = errorClass === null && code === null && text === null;
  const trouble = isQuiet ? null : { class: errorClass, code, text, means };
  return { handOffId, context, treaty, target, state, externalReference, trouble };
}
