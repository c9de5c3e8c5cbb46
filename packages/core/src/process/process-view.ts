import type { Batch } from "../consumer/batch.ts";
import type { ConsumerDefinition, ConsumerSource } from "../consumer/consumer.ts";
import type { Entry, JsonObject } from "../model/entry.ts";
import { freshUntil } from "../model/freshness.ts";
import { timeOfId } from "../model/id.ts";
import {
  isFinal,
  type ProcessDefinition,
  type ProcessReason,
  type ProcessState,
  type ProcessStep,
  type ProcessView,
  queuedProcess,
} from "../model/process.ts";
import { jsonArray, textArray, timeArray, uuidArray } from "../postgres/arrays.ts";
import { type Column, ColumnBatch } from "../postgres/column-batch.ts";
import type { Connection, Statement, Write } from "../postgres/database.ts";
import { openProcessMinutes, type ProcessMinutes } from "../statistics/process-minutes.ts";

/**
 * The process view: what customers and support see of every process, folded from facts by the process definitions.
 * A process without facts has no row: it is queued, which the journal itself tells. States: docs/states/process.md.
 */
export interface ProcessViewOptions {
  readonly definitions: readonly ProcessDefinition[];
  readonly sources: readonly ConsumerSource[];
  /** Rows were committed. */
  readonly onChange: () => void;
  readonly random: () => number;
  /** Business time. */
  readonly now: () => number;
}

interface Moved {
  readonly first: Entry;
  readonly definition: ProcessDefinition;
  readonly facts: Entry[];
}

export function processViewConsumer(options: ProcessViewOptions): ConsumerDefinition {
  const shard = Math.floor(options.random() * 1024);
  const byFact = new Map<string, ProcessDefinition[]>();
  for (const definition of options.definitions) {
    for (const fact of definition.facts) byFact.set(fact, [...(byFact.get(fact) ?? []), definition]);
  }

  /**
   * Which definition a fact speaks to. Most facts belong to one; facts about parked commands name the command's type;
   * where several definitions listen to the same fact, the command that started the process decides.
   */
  async function definitionsFor(
    connection: Connection,
    facts: readonly Entry[],
  ): Promise<(fact: Entry) => ProcessDefinition | undefined> {
    const ambiguous = facts.filter(
      (fact) => (byFact.get(fact.type)?.length ?? 0) > 1 && !isAboutParking(fact),
    );
    const commandTypes = new Map<string, string>();
    if (ambiguous.length > 0) {
      const rows = await connection.run<{ id: string; type: string }>(commandTypesOf, [
        uuidArray(ambiguous.map((fact) => fact.processId)),
      ]);
      for (const row of rows) commandTypes.set(row.id, row.type);
    }
    return (fact) => {
      const candidates = byFact.get(fact.type);
      if (candidates === undefined || candidates.length === 0) return undefined;
      if (candidates.length === 1 && !isAboutParking(fact)) return candidates[0];
      const started = isAboutParking(fact) ? fact.data["type"] : commandTypes.get(fact.processId);
      return candidates.find((definition) => definition.startedBy === started);
    };
  }

  async function apply(connection: Connection, batch: Batch): Promise<void> {
    const moved = new Map<string, Moved>();
    const definitionOf = await definitionsFor(connection, batch.entries);
    for (const fact of batch.entries) {
      const definition = definitionOf(fact);
      if (definition === undefined || batch.blocked(fact)) continue;
      const known = moved.get(fact.processId);
      if (known === undefined) moved.set(fact.processId, { first: fact, definition, facts: [fact] });
      else known.facts.push(fact);
    }
    if (moved.size === 0) return;
    const before = await loadViews(connection, [...moved.keys()]);
    const fresh = new Map<string, ProcessView>();
    const further = new Map<string, ProcessView>();
    const minutes = openProcessMinutes();
    const shownAt = options.now();
    let finished = 0;
    for (const [processId, one] of moved) {
      const known = before.get(processId);
      const view = fold(one.definition, known ?? queuedProcess, one.facts);
      // What a due timer started was never accepted from outside, so it counts neither as started nor as finished. An act in another
      // process, which has that one's correlation, moves only what has ended before.
      if (one.first.correlationId === processId || (known !== undefined && isFinal(known.state))) {
        if (isFinal(view.state) && !isFinal(known?.state ?? "queued")) finished++;
        countMove(minutes, one, known ?? queuedProcess, view.state, shownAt);
      }
      (known === undefined ? fresh : further).set(processId, view);
    }
    const writes = [
      ...viewWrites("process-insert", rowsOf(moved, fresh), insertFrom),
      ...viewWrites("process-update", rowsOf(moved, further), updateFrom),
      ...(finished > 0 ? [{ statement: countFinished, values: [shard, finished] }] : []),
      ...minutes.writes(shard),
    ];
    for (const write of writes) batch.writeLast(write);
  }

  return {
    name: "process-view",
    sources: options.sources,
    wants: (entry) => byFact.has(entry.type),
    policy: () => "hold-key",
    apply,
    committed: () => options.onChange(),
  };
}

