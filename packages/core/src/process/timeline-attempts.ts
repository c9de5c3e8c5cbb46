import { comparePositions, type Entry, type JsonObject } from "../model/entry.ts";
import { type JsonChange, jsonChanges } from "../model/json-changes.ts";
import { openedType } from "../treaty/hand-off-entries.ts";

/** What was tried more than once, or could have been: commands that were parked, and hand-offs. */

/** Who ordered something, and why. */
export interface Ordered {
  readonly by: string;
  readonly why: string;
}

/** What was learnt of an attempt. */
export interface AttemptOutcome {
  readonly entryId: string;
  /** Epoch milliseconds, business time. */
  readonly at: number;
  /** State of the hand-off then, or `parked`, `discarded` for a command. */
  readonly state: string;
  /** Who says so: `answer`, `callback`, `inquiry`, `person`, `courier`, `deadline`, `domain`. */
  readonly by: string | null;
  readonly class: string | null;
  readonly code: string | null;
  readonly label: string | null;
  /** What the treaty says the code means; null for codes that it does not know. */
  readonly means: string | null;
}

/** What a treaty says a code means. */
export type MeaningOf = (treaty: string, code: string) => string | null;

export interface Attempt {
  readonly attempt: number;
  /** The person whose decision made it; null for the first. */
  readonly ordered: Ordered | null;
  /** What was asked; null when it is not kept under this attempt. */
  readonly request: JsonObject | null;
  /** Against the attempt before. Null for the first, and when one of the two requests is not kept. */
  readonly changes: readonly JsonChange[] | null;
  readonly outcomes: readonly AttemptOutcome[];
}

export interface Attempted {
  /** The command, or the opening of the hand-off. */
  readonly entryId: string;
  readonly context: string;
  /** What was tried, in words of who asked: a command's type, or a treaty's name. */
  readonly what: string;
  /** The counterparty of a hand-off; null for a command. */
  readonly counterparty: string | null;
  readonly attempts: readonly Attempt[];
}

const handOffType = /^entente\.hand-off-/;
const parkedAct = /^entente\.parked-(redriven|corrected|discarded)$/;
const parkedFact = /^entente\.command-(parked|discarded)$/;

/** Every hand-off and every command that was parked, oldest first. Entries of batches hold only the rows of the process. */
export function attemptsIn(entries: readonly Entry[], meaningOf: MeaningOf): Attempted[] {
  const inOrder = entries.toSorted(
    (a, b) => a.source.localeCompare(b.source) || comparePositions(a.position, b.position),
  );
  const moves = Map.groupBy(
    inOrder.filter(({ type }) => handOffType.test(type) && type !== openedType),
    ({ data }) => textOf(data.handOffId) ?? "",
  );
  const acts = Map.groupBy(
    inOrder.filter(({ type }) => parkedAct.test(type) || parkedFact.test(type)),
    ({ data }) => textOf(data.entryId) ?? "",
  );
  return inOrder.flatMap((entry) => {
    if (entry.type === openedType) return [handOffAttempts(entry, moves.get(entry.id) ?? [], meaningOf)];
    const own = acts.get(entry.id);
    return own === undefined || entry.kind === "control" ? [] : [commandAttempts(entry, own)];
  });
}

function handOffAttempts(opening: Entry, moves: readonly Entry[], meaningOf: MeaningOf): Attempted {
  const { data } = opening;
  const request = requestOf(data);
  const attempts: Attempt[] = [];
  const byAttempt = Map.groupBy(moves, (move) => Number(move.data.attempt ?? 1));
  let before = textOf(data.requestHash);
  for (const [attempt, own] of [
    [1, byAttempt.get(1) ?? []] as const,
    ...[...byAttempt].filter(([n]) => n !== 1),
  ]) {
    const hash = textOf(own.at(-1)?.data.requestHash) ?? before;
    // The journal keeps the request once; an attempt without the rows withdrawn meanwhile has another hash.
    const kept = hash === textOf(data.requestHash) ? request : null;
    const changes = attempt === 1 || kept === null || hash !== before ? null : [];
    attempts.push({
      attempt,
      ordered: attempt === 1 ? null : orderedBy(own[0]),
      request: kept,
      changes,
      outcomes: own.map((move) => outcomeOf(move, meaningOf)),
    });
    before = hash;
  }
  return {
    entryId: opening.id,
    context: opening.source,
    what: textOf(data.treaty) ?? "",
    counterparty: textOf(data.target),
    attempts,
  };
}

/** A single act's request, or the rows of the process in a batch. */
function requestOf(data: JsonObject): JsonObject | null {
  const { request, rows } = data;
  if (isObject(request)) return request;
  const requests = Array.isArray(rows) ? rows.map((row) => (isObject(row) ? row.request : null)) : [];
  const [only = null] = requests;
  return requests.length === 1 && isObject(only) ? only : { rows: requests.map((one) => one ?? null) };
}

function commandAttempts(command: Entry, acts: readonly Entry[]): Attempted {
  const attempts: { ordered: Ordered | null; request: JsonObject; outcomes: AttemptOutcome[] }[] = [
    { ordered: null, request: command.data, outcomes: [] },
  ];
  for (const act of acts) {
    const last = attempts.at(-1) as (typeof attempts)[number];
    if (act.type === "entente.parked-redriven" || act.type === "entente.parked-corrected") {
      const corrected = act.data.corrected;
      attempts.push({
        ordered: orderedBy(act),
        request: isObject(corrected) ? corrected : last.request,
        outcomes: [],
      });
    } else if (parkedFact.test(act.type)) last.outcomes.push(outcomeOf(act, () => null));
  }
  return {
    entryId: command.id,
    context: command.source,
    what: command.type,
    counterparty: null,
    attempts: attempts.map((one, n) => ({
      attempt: n + 1,
      ...one,
      changes: n === 0 ? null : jsonChanges(attempts[n - 1]?.request ?? {}, one.request),
    })),
  };
}

function outcomeOf({ id, type, occurredAt, data }: Entry, meaningOf: MeaningOf): AttemptOutcome {
  // Of a batch counts what became of the own row, where that was said.
  const row = Array.isArray(data.rows) ? data.rows[0] : undefined;
  const [, outcome, rowCode] = Array.isArray(row) ? row : [];
  const code = textOf(rowCode) ?? textOf(data.code);
  return {
    entryId: id,
    at: occurredAt,
    state: textOf(outcome) ?? textOf(data.state) ?? type.slice(type.lastIndexOf("-") + 1),
    by: textOf(data.by),
    class: textOf(data.class),
    code,
    label: textOf(data.label),
    means: code === null ? null : meaningOf(textOf(data.treaty) ?? "", code),
  };
}

function orderedBy(entry: Entry | undefined): Ordered | null {
  const by = textOf(entry?.data.person) ?? (entry?.kind === "control" ? textOf(entry.data.by) : null);
  return by === null ? null : { by, why: textOf(entry?.data.why) ?? "" };
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
