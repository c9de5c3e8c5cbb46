/** Who answers what customers ask about their entitlements: our copy, which a feed keeps, or the authority at once. */
export const feedTreaty = "salesforce-entitlement-changes";
export const nowTreaty = "salesforce-entitlement-now";

/** Questions below which nothing is said of the share: reading everything once costs a few calls, however little is asked. */
const questionsFrom = 100;

/**
 * Share of reads of the authority that the copy saves. Without it every question is a read; with it the reads are those of questions that
 * go through to the authority, and those that keep the copy. May be negative: then keeping costs more than asking would. Null: fewer
 * than 100 questions. `calls`: as FitnessMeasures has them.
 */
export function readsSaved(calls: ReadonlyMap<string, number>): number | null {
  const madeBy = (treaty: string): number => {
    const reads = [...calls].filter(([name]) => name.startsWith(`${treaty} api-calls `));
    return reads.reduce((sum, [, total]) => sum + total, 0);
  };
  const asked = madeBy(nowTreaty);
  const questions = asked + (calls.get(`${nowTreaty} answered-here copy`) ?? 0);
  return questions < questionsFrom ? null : 1 - (asked + madeBy(feedTreaty)) / questions;
}
