/** The far end of a treaty that follows or asks: the authority for records, as the conformance suite drives it. */
import type { CounterpartyEffect } from "./treaty-counterparty.ts";

/** Contents a record can have. Records of the tests only ever go on to a higher one. */
export const editions = [0, 1, 2] as const;
export type Edition = (typeof editions)[number];

/** What it is told to do with whatever the treaty asks. Milliseconds by its own clock. */
export type AnswerBehaviour =
  /** No answer, for longer than the treaty waits. */
  | { readonly behaviour: "timeout"; readonly effect: false }
  /** The connection breaks, instead of an answer or in the middle of it. */
  | { readonly behaviour: "drop"; readonly effect: boolean }
  /** The answer is made at once, and comes after the delay. */
  | { readonly behaviour: "slow"; readonly delayMs: number; readonly effectFirst: true }
  | { readonly behaviour: "malformed"; readonly variant: "not-json" | "missing-field" | "wrong-type" }
  /** The credentials are refused. */
  | { readonly behaviour: "unauthorized" }
  | { readonly behaviour: "throttled" }
  | { readonly behaviour: "server-error"; readonly effect: false }
  /** A record is shown with a status nobody has heard of. */
  | { readonly behaviour: "unknown-status" }
  /** A business refusal; `reason` is one of its `rejections`. */
  | { readonly behaviour: "rejection"; readonly reason: string };

/** What becomes of the news of one change. */
export type NewsBehaviour =
  | { readonly behaviour: "duplicate-callback"; readonly count: number }
  | { readonly behaviour: "lost-callback" }
  | { readonly behaviour: "delayed-callback"; readonly delayMs: number }
  /** They come after those of the next change. */
  | { readonly behaviour: "out-of-order-callback" };

/** Its records, changed as others change them: never by what the treaty asks with. */
export interface TheirRecords {
  /** Makes the record, or changes it, so that it has this content. */
  put(id: string, edition: Edition): Promise<void>;
  /** The record is not there any more, in whichever way they have. */
  remove(id: string): Promise<void>;
  /** Gives the record a content that is not as agreed; `put` mends it. Absent: their own rules prevent that. */
  spoil?(id: string): Promise<void>;
  /** The ground truth: which of these are there, and with which content. */
  present(ids: readonly string[]): Promise<ReadonlyMap<string, Edition>>;
}

/** Implement this for a system of yours; for a simulator there is `controlledRecords`. */
export interface RecordsCounterparty extends TheirRecords {
  /** Business refusals it can be told to answer a question with (default: none). */
  readonly rejections?: readonly string[];
  /** Behaves so with whatever the treaty asks: so many times of each kind of request, or until `behaveWell`. */
  behave(behaviour: AnswerBehaviour, times?: number): Promise<void>;
  /** Breaks the connections on which the treaty waits. */
  breakOff(): Promise<void>;
  /** Forgets what it was told, and lets go of requests it holds. */
  behaveWell(): Promise<void>;
  /** Requests of the treaty that have arrived so far. */
  asked(): Promise<number>;
  /** Everything that ever had an effect over there, in order. */
  effects(): Promise<readonly CounterpartyEffect[]>;
  /** Does the change and tells of it so. Absent: it has no feed, or its feed cannot be told to. */
  tellSo?(news: NewsBehaviour, change: () => Promise<void>): Promise<void>;
  /** Keeps no place of its feed that it has given so far. Absent: it keeps them for ever, or has no feed. */
  forgetPlaces?(): Promise<void>;
  /** Moves its clock on, and resolves when what fell due was done. Absent: it runs by the wall clock. */
  advance?(ms: number): Promise<void>;
}
