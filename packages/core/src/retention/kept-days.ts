import { Failure } from "../model/failure.ts";

/** Seven years with the most leap days they may have: evidence is never kept for less. */
export const evidenceDaysAtLeast = 2_557;

/** Errors: `retention-too-short` (refused) for days of evidence that are neither 0, for ever, nor seven years. */
export function checkKeptDays(days: number): void {
  if (days === 0 || days >= evidenceDaysAtLeast) return;
  throw new Failure(
    "refused",
    "retention-too-short",
    `Evidence is kept for seven years: ${days} days are fewer than ${evidenceDaysAtLeast}. 0 keeps it for ever.`,
    { fields: { days, atLeast: evidenceDaysAtLeast } },
  );
}
