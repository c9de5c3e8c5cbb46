import type { HandOffNews, TreatyLimits, TreatyStyle, TreatyTimes } from "@entente/core";
import { type BusinessIdentity, handOffKey } from "@entente/core/model";

/** What every write at Salesforce has in common. */

export const writeStyle: TreatyStyle = {
  userWaitsForTheAnswer: false,
  runsLong: false,
  counterpartyMayBeAway: true,
  hasAnEffect: true,
  staleAnswerWillDo: false,
  flowNeedsTheResult: true,
};

export const writeTimes: TreatyTimes = {
  answerWithinMs: 20_000,
  retryFirstMs: 5_000,
  retryLongestMs: 15 * 60_000,
  // Their longest transaction runs for ten minutes.
  inFlightMs: 10 * 60_000,
  resultWithinMs: 60 * 60_000,
  reconcileEveryMs: 15 * 60_000,
  personAfterMs: 24 * 3_600_000,
};

export const writeLimits: TreatyLimits = {
  concurrency: 4,
  ratePerSecond: 10,
  triesAllowed: 50,
  circuitFailures: 5,
  circuitOpenMs: 30_000,
};

const attemptsFitting = 99;

/** Errors: thrown when our key is longer than their field for it. Better no hand-off at all than one whose mark is cut off over there. */
export function checkMarkFits(identity: BusinessIdentity, fieldLength: number): void {
  if (handOffKey(identity, attemptsFitting).length > fieldLength)
    throw new Error("the tenant's name is too long for the field that holds the key");
}

/** What the domain is told of a wish. Undefined: nothing yet; it is where it was, under way. */
export function outcomeOf({ to }: HandOffNews): "done" | "refused" | "given-up" | undefined {
  switch (to) {
    case "completed":
      return "done";
    case "rejected":
      return "refused";
    case "cancelled":
      return "given-up";
    default:
      return undefined;
  }
}
