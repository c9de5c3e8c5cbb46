import type { CallBudget } from "@entente/core";

/** An org of Salesforce and whose it is: one org is one tenant's. */
export interface SalesforceOrg {
  /** `https://host[:port]`. */
  readonly origin: string;
  readonly tenantId: string;
  /** Calls of the interface the org may take in a day (default 100,000). */
  readonly callsPerDay?: number;
  /** Change events that may be delivered to us in a day (default 25,000). */
  readonly eventsPerDay?: number;
}

/** Names of what an org allows in a day. */
export const apiCalls = "api-calls";
export const deliveredEvents = "delivered-events";

/** An Enterprise org with few licences. Source: Salesforce Developer Limits and Allocations Quick Reference. */
const defaults = { callsPerDay: 100_000, eventsPerDay: 25_000 };

const warnAtShare = 0.8;

/**
 * What the treaties with an org share. Theirs is a window of the last 24 hours and ours a calendar day, so that in the hours after midnight
 * (UTC) theirs is the higher number; over a day they are the same.
 */
export function budgetsOfOrg({
  callsPerDay = defaults.callsPerDay,
  eventsPerDay = defaults.eventsPerDay,
}: Pick<SalesforceOrg, "callsPerDay" | "eventsPerDay">): readonly CallBudget[] {
  return [
    { name: apiCalls, perDay: callsPerDay, warnAtShare },
    { name: deliveredEvents, perDay: eventsPerDay, warnAtShare },
  ];
}
