import type { ContextDefinition } from "../context/definition.ts";
import { Failure } from "../model/failure.ts";
import { uuidArray } from "../postgres/arrays.ts";
import type { Connection, Database, Statement } from "../postgres/database.ts";
import { readBatchesOf } from "../treaty/batch-rows.ts";
import { openedType } from "../treaty/hand-off-entries.ts";
import { batchTreaties, isHeard, rowsOfFact } from "../treaty/rows-of-facts.ts";
import { decodeLeaf, entryOfLeaf, type Leaf, type Payload } from "./leaf.ts";
import { readLeavesAt, type StoredLeaf } from "./read-audit-log.ts";

/**
 * Entries of a log that belong to selected ones and stand under processes of their own: the batches their facts went into, and what
 * led to them from outside, such as a counterparty's callback. The same relation as a timeline's, see process/read-timeline.ts; but
 * read from the log, which goes on when journals have left. Only which rows a batch has is asked of the context that keeps it.
 */

/** The signed part of one tenant's log. */
export interface SignedLog {
  readonly connection: Connection;
  readonly tenantId: string;
  readonly size: number;
}

/** A context in whose database rows of batches stand. */
export interface BatchPlace {
  readonly definition: Pick<ContextDefinition, "treaties">;
  readonly database: Database;
}

export interface Belonging {
  /** The selected ones and those that belong to them, ascending. */
  readonly indexes: readonly number[];
  /** Those of them whose opening may speak of others, and stays with the log. Ascending. */
  readonly closed: ReadonlySet<number>;
}

/** Entries read at once. */
const pageEntries = 256;
/** Processes whose entries are asked for at once. */
const processesAtOnce = 256;
/** Causes above each other that are followed, as a timeline does. */
const heightAllowed = 5;

/** What is known of the selected entries. */
interface Own {
  readonly ids: Set<string>;
  /** Ids of what caused them; true: only of what a batch shares with others, or of that too. */
  readonly causes: Map<string, boolean>;
  readonly batches: Map<string, OwnBatch>;
  /** Of the facts that went into batches. */
  readonly correlations: Set<string>;
}

/** A batch with rows of the selection. */
interface OwnBatch {
  readonly rows: Set<number>;
  readonly isShared: boolean;
}

/**
 * Adds what belongs to selected entries.
 * Bounds: memory grows with the entries found, `allowed` of them at most, and holds the bytes of 256. Statements: for each 256 entries
 * one in the log and one in each context with batches.
 * Errors: `audit-selection-too-large` (refused); `database-unavailable` when a context with batches does not answer: without its rows
 * the bundle would be less than it says it is.
 */
export async function addBelonging(
  log: SignedLog,
  places: readonly BatchPlace[],
  selected: readonly number[],
  allowed: number,
): Promise<Belonging> {
  const own = await readOwn(log, places, selected);
  const isSelected = new Set(selected);
  const added = new Map<number, boolean>();
  const take = (index: number, isClosed: boolean): void => {
    if (isSelected.has(index)) return;
    added.set(index, isClosed);
    if (selected.length + added.size > allowed) throw selectionTooLarge(allowed);
  };
  await takeBatches(log, own, take);
  await takeCauses(log, own, take);
  return {
    indexes: [...selected, ...added.keys()].sort((a, b) => a - b),
    closed: new Set(
      [...added].flatMap(([index, isClosed]) => (isClosed ? [index] : [])).sort((a, b) => a - b),
    ),
  };
}

export function selectionTooLarge(allowed: number): Failure {
  const text = `More than ${allowed} entries are selected. Export an account, a period or the whole log.`;
  return new Failure("refused", "audit-selection-too-large", text, { fields: { indexesAllowed: allowed } });
}

async function readOwn(
  log: SignedLog,
  places: readonly BatchPlace[],
  selected: readonly number[],
): Promise<Own> {
  const own: Own = { ids: new Set(), causes: new Map(), batches: new Map(), correlations: new Set() };
  const keepers = places
    .map(({ definition, database }) => ({ treaties: batchTreaties(definition.treaties), database }))
    .filter(({ treaties }) => treaties.length > 0);
  const heard = (leaf: Leaf): boolean =>
    keepers.some(({ treaties }) => treaties.some((treaty) => isHeard(treaty, leaf)));
  for (let at = 0; at < selected.length; at += pageEntries) {
    const page = selected.slice(at, at + pageEntries);
    const facts = (await readLeavesAt(log.connection, log.tenantId, page)).flatMap(({ leaf, payload }) => {
      const said = decodeLeaf(leaf);
      if (said === null) return [];
      own.ids.add(said.id);
      if (said.causationId !== null) own.causes.set(said.causationId, false);
      return payload !== null && heard(said) ? [entryOfLeaf(said, payloadOf(payload))] : [];
    });
    for (const { treaties, database } of keepers) {
      const rows = facts.flatMap((fact) => rowsOfFact(treaties, fact));
      for (const { handOffId, rowCount, rows: found } of await readBatchesOf(database, log.tenantId, rows)) {
        const known = new Set([...(own.batches.get(handOffId)?.rows ?? []), ...found]);
        own.batches.set(handOffId, { rows: known, isShared: known.size < rowCount });
      }
    }
    for (const { correlationId } of facts) own.correlations.add(correlationId);
  }
  return own;
}

