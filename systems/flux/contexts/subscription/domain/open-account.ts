import type { Decision, DecisionContext, Entry, Fact } from "@entente/core/model";
import { type AccountOpened, accountOpened } from "../contract/account-opened.ts";
import type { OpenAccount } from "../contract/open-account.ts";
import { type AccountState, evolve, type OpenAccountState } from "./account.ts";
import { cycleAt, isTimeZone } from "./billing-cycle.ts";
import { followedFact } from "./follow-entitlement.ts";
import { planTerms } from "./plan.ts";
import { refuse, type SubscriptionRefusal } from "./refuse.ts";
import { cycleFact, cycleTimer } from "./start-cycle.ts";

/**
 * Decides `flux.open-account`: copies the plan terms and starts the first cycle at once.
 * The first cycle runs to the end of the local month with the full quota at the full price: nothing is prorated,
 * because a part-month quota would need rounding rules nobody has agreed.
 * What the authority for entitlements has said before wins over the plan that was asked for.
 * Refuses: account-already-open, time-zone-unknown, plan-unknown, currency-not-offered.
 */
export function decideOpenAccount(
  state: AccountState,
  command: Entry,
  context: DecisionContext,
): Decision | SubscriptionRefusal {
  if (state.opened) return refuse("account-already-open");
  const { customerId, planId, timeZone, currency } = command.data as OpenAccount;
  if (!isTimeZone(timeZone)) return refuse("time-zone-unknown");
  const { entitled } = state;
  const granted = entitled?.planId == null ? "plan-unknown" : planTerms(entitled.planId, currency);
  const terms = typeof granted === "string" ? planTerms(planId, currency) : granted;
  if (typeof terms === "string") return refuse(terms);

  const accountId = context.key;
  const data: AccountOpened = { accountId, customerId, ...terms, timeZone, currency };
  const opening: Fact = { type: accountOpened.type, data, customerId };
  const account = evolve(state, opening) as OpenAccountState;
  const firstCycle = { ...cycleAt(context.now, timeZone), startsAt: context.now };
  const cycle = cycleFact(account, accountId, firstCycle);
  const running = evolve(account, cycle) as OpenAccountState;
  // The authority's word was heard before, nobody here remembers when: it counts, and is not news.
  const followed =
    entitled === undefined ? [] : [{ ...followedFact(running, accountId, entitled), ttlMs: 1 }];
  return {
    facts: [opening, cycle, ...followed],
    timers: [cycleTimer(accountId, firstCycle.endsAt)],
  };
}