/** Facts the runtime records about a command that could not be executed carry the command's type. */
function isAboutParking(fact: Entry): boolean {
  return fact.type.startsWith("entente.");
}

const commandTypesOf: Statement = {
  name: "process-command-types",
  text: "select id, type from entente.journal where id = any($1::uuid[])",
};

function fold(definition: ProcessDefinition, from: ProcessView, facts: readonly Entry[]): ProcessView {
  let view = from;
  for (const fact of facts) view = definition.apply(view, fact);
  return view;
}

/**
 * What the move of a process adds to its statistics. Latency ends when the view shows it, which is what the customer waits for, and not
 * when somebody decided.
 */
function countMove(
  minutes: ProcessMinutes,
  { first, definition, facts }: Moved,
  before: ProcessView,
  after: ProcessState,
  shownAt: number,
): void {
  const { tenantId, processId } = first;
  const { type } = definition;
  if (before.state !== after) {
    if (before.state === "confirmed" || before.state === "failed")
      minutes.ended(tenantId, type, processId, before.state, -1);
    if (after === "confirmed" || after === "failed") minutes.ended(tenantId, type, processId, after, 1);
    if (after === "confirmed")
      minutes.confirmedAfter(tenantId, type, processId, shownAt - timeOfId(processId));
  }
  // The first fact of a process repeats nothing, and that is nearly every one.
  if (definition.repeats === undefined || (before === queuedProcess && facts.length === 1)) return;
  let view = before;
  for (const fact of facts) {
    if (definition.repeats(view, fact)) minutes.doubled(tenantId, type, processId);
    view = definition.apply(view, fact);
  }
}

const columns =
  "process_id, tenant_id, type, key, customer_id, state, steps, reason, outcome, folded_by, updated_at, fresh_until";

/** A process that moved, and how it looks now. */
interface MovedView {
  readonly first: Entry;
  readonly definition: ProcessDefinition;
  readonly last: Entry;
  readonly view: ProcessView;
}

const load: Statement = {
  name: "process-load",
  // Facts of one process may lie on several keys, and so be folded by several workers at once: each waits for the other.
  text: `select process_id, state, steps, reason, outcome from entente.process where process_id = any($1::uuid[])
    order by process_id for update`,
};

const countFinished: Statement = {
  name: "process-count-finished",
  text: `insert into entente.tally as t (name, shard, total) values ('finished', $1, $2)
    on conflict (name, shard) do update set total = t.total + excluded.total`,
};

interface ViewRow extends Record<string, unknown> {
  process_id: string;
  state: ProcessState;
  steps: ProcessStep[];
  reason: ProcessReason | null;
  outcome: JsonObject | null;
}

/** Views of processes that have moved before; the others are absent. Nobody else moves them: their lanes are ours. */
async function loadViews(
  connection: Connection,
  processIds: readonly string[],
): Promise<Map<string, ProcessView>> {
  const rows = await connection.run<ViewRow>(load, [uuidArray(processIds)]);
  return new Map(rows.map((row) => [row.process_id, row]));
}

const text = (name: string, of: (row: MovedView) => string | null): Column<MovedView> => ({
  name,
  type: "text",
  of,
  array: (rows) => textArray(rows.map(of)),
});