type Take = (index: number, isClosed: boolean) => void;

async function takeBatches(log: SignedLog, own: Own, take: Take): Promise<void> {
  for await (const { n, leaf, payload } of leavesUnder(log, [...own.batches.keys()])) {
    const said = decodeLeaf(leaf);
    const batch = said === null ? undefined : own.batches.get(said.processId);
    if (said === null || batch === undefined) continue;
    take(n, batch.isShared && payload !== null && !isOurs(said, payloadOf(payload), batch, own));
    own.ids.add(said.id);
    const { causationId } = said;
    if (causationId !== null)
      own.causes.set(causationId, batch.isShared || own.causes.get(causationId) === true);
  }
}

/**
 * Whether an entry of a batch that is shared with others says nothing of them: a move of the hand-off, without words of the counterparty
 * or of a person. Of rows of others it says at most that they were completed.
 */
function isOurs(leaf: Leaf, payload: Payload, batch: OwnBatch, { correlations }: Own): boolean {
  const isMove =
    leaf.kind === "event" && leaf.type.startsWith("entente.hand-off-") && leaf.type !== openedType;
  const { correlationId, customerId, data } = payload;
  // Batches once had the correlation of the process that happened to be their first.
  const isCorrelated = correlationId === leaf.processId || correlations.has(correlationId);
  if (!isMove || !isCorrelated || customerId !== null) return false;
  const { label = null, why = null, rows = [] } = data;
  return (
    label === null &&
    why === null &&
    Array.isArray(rows) &&
    rows.every(
      (row) =>
        Array.isArray(row) && (batch.rows.has(Number(row[0])) || (row[1] === "completed" && row[2] === null)),
    )
  );
}

/** What led into the selection from outside: what the runtime itself writes, as for a timeline; a cause begins a process of its own. */
async function takeCauses(log: SignedLog, own: Own, take: Take): Promise<void> {
  let pending = own.causes;
  for (let height = 1; height <= heightAllowed; height++) {
    const wanted = [...pending.keys()].filter((id) => !own.ids.has(id));
    const next = new Map<string, boolean>();
    for await (const { n, leaf } of leavesUnder(log, wanted)) {
      const said = decodeLeaf(leaf);
      const isShared = said === null ? undefined : pending.get(said.id);
      if (said === null || isShared === undefined || own.ids.has(said.id) || !isOutside(said)) continue;
      // A run looks at hand-offs of many.
      take(n, isShared || said.kind === "reconciliation");
      own.ids.add(said.id);
      if (said.causationId !== null) next.set(said.causationId, isShared);
    }
    if (next.size === 0) return;
    pending = next;
  }
}

function isOutside({ kind, type }: Leaf): boolean {
  if (kind === "command") return type.startsWith("entente.");
  return kind === "callback" || kind === "control" || kind === "reconciliation";
}

/** Pages of the places of these processes in the signed log. Index: audit_sheet_of. */
const ofProcesses: Statement = {
  name: "audit-select-processes",
  text: `select s.first + p.place - 1 as n from entente.audit_sheet s
    cross join lateral unnest(s.process_ids) with ordinality as p(process_id, place)
    where s.tenant_id = $1 and s.process_ids && $2::uuid[] and p.process_id = any($2::uuid[])
      and s.first + p.place - 1 > $3::int8 and s.first + p.place - 1 < $4::int8 order by n limit $5`,
};

async function* leavesUnder(
  { connection, tenantId, size }: SignedLog,
  processIds: readonly string[],
): AsyncGenerator<StoredLeaf> {
  for (let at = 0; at < processIds.length; at += processesAtOnce) {
    const some = uuidArray(processIds.slice(at, at + processesAtOnce));
    for (let after: number | undefined = -1; after !== undefined; ) {
      const values = [tenantId, some, after, size, pageEntries];
      const rows: { n: string }[] = await connection.run<{ n: string }>(ofProcesses, values);
      const indexes = rows.map(({ n }) => Number(n));
      yield* await readLeavesAt(connection, tenantId, indexes);
      after = indexes.length < pageEntries ? undefined : indexes.at(-1);
    }
  }
}

/** Verified by whoever reads the bundle; here it is what the log wrote. */
function payloadOf(bytes: Buffer): Payload {
  return JSON.parse(bytes.toString("utf8")) as Payload;
}
