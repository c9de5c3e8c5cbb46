import type { Entry } from "../model/entry.ts";
import { openedType } from "../treaty/hand-off-entries.ts";
import type { Span, SpanAttributes, SpanKind, SpanRef } from "./span.ts";
import { callerOf, spanIdOf, traceIdOf } from "./trace-identity.ts";

/**
 * An entry is a span, and what caused it is its parent: the tree of a process is the tree of its entries. The one exception is the sending
 * of a hand-off, which becomes a span when it ends, because only then is known how long it took and what came of it.
 * Pure. Nothing of an entry's data goes along but what is named here: no payload, no key, no text of others.
 */

/** Entries that may be needed to tell to which trace a cause belongs; see `causesToFind`. */
export type FoundCauses = ReadonlyMap<string, Entry>;

/** Ids of entries to look up in `own` journal and, rarely, in all of them. */
export function causesToFind(entries: readonly Entry[]): {
  readonly own: readonly string[];
  readonly anywhere: readonly string[];
} {
  const known = new Set(entries.map(({ id }) => id));
  const own = new Set<string>();
  const anywhere = new Set<string>();
  for (const entry of entries) {
    const cause = isOwnCommand(entry) ? entry.causationId : saidBy(entry);
    if (cause !== null && !known.has(cause)) own.add(cause);
    if ((isPartOfProcess(entry) || isActFromElsewhere(entry)) && !known.has(entry.processId))
      anywhere.add(entry.processId);
    if (isActFromElsewhere(entry) && !known.has(entry.causationId)) anywhere.add(entry.causationId);
  }
  return { own: [...own], anywhere: [...anywhere] };
}

/** A command of a context to others or itself: what caused it may belong to another process, such as a batch. */
function isOwnCommand(entry: Entry): entry is Entry & { readonly causationId: string } {
  return entry.kind === "command" && entry.causationId !== null && entry.id !== entry.processId;
}

/** Something heard from outside that belongs to a process which began elsewhere. */
function isPartOfProcess(entry: Entry): boolean {
  return entry.causationId === null && entry.id !== entry.processId;
}

/** A fact that was decided in another process and changes this one. */
function isActFromElsewhere(entry: Entry): entry is Entry & { readonly causationId: string } {
  const { kind, causationId, correlationId, processId } = entry;
  const isDecided = kind === "event" && causationId !== null && !entry.type.startsWith("entente.");
  return isDecided && causationId !== processId && correlationId !== processId;
}

/**
 * Spans of entries, in their order; `offsetMs`: how far business time is ahead of wall time.
 * Guarantees: a parent is the span of an entry that is in a journal and belongs to the same trace, or the caller's.
 */
export function spansOf(entries: readonly Entry[], found: FoundCauses, offsetMs: number): Span[] {
  const causes = new Map(found);
  for (const entry of entries) causes.set(entry.id, entry);
  const spans: Span[] = [];
  for (const entry of entries) {
    if (isSending(entry)) continue;
    const sending = sendingEndedBy(entry, offsetMs);
    if (sending !== null) spans.push(sending);
    spans.push(spanOf(entry, causes, offsetMs));
  }
  return spans;
}

const handOffFacts = "entente.hand-off-";
const sentType = `${handOffFacts}sent`;

function isSending(entry: Entry): boolean {
  return entry.type === sentType;
}

/** A fact about a hand-off after its opening. */
function isHandOffFact(entry: Entry): boolean {
  return entry.kind === "event" && entry.type.startsWith(handOffFacts) && entry.type !== openedType;
}

/** The callback, the look or the act of a person that a fact about a hand-off follows from; null: something of its own process. */
function saidBy(entry: Entry): string | null {
  const { causationId, data } = entry;
  if (!isHandOffFact(entry) || data.by === "answer" || causationId === data.handOffId) return null;
  return causationId;
}

function spanOf(entry: Entry, causes: FoundCauses, offsetMs: number): Span {
  const { kind, name, attributes } = meaningOf(entry);
  const at = entry.occurredAt - offsetMs;
  return {
    ...refOf(entry),
    ...placeOf(entry, causes),
    name,
    kind,
    startAt: at,
    endAt: at,
    error: null,
    attributes: { ...attributesOf(entry), ...attributes },
    traceparent: entry.traceparent,
  };
}

/** The call to a counterparty: a hand-off leaves `sent` once for each sending, whoever finds out how it ended. */
function sendingEndedBy(entry: Entry, offsetMs: number): Span | null {
  const { from, sending, sentAt, by } = entry.data;
  if (!isHandOffFact(entry) || from !== "sent" || typeof sending !== "string") return null;
  const endAt = entry.occurredAt - offsetMs;
  const startAt = typeof sentAt === "number" ? Math.min(sentAt - offsetMs, endAt) : endAt;
  const code = text(entry, "class");
  const isTrouble = code !== null && code !== "IDEMPOTENT_SUCCESS";
  const target = text(entry, "target") ?? "";
  return {
    traceId: traceIdOf(entry.processId, entry.traceparent),
    spanId: spanIdOf(sending),
    parentId: spanIdOf(text(entry, "handOffId") ?? ""),
    parentIsRemote: false,
    name: `send ${text(entry, "treaty") ?? ""}`,
    kind: "client",
    startAt,
    endAt,
    error: isTrouble ? code : null,
    attributes: {
      ...attributesOf(entry),
      ...handOffAttributes(entry),
      "entente.entry_id": sending,
      "entente.ended_by": typeof by === "string" ? by : "",
      "peer.service": target,
      ...(isTrouble ? { "error.type": code } : {}),
    },
    links: [],
    traceparent: entry.traceparent,
  };
}

