import type { Finding } from "./hand-off.ts";

/**
 * What an answer of a counterparty is worth to us. Their codes are mapped to these classes by the treaty's error map; a code that is
 * not on the map is UNCLASSIFIED_EXTERNAL_FAILURE: a person's case and a task to extend the map, never a guess.
 */
export type AnswerClass =
  /** Their rules said no. Rework or a case; never retried by itself. */
  | "BUSINESS_REJECTED"
  /** They have this very request already. */
  | "IDEMPOTENT_SUCCESS"
  /** They have another request under this key. */
  | "DUPLICATE_CONFLICT"
  /** It may have happened. Ask before anything else. */
  | "UNKNOWN"
  /** It did not happen and may be sent again: only for codes of which the counterparty promises that. */
  | "TECHNICAL_RETRYABLE"
  /** They do not accept our credentials. Stop and alert. */
  | "SECURITY_CONFIGURATION_FAILURE"
  /** Not on the map. */
  | "UNCLASSIFIED_EXTERNAL_FAILURE";

export const answerClasses: readonly AnswerClass[] = [
  "BUSINESS_REJECTED",
  "IDEMPOTENT_SUCCESS",
  "DUPLICATE_CONFLICT",
  "UNKNOWN",
  "TECHNICAL_RETRYABLE",
  "SECURITY_CONFIGURATION_FAILURE",
  "UNCLASSIFIED_EXTERNAL_FAILURE",
];

/** What the treaty says one of their codes means. */
export interface CodeMeaning {
  readonly class: AnswerClass;
  /** In our words, for operators. */
  readonly means: string;
  /** For IDEMPOTENT_SUCCESS: the act is not only taken in but done. */
  readonly done?: boolean;
}

export type ErrorMap = Readonly<Record<string, CodeMeaning>>;

/** Their words, translated as far as their author can: what they say, or a code for the error map. */
export interface Translation {
  readonly says: "accepted" | "completed" | "not-known" | "code";
  /** Their code as it came, kept as evidence; looked up in the error map when `says` is `code`. */
  readonly code?: string;
  /** Their text for it. */
  readonly label?: string;
  /** Their name for what we asked. */
  readonly reference?: string;
  /** Hash of the request they hold under our key, hexadecimal as we sent it. */
  readonly requestHash?: string;
  /** Milliseconds they ask us to wait. */
  readonly retryAfterMs?: number;
  /** For a batch: what became of its rows. Rows not named are as open as before. */
  readonly rows?: readonly RowTranslation[];
}

export interface RowTranslation {
  /** Key of the row, as we sent it. */
  readonly key: string;
  readonly says: "completed" | "code" | "not-known";
  readonly code?: string;
}

export interface Classified {
  readonly finding: Finding;
  /** Null for an answer that is no trouble. */
  readonly class: AnswerClass | null;
}

/**
 * What a translated answer amounts to. `requestHash`: of the request we sent, hexadecimal. `of`: what it answers. That something was
 * not taken and may be repeated is said of the request it answers: of a question it says nothing about the act.
 */
export function classify(
  translation: Translation,
  errorMap: ErrorMap,
  requestHash: string,
  of: "answer" | "inquiry" | "callback" = "answer",
): Classified {
  switch (translation.says) {
    case "accepted":
    case "completed":
      return { finding: translation.says, class: null };
    case "not-known":
      return { finding: "not-done", class: null };
    case "code":
      return aboutTheAct(classifyCode(translation, errorMap, requestHash), of);
  }
}

function aboutTheAct(classified: Classified, of: "answer" | "inquiry" | "callback"): Classified {
  const isTheirTrouble = classified.class === "TECHNICAL_RETRYABLE";
  return of !== "answer" && isTheirTrouble ? { ...classified, finding: "unclear" } : classified;
}

function classifyCode(translation: Translation, errorMap: ErrorMap, requestHash: string): Classified {
  const meaning = meaningOf(errorMap, translation.code);
  const known = meaning?.class ?? "UNCLASSIFIED_EXTERNAL_FAILURE";
  const isDuplicate = known === "IDEMPOTENT_SUCCESS" || known === "DUPLICATE_CONFLICT";
  // Their own word for a duplicate says little; the hashes decide where both sides have one.
  const answerClass =
    isDuplicate && translation.requestHash !== undefined
      ? translation.requestHash === requestHash
        ? "IDEMPOTENT_SUCCESS"
        : "DUPLICATE_CONFLICT"
      : known;
  if (answerClass === "IDEMPOTENT_SUCCESS") {
    return { finding: meaning?.done === true ? "completed" : "accepted", class: answerClass };
  }
  return { finding: findingOf[answerClass], class: answerClass };
}

/** Own members only: a code named `constructor` is not on the map. */
export function meaningOf(errorMap: ErrorMap, code: string | undefined): CodeMeaning | undefined {
  return code !== undefined && Object.hasOwn(errorMap, code) ? errorMap[code] : undefined;
}

const findingOf: Readonly<Record<Exclude<AnswerClass, "IDEMPOTENT_SUCCESS">, Finding>> = {
  BUSINESS_REJECTED: "rejected",
  DUPLICATE_CONFLICT: "conflict",
  UNKNOWN: "unclear",
  TECHNICAL_RETRYABLE: "not-done",
  SECURITY_CONFIGURATION_FAILURE: "blocked",
  UNCLASSIFIED_EXTERNAL_FAILURE: "unclassified",
};
