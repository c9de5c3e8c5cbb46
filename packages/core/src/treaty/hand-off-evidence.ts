import type { Json, JsonObject } from "../model/entry.ts";
import type { Finding, Verdict } from "../model/hand-off.ts";
import type { AnswerClass, Translation } from "../model/hand-off-answer.ts";
import { type BatchFinding, findRows } from "../model/hand-off-batch.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import type { Witnessed } from "./advance-hand-offs.ts";
import type { BatchRows } from "./batch-rows.ts";
import type { StoredHandOff } from "./hand-off-rows.ts";
import type { HandOffTreaty } from "./treaty.ts";

/** What is kept of what others said: hashes, codes and references, never payloads. */

export interface SaidRows extends BatchFinding {
  readonly said: NonNullable<Translation["rows"]>;
  /** The whole batch was said to be done; no row needs naming. */
  readonly all: boolean;
}

export function findInRows(
  handOff: StoredHandOff,
  batch: BatchRows,
  treaty: HandOffTreaty,
  translation: Translation,
  finding: Finding,
): SaidRows {
  const said = translation.rows ?? [];
  if (said.length === 0)
    return { changes: [], finding, notKnown: 0, impossible: [], said, all: finding === "completed" };
  const rows = findRows(translation, batch.byKey(said.map(({ key }) => key)), treaty.errorMap);
  const open = handOff.rowsOpen - rows.changes.length;
  // `findRows` saw only the rows they named; the others are open too.
  const whole: Finding = open === 0 ? "completed" : rows.notKnown >= open ? "not-done" : "accepted";
  return { ...rows, finding: whole, said, all: false };
}

export function keepEvidence(
  handOff: StoredHandOff,
  one: Witnessed,
  verdict: Verdict,
  answerClass: AnswerClass | null,
): StoredHandOff {
  const translation = one.seen.what === "said" ? one.seen.translation : undefined;
  const reference = translation?.reference ?? handOff.externalReference;
  const responseHash = one.responseHash ?? handOff.lastResponseHash;
  // Old news may still bring their name for it; the rest of what is kept is about what counted last.
  if (verdict === "stale") return { ...handOff, externalReference: handOff.externalReference ?? reference };
  const isTrouble = answerClass !== null && answerClass !== "IDEMPOTENT_SUCCESS";
  return {
    ...handOff,
    externalReference: reference,
    lastResponseHash: responseHash,
    externalCode: translation?.code ?? handOff.externalCode,
    externalLabel: short(translation?.label) ?? handOff.externalLabel,
    ...(isTrouble || one.errorCode !== undefined
      ? {
          lastErrorClass: answerClass ?? one.errorClass ?? null,
          lastErrorCode: one.errorCode ?? translation?.code ?? null,
          lastErrorText: short(one.errorText ?? translation?.label) ?? null,
        }
      : {}),
  };
}

/** Text of others, bounded and storable. */
function short(text: string | undefined): string | undefined {
  return text?.slice(0, 300).replaceAll("\u0000", "\ufffd").toWellFormed();
}

export function evidence(
  told: StoredHandOff,
  one: Witnessed,
  answerClass: AnswerClass | null,
  rows: SaidRows | null,
): JsonObject {
  return {
    class: answerClass,
    // Where no answer came there is no code of theirs, and ours says what happened instead.
    code: one.errorCode ?? told.externalCode,
    label: told.externalLabel,
    externalReference: told.externalReference,
    responseHash: told.lastResponseHash,
    ...(rows === null
      ? {}
      : { rows: rows.changes.map(({ row, outcome, code }): Json => [row, outcome, code]) }),
  };
}

export function meaningOfCode(treaty: HandOffTreaty, handOff: StoredHandOff): string {
  const code = handOff.lastErrorCode ?? handOff.externalCode ?? "";
  return Object.hasOwn(treaty.errorMap, code) ? (treaty.errorMap[code]?.means ?? code) : `Refused: ${code}`;
}

/**
 * What went wrong last, in our words alone: what the treaty says their code means, or our own sentence about a call that failed.
 * Null: nothing did, or only they have words for it. Theirs may hold what the request was about.
 */
export function ownErrorText(treaty: HandOffTreaty, handOff: HandOff): string | null {
  const { lastErrorClass, lastErrorCode, lastErrorText } = handOff;
  if (lastErrorCode === null) return null;
  if (Object.hasOwn(treaty.errorMap, lastErrorCode)) return treaty.errorMap[lastErrorCode]?.means ?? null;
  return lastErrorClass === "UNCLASSIFIED_EXTERNAL_FAILURE" ? null : lastErrorText;
}
