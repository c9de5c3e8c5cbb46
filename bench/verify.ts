import type { Followed } from "./load-spec.ts";
import type { LedgerFacts, Running } from "./target.ts";

/** What was checked against the ledger after a scenario. `problems` is empty when all is right. */
export type Verdict = LedgerFacts & {
  accepted: number;
  unknown: number;
  outOfOrder: number;
  problems: string[];
};

/**
 * Counts commands that the ledger has before another one that was accepted before they were sent. Requests that
 * overlap in time have no order to keep, so only such pairs count.
 */
export function outOfOrder(ledger: string[], followed: Followed[], by: "key" | "processId"): number {
  const times = new Map(followed.map((request) => [request[by], request]));
  const seen = ledger.map((id) => times.get(id)).filter((request) => request !== undefined);
  let violations = 0;
  let earliestLaterAccept = Number.POSITIVE_INFINITY;
  for (const request of seen.toReversed()) {
    if (earliestLaterAccept < request.sentAt) violations += 1;
    earliestLaterAccept = Math.min(earliestLaterAccept, request.acceptedAt);
  }
  return violations;
}

/**
 * Checks everything that was accepted since the start of a target: each command once in the ledger, none more,
 * per-account sequences dense, totals right, order kept on the followed account.
 */
export async function verify(
  running: Running,
  accepted: number,
  unknown: number,
  followed: Followed[],
): Promise<Verdict> {
  const facts = await running.facts();
  const wrongOrder = outOfOrder(await running.order("acct-0001"), followed, running.followedBy);
  const problems: string[] = [];
  if (facts.confirmed < accepted) problems.push(`${accepted - facts.confirmed} accepted commands are lost`);
  if (facts.confirmed > accepted + unknown)
    problems.push(`${facts.confirmed - accepted - unknown} more in the ledger than were accepted`);
  if (facts.doubled > 0) problems.push(`${facts.doubled} commands are in the ledger twice`);
  if (facts.brokenAccounts > 0) problems.push(`${facts.brokenAccounts} accounts have gaps or wrong totals`);
  if (wrongOrder > 0) problems.push(`${wrongOrder} commands of the followed account are out of order`);
  return { ...facts, accepted, unknown, outOfOrder: wrongOrder, problems };
}
