/** What our side believes of one act asked of a counterparty: a single hand-off, or a row of a batch. */
export interface ActBelief {
  /** Idempotency key of the act. */
  readonly key: string;
  /** State of the hand-off; of a row its outcome, or the state of its batch while it has none. */
  readonly state: string;
  /** It may have happened, or is known to have: a person has been told so. */
  readonly mayHaveHappened: boolean;
  /** Our side did not want it any more. */
  readonly withdrawn: boolean;
  /** Owner of the open case about it; null: there is none. */
  readonly owner: string | null;
}

/** What a run was about, on both sides of the border. */
export interface HandOffRun {
  /** Keys of everything that was asked for. */
  readonly asked: readonly string[];
  readonly beliefs: readonly ActBelief[];
  /** How often each key really had its effect over there; keys without one are absent. */
  readonly effects: ReadonlyMap<string, number>;
}

export type HandOffViolationCode =
  /** Asked for, and no hand-off is about it. */
  | "act-lost"
  /** Two hand-offs are about one act. */
  | "act-split"
  /** A hand-off nobody asked for. */
  | "act-phantom"
  /** Neither completed, rejected, cancelled nor with a person. */
  | "not-ended"
  /** A person is expected to act, and nobody was told. */
  | "no-owner"
  /** We call it completed, and nothing happened. */
  | "effect-missing"
  /** We say that it did not happen, and it did. */
  | "effect-denied"
  /** It happened more than once under its key. */
  | "effect-doubled"
  /** Something happened over there under a key that no hand-off has. */
  | "effect-phantom";

export interface HandOffViolation {
  readonly code: HandOffViolationCode;
  /** One sentence with the key in question. */
  readonly text: string;
}

const ends = new Set(["completed", "rejected", "cancelled", "fallout"]);

/**
 * Compares what we believe of hand-offs with what really happened at the counterparty. Run it when everything has come to rest.
 * Returns every violation; none means that each act asked for is one hand-off, which ended completed, rejected, cancelled or with a
 * person who owns it, that nothing happened twice, and that nobody believes anything that is not so. A run can be empty of
 * violations because it was empty of cases: count the states beside it.
 */
export function checkHandOffs({ asked, beliefs, effects }: HandOffRun): readonly HandOffViolation[] {
  const violations: HandOffViolation[] = [];
  const report = (code: HandOffViolationCode, key: string, says: string): void =>
    void violations.push({ code, text: `${key}: ${says}` });

  const byKey = Map.groupBy(beliefs, ({ key }) => key);
  const wanted = new Set(asked);
  for (const key of wanted)
    if (!byKey.has(key)) report("act-lost", key, "asked for, and there is no hand-off");
  for (const [key, own] of byKey) {
    if (own.length > 1) report("act-split", key, `${own.length} hand-offs`);
    if (!wanted.has(key)) report("act-phantom", key, "nobody asked for it");
  }
  for (const belief of beliefs) checkBelief(belief, (effects.get(belief.key) ?? 0) > 0, report);
  for (const [key, times] of effects) {
    if (times > 1) report("effect-doubled", key, `happened ${times} times`);
    if (times > 0 && !byKey.has(key)) report("effect-phantom", key, "happened, and no hand-off has this key");
  }
  return violations;
}

function checkBelief(
  { key, state, mayHaveHappened, withdrawn, owner }: ActBelief,
  happened: boolean,
  report: (code: HandOffViolationCode, key: string, says: string) => void,
): void {
  if (!ends.has(state)) report("not-ended", key, `is still ${state}`);
  const needsPerson = state === "rejected" || state === "fallout" || (state === "completed" && withdrawn);
  if (needsPerson && (owner ?? "") === "") report("no-owner", key, `is ${state}, and nobody owns it`);
  if (state === "completed" && !happened) report("effect-missing", key, "is completed, and never happened");
  const isDenied = state === "rejected" || state === "cancelled" || (state === "fallout" && !mayHaveHappened);
  if (isDenied && happened) report("effect-denied", key, `is ${state}, and happened`);
}
