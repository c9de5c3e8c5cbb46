import { readStoredCursors } from "../consumer/cursors.ts";
import type { VersionInFlight } from "../contract/in-flight.ts";
import type { TreatyInFlight } from "../contract/treaties-in-flight.ts";
import { comparePositions, journalStart, type Position } from "../model/entry.ts";
import { laneCount } from "../model/lane.ts";
import { int2Array, int8Array, xid8Array } from "../postgres/arrays.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { readOpenVersions } from "../treaty/open-versions.ts";
import type { SystemDefinition } from "./definition.ts";
import { followersIn } from "./followers.ts";

/**
 * Purpose: what types and versions a journal holds, and how much of it somebody has yet to consume.
 * Lock: none. Reads the whole journal: for an operator before a release, not for a running system's own use.
 */
const versionsInJournal: Statement = {
  name: "versions-in-journal",
  text: `select j.kind, j.type, j.schema_version, count(*)::text as entries,
      (count(*) filter (where (j.xid, j.seq) > (passed.xid, passed.seq)))::text as waiting
    from entente.journal j
    join unnest($1::int2[], $2::xid8[], $3::int8[]) as passed(lane, xid, seq) on passed.lane = j.lane
    group by j.kind, j.type, j.schema_version`,
};

/** Entries set aside keep a copy of their own, which outlives the journal's month. */
const versionsSetAside: Statement = {
  name: "versions-set-aside",
  text: `select journal, entry->>'kind' as kind, type, entry->>'schemaVersion' as schema_version, count(*)::text as entries
    from entente.parked where state not in ('done', 'discarded') group by 1, 2, 3, 4`,
};

interface VersionRow extends Record<string, unknown> {
  kind: string;
  type: string;
  schema_version: string;
  entries: string;
}

/** The databases of one context: `database` with its own login, `journal` with one that may read the journal. */
export interface ContextDatabases {
  readonly database: Database;
  readonly journal: Database;
}

/**
 * Every (type, version) in the journals of a system, and among the entries set aside.
 * Shape: one row per journal, kind, type and version, in no order. An entry waits while any consumer the system defines
 * has not passed it; a consumer that was never started has passed nothing.
 * Errors: `database-unavailable`; those of databaseFailure when a database was never provisioned.
 */
export async function readVersionsInFlight(
  definition: SystemDefinition,
  databases: ReadonlyMap<string, ContextDatabases>,
): Promise<VersionInFlight[]> {
  const passed = await passedByAll(definition, databases);
  const found: VersionInFlight[] = [];
  for (const { name } of definition.contexts) {
    const { journal, database } = databases.get(name) as ContextDatabases;
    const lanes = passed.get(name) as readonly Position[];
    const inJournal = await journal.run<VersionRow & { waiting: string }>(versionsInJournal, [
      int2Array(lanes.map((_, lane) => lane)),
      xid8Array(lanes.map(({ xid }) => xid)),
      int8Array(lanes.map(({ seq }) => seq)),
    ]);
    for (const row of inJournal) found.push(versionOf(name, row, Number(row.waiting)));
    const aside = await database.run<VersionRow & { journal: string }>(versionsSetAside);
    for (const row of aside) found.push(versionOf(row.journal, row, Number(row.entries)));
  }
  return gathered(found);
}

/**
 * Every (treaty, version) with hand-offs that are not at their end, in the databases of a system.
 * Errors: as readVersionsInFlight.
 */
export async function readTreatiesInFlight(
  databases: ReadonlyMap<string, ContextDatabases>,
): Promise<TreatyInFlight[]> {
  const found: TreatyInFlight[] = [];
  for (const [context, { database }] of databases) {
    for (const open of await readOpenVersions(database)) found.push({ context, ...open });
  }
  return found;
}

function versionOf(journal: string, row: VersionRow, waiting: number): VersionInFlight {
  const { kind, type, schema_version: schemaVersion } = row;
  return { journal, kind, type, schemaVersion, entries: Number(row.entries), waiting };
}

/** One row for what is both in the journal and set aside. */
function gathered(found: readonly VersionInFlight[]): VersionInFlight[] {
  const sums = new Map<string, VersionInFlight>();
  for (const one of found) {
    const key = JSON.stringify([one.journal, one.kind, one.type, one.schemaVersion]);
    const before = sums.get(key);
    const entries = Math.max(before?.entries ?? 0, one.entries);
    const waiting = Math.min(entries, (before?.waiting ?? 0) + one.waiting);
    sums.set(key, { ...one, entries, waiting });
  }
  return [...sums.values()];
}

/** By journal: the position in each lane that every consumer of it has passed. */
async function passedByAll(
  definition: SystemDefinition,
  databases: ReadonlyMap<string, ContextDatabases>,
): Promise<Map<string, Position[]>> {
  const lanes = Array.from({ length: laneCount }, (_, lane) => lane);
  const lowest = new Map<string, (Position | null)[]>(
    definition.contexts.map(({ name }) => [name, lanes.map(() => null)]),
  );
  for (const context of definition.contexts) {
    const { database } = databases.get(context.name) as ContextDatabases;
    // Statistics count what an entry is, and read nothing of its document: no version of it is theirs to understand.
    for (const { consumer, journal } of followersIn(context).filter(({ kind }) => kind !== "statistics")) {
      const cursors = await readStoredCursors(database, consumer, journal);
      const positions = lowest.get(journal) ?? [];
      for (const lane of lanes) {
        const here = cursors.find((cursor) => cursor.lane === lane)?.position ?? journalStart;
        const before = positions[lane] ?? null;
        if (before === null || comparePositions(here, before) < 0) positions[lane] = here;
      }
    }
  }
  // A journal that nobody follows holds nothing that waits.
  const end: Position = { xid: "9223372036854775807", seq: "9223372036854775807" };
  return new Map([...lowest].map(([name, positions]) => [name, positions.map((one) => one ?? end)]));
}
