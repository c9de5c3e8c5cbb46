/** The far end of a treaty as the conformance suite drives it. */

/** What a counterparty is told to do with the next sendings. Questions are always answered truthfully. Milliseconds by its own clock. */
export type CounterpartyBehaviour =
  | { readonly behaviour: "success" }
  /** A business refusal; `reason` is one of its `rejections`. Nothing happens. */
  | { readonly behaviour: "rejection"; readonly reason: string }
  /** No answer, for longer than the treaty waits; with the effect or without. */
  | { readonly behaviour: "timeout"; readonly effect: boolean }
  /** The connection breaks; after the effect or before it. */
  | { readonly behaviour: "drop"; readonly effect: boolean }
  /** The effect and its callbacks at once, the answer after the delay. */
  | { readonly behaviour: "slow"; readonly delayMs: number; readonly effectFirst: true }
  | { readonly behaviour: "delayed-callback"; readonly delayMs: number }
  | { readonly behaviour: "duplicate-callback"; readonly count: number }
  /** The callbacks of this sending come in reverse, and after those of the next. */
  | { readonly behaviour: "out-of-order-callback" }
  | { readonly behaviour: "lost-callback" }
  /** The effect happens; its answer cannot be read. */
  | { readonly behaviour: "malformed"; readonly variant: "not-json" | "missing-field" | "wrong-type" }
  /** The credentials are refused. Nothing happens. */
  | { readonly behaviour: "unauthorized" }
  /** The effect happens; its answer has a status nobody has heard of. */
  | { readonly behaviour: "unknown-status" };

export interface CounterpartyEffect {
  /** Idempotency key it happened under, of a batch that of the row; null: under none. */
  readonly key: string | null;
}

/** Implement this for a system of yours; for a simulator there is `controlledCounterparty`. */
export interface TreatyCounterparty {
  /** Business refusals it can be told to give; `behave` takes each of them. */
  readonly rejections: readonly string[];
  /** It refuses the rows of a batch one by one and takes the others: of a rejection, `times` counts rows. */
  readonly rejectsRows?: boolean;
  /** Behaves so with the next `times` sendings, and as it should after them. */
  behave(behaviour: CounterpartyBehaviour, times: number): Promise<void>;
  /** So many rows of the next batch happen, the others do not, and the connection breaks. Absent: it cannot be told to. */
  breakAfterRows?(rows: number): Promise<void>;
  /** Forgets what it was told, and lets go of requests it holds. */
  behaveWell(): Promise<void>;
  /** The ground truth: everything that ever happened, in order, whatever its callers were told. */
  effects(): Promise<readonly CounterpartyEffect[]>;
  /**
   * Moves its clock on, and resolves when what fell due was done. Callbacks are signed by that clock. Absent: it runs by the wall
   * clock, and tests that need its time to pass are skipped.
   */
  advance?(ms: number): Promise<void>;
  /** Where its callbacks go to from now on. Absent: it sends none. */
  sendCallbacksTo?(url: string): Promise<void>;
}
