import { isFailure } from "../model/failure.ts";
import type { AnswerClass } from "../model/hand-off-answer.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import type { CircuitState } from "./circuit.ts";
import type { CaseKind } from "./fallout-cases.ts";
import { keyHash } from "./hand-off-entries.ts";

/**
 * What operators, logs and metrics hear of treaties. Nothing in it is a payload, a secret or a key: a line holds what finds the hand-off
 * again, and what counterparties say only as one of the normalised codes.
 */
export type TreatyEvent =
  | { readonly event: "hand-offs-sent"; readonly target: string; readonly count: number }
  | {
      readonly event: "hand-offs-answered";
      readonly target: string;
      readonly count: number;
      readonly unheard: number;
    }
  | { readonly event: "hand-offs-lost"; readonly target: string; readonly count: number }
  | {
      readonly event: "reconciled";
      readonly treaty: string;
      readonly looked: number;
      readonly corrected: number;
    }
  | HandOffLine
  | CallbackLine
  | CaseLine
  | CircuitLine
  | TroubleLine;

/** Everything to find one hand-off again on both sides, nothing of what it carries. Null: not known at this point. */
export interface LineSubject {
  readonly correlationId: string | null;
  readonly tenantId: string | null;
  readonly aggregateId: string | null;
  readonly handOffId: string | null;
  readonly target: string;
  readonly keyHash: string | null;
  readonly externalReference: string | null;
  /** What their answer means, in one word for all counterparties; null: no trouble. */
  readonly code: AnswerClass | null;
}

/**
 * One hand-off, one step. A batch is one hand-off: its rows have no lines.
 * `compared` is a look of reconciliation, `inquiry` what the desk made of it.
 */
export interface HandOffLine extends LineSubject {
  readonly event: "hand-off";
  readonly processId: string;
  readonly step: HandOffStep;
  readonly treaty: string;
  readonly state: HandOff["state"];
  /** What the model said about it: `moved`, `noted`, `stale`, `impossible`, `refused`, `unheard`; of `compared`, the result. */
  readonly verdict: string;
  /** Rows of a batch; 0 for a single act. */
  readonly rows: number;
}

export type HandOffStep =
  | "sent"
  | "answered"
  | "lost"
  | "overdue"
  | "callback"
  | "compared"
  | "inquiry"
  | "decided"
  | "withdrawn";

/** A message at the door, before anybody knows what it is about. */
export interface CallbackLine extends LineSubject {
  readonly event: "callback";
  readonly treaty: string;
  readonly outcome: "received" | "repeated" | "refused";
  /** Why it was refused: one of the codes of docs/reference/errors.md. */
  readonly refusal: string | null;
}

export interface CaseLine extends LineSubject {
  readonly event: "case";
  readonly treaty: string;
  readonly kind: CaseKind;
  readonly step: "opened" | "claimed" | "decided" | "closed";
  /** Who acted; of an opened one, whose it is. */
  readonly by: string;
}

/** The hand-off is the one whose answer moved the circuit last. */
export interface CircuitLine extends LineSubject {
  readonly event: "circuit";
  readonly state: CircuitState;
}

/** Work that could not be done now, and is done later by somebody. Says of which hand-offs, the first of them. */
export interface TroubleLine {
  readonly event: "courier-trouble";
  readonly target: string;
  readonly trouble: string;
  readonly text: string;
  readonly count: number;
  /** Of the hand-offs named, each once: plain texts, so that exported lines have them as well. */
  readonly processIds: readonly string[];
  readonly handOffs: readonly LineSubject[];
}

/** What a case is about. Of a treaty as a whole only tenant and target are known. */
export type CaseSubject = LineSubject & { readonly tenantId: string };

type About = Pick<
  HandOff,
  | "correlationId"
  | "tenantId"
  | "aggregateId"
  | "handOffId"
  | "target"
  | "idempotencyKey"
  | "externalReference"
>;

export function subjectOf(about: About, code: AnswerClass | null): CaseSubject {
  const { correlationId, tenantId, aggregateId, handOffId, target, externalReference } = about;
  return {
    correlationId,
    tenantId,
    aggregateId,
    handOffId,
    target,
    keyHash: keyHash(about.idempotencyKey),
    externalReference,
    code,
  };
}

/** Of a target as a whole. */
export function subjectless(target: string): LineSubject {
  return {
    correlationId: null,
    tenantId: null,
    aggregateId: null,
    handOffId: null,
    target,
    keyHash: null,
    externalReference: null,
    code: null,
  };
}

/** Of a tenant's dealings with a target. */
export function tenantSubject(
  tenantId: string,
  target: string,
  code: AnswerClass | null = null,
): CaseSubject {
  return { ...subjectless(target), tenantId, code };
}

export function lineOf(
  handOff: HandOff,
  step: HandOffStep,
  verdict: string,
  code: AnswerClass | null,
): HandOffLine {
  const { treaty, state, rows, processId } = handOff;
  return { event: "hand-off", processId, ...subjectOf(handOff, code), step, treaty, state, verdict, rows };
}

export function caseLine(
  handOff: About & Pick<HandOff, "treaty">,
  kind: CaseKind,
  step: CaseLine["step"],
  by: string,
  code: AnswerClass | null,
): CaseLine {
  return { event: "case", ...subjectOf(handOff, code), treaty: handOff.treaty, kind, step, by };
}

/** Hand-offs that one line of trouble names. */
const named = 20;

/** What an author's function or a library threw may quote what it was given: of that only the kind of error is told. */
export function troubleOf(target: string, error: unknown, handOffs: readonly HandOff[] = []): TroubleLine {
  const known = isFailure(error);
  const told = handOffs.slice(0, named);
  return {
    event: "courier-trouble",
    target,
    trouble: known ? error.code : "threw",
    text: known ? error.message : error instanceof Error ? error.name : typeof error,
    count: handOffs.length,
    processIds: [...new Set(told.map(({ processId }) => processId))],
    handOffs: told.map((one) => subjectOf(one, one.lastErrorClass)),
  };
}

/** Lines of a consumer's batch: told when it is committed, forgotten when it is undone. */
export function tellLater(report: (event: TreatyEvent) => void) {
  let kept: (() => readonly TreatyEvent[])[] = [];
  return {
    keep(lines: () => readonly TreatyEvent[]): void {
      kept.push(lines);
    },
    forget(): void {
      kept = [];
    },
    tell(): void {
      for (const lines of kept) for (const line of lines()) report(line);
      kept = [];
    },
  };
}
