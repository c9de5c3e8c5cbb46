import type { Decision, DecisionContext, Entry, Fact } from "@entente/core/model";
import type { FollowEntitlement } from "../../entitlement/contract/follow-entitlement.ts";
import {
  type EntitlementFollowed,
  type EntitlementNoted,
  entitlementFollowed,
  entitlementNoted,
} from "../contract/entitlement-followed.ts";
import { unitsPublishedMax } from "../contract/quantities.ts";
import type { AccountState, Entitled, OpenAccountState } from "./account.ts";
import { planTerms } from "./plan.ts";
import { startCyclesDueFor } from "./start-cycle.ts";

/**
 * Decides `flux.follow-entitlement`: the authority's word holds at once, in the running cycle too, whatever was agreed here before.
 * It is never refused. An account that is not open yet remembers it. The same word twice is no news.
 */
export function decideFollowEntitlement(
  account: AccountState,
  command: Entry,
  context: DecisionContext,
): Decision {
  const { planId, monthlyQuotaUnits: said, isActive } = command.data as FollowEntitlement;
  // More than anybody can take is as good as what we can count.
  const monthlyQuotaUnits = Math.min(said, unitsPublishedMax);
  const entitled: Entitled = { planId, monthlyQuotaUnits, isActive };
  if (account.entitled !== undefined && isSame(account.entitled, entitled)) return { facts: [] };
  if (!account.opened) {
    const data: EntitlementNoted = { accountId: context.key, ...entitled };
    return { facts: [{ type: entitlementNoted.type, data }] };
  }
  // What was asked for before the cycle ended is in force when the next one starts.
  const started = startCyclesDueFor(account, command, context);
  const followed = followedFact(started.account, context.key, entitled);
  return { facts: [...started.facts, followed], timers: [started.timer] };
}

/** The fact that gives the account the quota of its entitlement. */
export function followedFact(account: OpenAccountState, accountId: string, entitled: Entitled): Fact {
  const { cycle, plan, currency, customerId } = account;
  const taken = cycle.quotaUnits - cycle.quotaRemaining + (cycle.overdrawnUnits ?? 0);
  const quotaUnits = entitled.monthlyQuotaUnits;
  // A plan that is not in our price list was agreed by people: its quota counts, and prices stay as they were.
  const offered = entitled.planId === null ? "plan-unknown" : planTerms(entitled.planId, currency);
  const { monthlyPriceMinor, onDemandUnitPriceMinor } = typeof offered === "string" ? plan : offered;
  const data: EntitlementFollowed = {
    accountId,
    ...entitled,
    monthlyPriceMinor,
    onDemandUnitPriceMinor,
    cycle: cycle.month,
    quotaUnits,
    quotaRemaining: Math.max(0, quotaUnits - taken),
    overdrawnUnits: Math.max(0, taken - quotaUnits),
    usedUnits: cycle.usedUnits,
    onDemandMinor: cycle.onDemandMinor,
  };
  return { type: entitlementFollowed.type, data, customerId };
}

function isSame(one: Entitled, other: Entitled): boolean {
  return (
    one.planId === other.planId &&
    one.monthlyQuotaUnits === other.monthlyQuotaUnits &&
    one.isActive === other.isActive
  );
}