const json = (name: string, of: (row: MovedView) => object | null): Column<MovedView> => ({
  name,
  type: "json",
  of,
  array: (rows) => jsonArray(rows.map((row) => (of(row) === null ? null : JSON.stringify(of(row))))),
});

const foldedByTexts = new WeakMap<ProcessDefinition, string>();

/** Which rules folded it: one text per definition, so that rows of a batch share it. */
function foldedByText({ definition }: MovedView): string {
  let known = foldedByTexts.get(definition);
  if (known === undefined) {
    known = JSON.stringify(definition.foldedBy ?? { name: definition.type, terms: {} });
    foldedByTexts.set(definition, known);
  }
  return known;
}

const foldedBy: Column<MovedView> = {
  name: "folded_by",
  type: "json",
  of: foldedByText,
  array: (rows) => jsonArray(rows.map(foldedByText)),
};

const processId: Column<MovedView> = {
  name: "process_id",
  type: "uuid",
  of: (row) => row.first.processId,
  array: (rows) => uuidArray(rows.map((row) => row.first.processId)),
};

const updatedAt: Column<MovedView> = {
  name: "updated_at",
  type: "timestamptz",
  of: (row) => row.last.occurredAt,
  array: (rows) => timeArray(rows.map((row) => row.last.occurredAt)),
};

/** A process is as fresh as the fact that moved it last. */
const freshUntilTime: Column<MovedView> = {
  name: "fresh_until",
  type: "timestamptz",
  of: (row) => freshUntil(row.last),
  array: (rows) => timeArray(rows.map((row) => freshUntil(row.last))),
};

/** The rows of a statement: in one order for all workers, so that they wait for each other instead of deadlocking. */
function rowsOf(
  moved: ReadonlyMap<string, Moved>,
  views: ReadonlyMap<string, ProcessView>,
): readonly MovedView[] {
  const rows: MovedView[] = [];
  for (const [id, view] of views) {
    const known = moved.get(id);
    const last = known?.facts.at(-1);
    if (known !== undefined && last !== undefined)
      rows.push({ first: known.first, definition: known.definition, last, view });
  }
  return rows.sort((a, b) => (a.first.processId < b.first.processId ? -1 : 1));
}

function viewBatch(rows: readonly MovedView[]): ColumnBatch<MovedView> {
  return new ColumnBatch(rows)
    .each(processId)
    .often(text("tenant_id", (row) => row.first.tenantId))
    .often(text("type", (row) => row.definition.type))
    .each(text("key", (row) => row.first.key))
    .often(text("customer_id", (row) => row.first.customerId))
    .often(text("state", (row) => row.view.state))
    .each(json("steps", (row) => row.view.steps))
    .often(json("reason", (row) => row.view.reason))
    .often(json("outcome", (row) => row.view.outcome))
    .often(foldedBy)
    .often(updatedAt)
    .often(freshUntilTime);
}

/** Processes one statement may move: it numbers them within one value of the sequence (migration 007). */
const perStatement = 4_095;
const changeBlock = "with block as materialized (select nextval('entente.process_change') as base)";
const changeOfRow = "(select base from block) + v.n";

/** `textFrom`: the statement, from its FROM item `v`. */
function viewWrites(
  name: string,
  rows: readonly MovedView[],
  textFrom: (from: string) => string,
): readonly Write[] {
  const writes: Write[] = [];
  for (let from = 0; from < rows.length; from += perStatement) {
    const batch = viewBatch(rows.slice(from, from + perStatement));
    const text = `${changeBlock} ${textFrom(batch.from("v"))}`;
    writes.push({ statement: { name: `${name}-${batch.shape}`, text }, values: batch.values });
  }
  return writes;
}

const insertFrom = (from: string): string =>
  `insert into entente.process (${columns}, change) select ${columns}, ${changeOfRow} from ${from}`;

const updateFrom = (from: string): string =>
  `update entente.process p set state = v.state, steps = v.steps, reason = v.reason, outcome = v.outcome,
      folded_by = v.folded_by, updated_at = v.updated_at, fresh_until = v.fresh_until, xid = pg_current_xact_id(), change = ${changeOfRow}
    from ${from} where p.process_id = v.process_id`;
