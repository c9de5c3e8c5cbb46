import type { Entry, JsonObject } from "./entry.ts";

/**
 * A process as its customer sees it: the command that started it and what became of it.
 * States and their moves: docs/states/process.md.
 */
export type ProcessState = "queued" | "processing" | "confirmed" | "failed";

export interface ProcessStep {
  readonly name: string;
  /** `open`: owed, and not done yet. */
  readonly state: "open" | "done" | "failed" | "undone";
  /** Since when it is in this state. Epoch milliseconds, business time. */
  readonly at: number;
}

/** Why a process failed: a stable code and one plain sentence. Never a raw system error. */
export interface ProcessReason {
  readonly code: string;
  readonly message: string;
}

export interface ProcessView {
  readonly state: ProcessState;
  readonly steps: readonly ProcessStep[];
  readonly reason: ProcessReason | null;
  /** What the customer is shown with a process that is confirmed, or done in part, e.g. the funding split. */
  readonly outcome: JsonObject | null;
}

export const queuedProcess: ProcessView = { state: "queued", steps: [], reason: null, outcome: null };

/**
 * How facts move a process. One per command type that starts processes.
 * `apply` is pure and total: a fact it does not know changes nothing.
 */
export interface ProcessDefinition {
  /** Process type shown outside, e.g. `top-up`. */
  readonly type: string;
  /** The command type that starts it. */
  readonly startedBy: string;
  /** Milliseconds after acceptance past which an unfinished process is shown as delayed. */
  readonly delayedAfterMs: number;
  /** Names of the fact types it listens to. */
  readonly facts: readonly string[];
  /** Name and terms under which replay finds these rules again (model/replay.ts). Other rules need another name. Absent: the type, without terms. */
  readonly foldedBy?: { readonly name: string; readonly terms: JsonObject };
  apply(view: ProcessView, fact: Entry): ProcessView;
  /**
   * The process that this one is about, as an entry of this one names it; null in entries that do not. Its story is part of this one's.
   * Absent: it is about no other. Pure and total.
   */
  about?(entry: Entry): string | null;
  /**
   * True when the fact is an effect that this process has had already: it is counted as doubled, which must never happen. The fact that
   * had the effect may be read again, and is no second one.
   * Absent: nobody can tell from the view, and doubled effects are not counted. Pure and total.
   */
  repeats?(view: ProcessView, fact: Entry): boolean;
}

export function isFinal(state: ProcessState): boolean {
  return state === "confirmed" || state === "failed";
}
