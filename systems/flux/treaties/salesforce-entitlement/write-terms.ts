import type { HandOffNews, TreatyLimits, TreatyTimes } from "@entente/core";

/** What writes about entitlements and customers have in common. */

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
