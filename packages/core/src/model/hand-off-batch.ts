import type { Finding, HandOffLife } from "./hand-off.ts";
import { type ErrorMap, meaningOf, type Translation } from "./hand-off-answer.ts";
import type { RowOutcome } from "./hand-off-record.ts";

/** A batch carries many business rows in one sending; each row has its own key and its own outcome. */

export interface RowChange {
  readonly row: number;
  readonly outcome: Exclude<RowOutcome, "open">;
  readonly code: string | null;
}

export interface BatchFinding {
  readonly changes: readonly RowChange[];
  /** What all this says about the batch as a whole. */
  readonly finding: Finding;
  /** Rows without an outcome that are not known there. A row that has one is not counted, nor is one they named twice. */
  readonly notKnown: number;
  /** Rows they named that are not ours, or that contradict an outcome we have. */
  readonly impossible: readonly string[];
}

export interface KnownRow {
  readonly row: number;
  readonly outcome: RowOutcome;
}

/**
 * True while rows can be taken out of a batch: nothing of it is under way, and nothing that is open may have happened. Until then
 * a row that is wanted no more is remembered.
 */
export function mayTakeOutRows(life: HandOffLife): boolean {
  if (life.doubt || life.effectKnown) return false;
  return life.state !== "sent" && life.state !== "accepted" && life.state !== "unknown";
}

/** What follows for a batch from which the last open row was taken out: nobody wants any of it, or it is done, because other rows are. */
export function withoutOpenRows(rowsCompleted: number): {
  readonly what: "withdrawn" | "rows-done";
} {
  return { what: rowsCompleted === 0 ? "withdrawn" : "rows-done" };
}

/**
 * Reads an answer about rows. Rows they do not name stay open: silence about a row is no outcome. The batch is completed when no
 * row is open; it is not done when every row that is open is said not to be known there, and it is taken in otherwise.
 */
export function findRows(
  translation: Translation,
  rows: ReadonlyMap<string, KnownRow>,
  errorMap: ErrorMap,
): BatchFinding {
  const changes = new Map<number, RowChange>();
  const impossible: string[] = [];
  const notKnown = new Set<number>();
  for (const said of translation.rows ?? []) {
    const known = rows.get(said.key);
    const outcome = outcomeOf(said, errorMap);
    if (known === undefined) impossible.push(said.key);
    else if (outcome === "not-known") notKnown.add(known.row);
    else if (outcome === null) continue;
    else if (known.outcome === "open")
      changes.set(known.row, { row: known.row, outcome, code: said.code ?? null });
    else if (known.outcome !== outcome) impossible.push(said.key);
  }
  let open = 0;
  let openNotKnown = 0;
  for (const { row, outcome } of rows.values()) {
    if (outcome !== "open" || changes.has(row)) continue;
    open++;
    if (notKnown.has(row)) openNotKnown++;
  }
  const finding: Finding = open === 0 ? "completed" : openNotKnown === open ? "not-done" : "accepted";
  return { changes: [...changes.values()], finding, notKnown: openNotKnown, impossible };
}

/** Null: says nothing that settles the row. */
function outcomeOf(
  said: { readonly says: "completed" | "code" | "not-known"; readonly code?: string },
  errorMap: ErrorMap,
): "completed" | "rejected" | "not-known" | null {
  if (said.says !== "code") return said.says;
  const answerClass = meaningOf(errorMap, said.code)?.class;
  if (answerClass === "BUSINESS_REJECTED" || answerClass === "DUPLICATE_CONFLICT") return "rejected";
  return answerClass === "IDEMPOTENT_SUCCESS" ? "completed" : null;
}