function refOf(entry: Entry): SpanRef {
  return { traceId: traceIdOf(entry.processId, entry.traceparent), spanId: spanIdOf(entry.id) };
}

type Place = Pick<Span, "parentId" | "parentIsRemote" | "links">;

function placeOf(entry: Entry, causes: FoundCauses): Place {
  const { id, processId, causationId, traceparent } = entry;
  if (id === processId) {
    // A process begins: at the call of somebody who told of a trace, or for a reason that belongs to another one.
    const caller = causationId === null && traceparent !== null ? callerOf(traceparent) : null;
    return { parentId: caller, parentIsRemote: caller !== null, links: linksTo(entry, causes) };
  }
  if (causationId === null) return below(entry, causes.get(processId), null);
  if (isHandOffFact(entry)) {
    const own = text(entry, "handOffId") ?? causationId;
    // What a callback or a person said is a story of its own, and is linked.
    const parent = entry.data.by === "answer" ? causationId : own;
    const said = causes.get(saidBy(entry) ?? "");
    return {
      parentId: spanIdOf(parent),
      parentIsRemote: false,
      links: said === undefined ? [] : [refOf(said)],
    };
  }
  if (isActFromElsewhere(entry)) return below(entry, causes.get(causationId), causes.get(processId) ?? null);
  if (!isOwnCommand(entry)) return { parentId: spanIdOf(causationId), parentIsRemote: false, links: [] };
  // Not in our journal: the command it was decided on came from another context, with the trace it has.
  const cause = causes.get(causationId);
  return cause === undefined
    ? { parentId: spanIdOf(causationId), parentIsRemote: false, links: [] }
    : below(entry, cause, causes.get(text(entry, "handOffId") ?? "") ?? null);
}

/** Under `above` when that is of the same trace, else under `instead` when that is; what is not above is linked. */
function below(entry: Entry, above: Entry | undefined, instead: Entry | null): Place {
  const { traceId } = refOf(entry);
  const parent = [above, instead].find((one) => one != null && refOf(one).traceId === traceId) ?? null;
  const links = above === undefined || above === parent ? [] : [refOf(above)];
  return { parentId: parent === null ? null : spanIdOf(parent.id), parentIsRemote: false, links };
}

/** Why a process of its own began: the rows of a batch, or what set a timer. */
function linksTo(entry: Entry, causes: FoundCauses): readonly SpanRef[] {
  const { rows } = entry.data;
  if (entry.type === openedType && Array.isArray(rows)) {
    return rows.flatMap((row: unknown) => {
      const { processId, factId, traceparent = null } = row as Record<string, string | null>;
      if (typeof processId !== "string" || typeof factId !== "string") return [];
      return [{ traceId: traceIdOf(processId, traceparent), spanId: spanIdOf(factId) }];
    });
  }
  const cause = entry.causationId === null ? undefined : causes.get(entry.causationId);
  return cause === undefined ? [] : [refOf(cause)];
}

interface Meaning {
  readonly kind: SpanKind;
  readonly name: string;
  readonly attributes: SpanAttributes;
}

function meaningOf(entry: Entry): Meaning {
  const { kind, type, source, target, causationId } = entry;
  const messaging = (operation: string, destination: string): SpanAttributes => ({
    "messaging.system": "entente",
    "messaging.operation.type": operation,
    "messaging.destination.name": destination,
    "messaging.message.id": entry.id,
  });
  switch (kind) {
    case "command":
      if (causationId === null && target !== source)
        return { kind: "server", name: `accept ${type}`, attributes: messaging("send", target ?? "") };
      if (causationId === null)
        return { kind: "consumer", name: `hear ${type}`, attributes: messaging("receive", source) };
      return { kind: "producer", name: `send ${type}`, attributes: messaging("send", target ?? "") };
    case "event":
      if (type === openedType) {
        const name = `open ${text(entry, "treaty") ?? ""}`;
        return { kind: "internal", name, attributes: handOffAttributes(entry) };
      }
      if (isHandOffFact(entry)) {
        const name = `${type.slice(handOffFacts.length)} ${text(entry, "treaty") ?? ""}`;
        return { kind: "internal", name, attributes: handOffAttributes(entry) };
      }
      return { kind: "consumer", name: `decide ${type}`, attributes: messaging("process", source) };
    case "callback":
      return { kind: "consumer", name: `receive ${type}`, attributes: handOffAttributes(entry) };
    case "reconciliation":
    case "snapshot":
    case "control":
      return { kind: "internal", name: type, attributes: {} };
  }
}

function attributesOf(entry: Entry): SpanAttributes {
  return {
    process_id: entry.processId,
    tenant_id: entry.tenantId,
    "entente.context": entry.source,
    "entente.entry_id": entry.id,
    "entente.entry_type": entry.type,
  };
}

function handOffAttributes(entry: Entry): SpanAttributes {
  const { attempt, tries } = entry.data;
  return {
    ...named("entente.treaty", text(entry, "treaty")),
    ...named("entente.counterparty", text(entry, "target")),
    ...named("entente.hand_off_id", entry.type === openedType ? entry.id : text(entry, "handOffId")),
    ...(typeof attempt === "number" ? { "entente.attempt": attempt } : {}),
    ...(typeof tries === "number" ? { "entente.tries": tries } : {}),
    ...named("entente.state", text(entry, "state")),
    ...named("entente.outcome_code", text(entry, "class")),
  };
}

function named(name: string, value: string | null): SpanAttributes {
  return value === null ? {} : { [name]: value };
}

/** A word of ours in the data of an entry of ours. */
function text(entry: Entry, name: string): string | null {
  const value = entry.data[name];
  return typeof value === "string" ? value : null;
}
