import { orderByCause } from "../model/cause-order.ts";
import { comparePositions, type Entry, type JsonObject } from "../model/entry.ts";
import { type ProcessDefinition, type ProcessView, queuedProcess } from "../model/process.ts";
import type { FalloutCase } from "../treaty/fallout-cases.ts";
import { hideKeys } from "./hide-keys.ts";
import type { ProcessRecord } from "./read-process.ts";
import { type Actor, actorOf } from "./timeline-actor.ts";
import { type Attempted, attemptsIn, type MeaningOf } from "./timeline-attempts.ts";

/** The whole story of a process, put together from what several journals have of it. Pure. */

/** One entry of the story. Times in epoch milliseconds, business time. */
export interface TimelineStep {
  readonly entryId: string;
  /** The entry that caused it; null at a beginning. It may lie outside the story. */
  readonly causedBy: string | null;
  /** How many causes within the story stand above it. */
  readonly depth: number;
  /** The process it is part of: this one, the one this is about, or one that led into it. A batch is a process of its own. */
  readonly processId: string;
  readonly context: string;
  readonly kind: Entry["kind"];
  readonly type: string;
  readonly key: string;
  readonly at: number;
  /** Since the earliest step. */
  readonly afterMs: number;
  readonly actor: Actor;
  /** As the journal has it, with hashes for idempotency keys, and of a batch only the rows of this process. */
  readonly data: JsonObject;
  /** What its customer sees from here on; null where that did not change. */
  readonly customer: ProcessView | null;
}

/** How a counterparty's side of it stands. */
export interface TimelineHandOff {
  readonly handOffId: string;
  readonly context: string;
  readonly treaty: string;
  readonly target: string;
  readonly state: string;
  readonly externalReference: string | null;
  /** The last trouble with it, and what the treaty says the code means; null without any. */
  readonly trouble: {
    readonly class: string | null;
    readonly code: string | null;
    readonly text: string | null;
    readonly means: string | null;
  } | null;
}

export interface ProcessTimeline {
  readonly processId: string;
  /** As it stands for its customer; null for what no customer asked for, such as a due timer. */
  readonly process: ProcessRecord | null;
  /** The process that this one is about, as it stands for its customer; null for one that is about no other. Its steps are among the steps. */
  readonly about: ProcessRecord | null;
  /** By cause; see orderByCause. */
  readonly steps: readonly TimelineStep[];
  readonly attempts: readonly Attempted[];
  readonly handOffs: readonly TimelineHandOff[];
  readonly cases: readonly (FalloutCase & { readonly context: string })[];
  readonly tookPart: {
    readonly contexts: readonly string[];
    readonly counterparties: readonly string[];
    readonly people: readonly string[];
  };
  /** Contexts whose database did not answer: their part is missing. */
  readonly away: readonly string[];
  /** There are more entries than were asked for; the earliest are here. */
  readonly more: boolean;
}

/** What was read. */
export interface TimelineParts {
  readonly processId: string;
  readonly process: ProcessRecord | null;
  readonly about: ProcessRecord | null;
  readonly entries: readonly Entry[];
  readonly handOffs: readonly TimelineHandOff[];
  readonly cases: ProcessTimeline["cases"];
  readonly away: readonly string[];
  readonly more: boolean;
}

export interface TimelineRules {
  readonly definitions: readonly ProcessDefinition[];
  /** Contexts whose facts move processes. */
  readonly factsFrom: readonly string[];
  targetOf(treaty: string): string | null;
  readonly meaningOf: MeaningOf;
}

export function processTimeline(parts: TimelineParts, rules: TimelineRules): ProcessTimeline {
  const { processId, process, about, handOffs, cases, away, more } = parts;
  const entries = hideKeys(parts.entries);
  const seen = new Map([
    ...customerViews(entries, about?.processId ?? null, about, rules),
    ...customerViews(entries, processId, process, rules),
  ]);
  const start = entries.reduce((earliest, { occurredAt }) => Math.min(earliest, occurredAt), Infinity);
  const steps = orderByCause(entries).map(({ entry, depth }): TimelineStep => {
    const { id, causationId, processId: partOf, source, kind, type, key, occurredAt, data } = entry;
    return {
      entryId: id,
      causedBy: causationId,
      depth,
      processId: partOf,
      context: source,
      kind,
      type,
      key,
      at: occurredAt,
      afterMs: occurredAt - start,
      actor: actorOf(entry, rules.targetOf),
      data,
      customer: seen.get(entry) ?? null,
    };
  });
  const attempts = attemptsIn(entries, rules.meaningOf);
  const named = (kind: Actor["kind"]) =>
    steps.flatMap(({ actor }) => (actor.kind === kind && actor.name !== null ? [actor.name] : []));
  return {
    processId,
    process,
    about,
    steps,
    attempts,
    handOffs,
    cases,
    tookPart: {
      contexts: sorted(steps.map(({ context }) => context)),
      counterparties: sorted([...named("counterparty"), ...handOffs.map(({ target }) => target)]),
      people: sorted(named("operator")),
    },
    away,
    more,
  };
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

export function definitionOf(
  definitions: readonly ProcessDefinition[],
  process: Pick<ProcessRecord, "type"> | null,
): ProcessDefinition | undefined {
  return definitions.find(({ type, startedBy }) => process?.type === type || process?.type === startedBy);
}

/**
 * The process view folded as its consumer does it: each journal in its own order, between journals by clock. Keyed by the entry
 * from which the view shows; entries that change nothing are absent.
 */
function customerViews(
  entries: readonly Entry[],
  processId: string | null,
  process: ProcessRecord | null,
  { definitions, factsFrom }: TimelineRules,
): ReadonlyMap<Entry, ProcessView> {
  const views = new Map<Entry, ProcessView>();
  const definition = definitionOf(definitions, process);
  if (definition === undefined) return views;
  const command = entries.find((entry) => entry.id === processId && entry.kind === "command");
  if (command !== undefined) views.set(command, queuedProcess);
  const heard = entries.filter(
    (entry) =>
      entry.processId === processId &&
      factsFrom.includes(entry.source) &&
      definition.facts.includes(entry.type) &&
      // What the runtime says of a parked entry is about the process only when that entry started it.
      (!entry.type.startsWith("entente.") || entry.data.type === definition.startedBy),
  );
  let view = queuedProcess;
  for (const fact of merged(heard)) {
    const next = definition.apply(view, fact);
    if (JSON.stringify(next) !== JSON.stringify(view)) views.set(fact, next);
    view = next;
  }
  return views;
}

/** Each journal in its own order; of the journals' next entries the earliest comes first. */
function merged(entries: readonly Entry[]): Entry[] {
  const journals = [...Map.groupBy(entries, ({ source }) => source).values()].map((own) =>
    own.sort((a, b) => comparePositions(a.position, b.position)),
  );
  const order: Entry[] = [];
  for (;;) {
    const [next] = journals
      .filter((journal) => journal.length > 0)
      .sort(([a], [b]) => compareHeads(a as Entry, b as Entry));
    const entry = next?.shift();
    if (entry === undefined) return order;
    order.push(entry);
  }
}

function compareHeads(a: Entry, b: Entry): number {
  return a.occurredAt - b.occurredAt || (a.source < b.source ? -1 : 1);
}
