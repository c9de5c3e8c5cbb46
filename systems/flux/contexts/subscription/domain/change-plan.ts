import type { Decision, DecisionContext, Entry } from "@entente/core/model";
import type { ChangePlan } from "../contract/change-plan.ts";
import { type PlanChanged, planChanged } from "../contract/plan-changed.ts";
import type { OpenAccountState } from "./account.ts";
import { planTerms } from "./plan.ts";
import { refuse, type SubscriptionRefusal } from "./refuse.ts";
import { startCyclesDueFor } from "./start-cycle.ts";

/**
 * Decides `flux.change-plan`: the new terms hold from the next cycle on; the running cycle is paid for and stays as it is.
 * Cycles already due are started first, on the old terms: the change was asked for after they began.
 * Refuses: plan-kept-elsewhere (an authority says what the account is entitled to), plan-unknown, plan-unchanged, currency-not-offered (an account never changes its currency).
 */
export function decideChangePlan(
  account: OpenAccountState,
  command: Entry,
  context: DecisionContext,
): Decision | SubscriptionRefusal {
  const { planId } = command.data as ChangePlan;
  if (account.entitled !== undefined) return refuse("plan-kept-elsewhere");
  const terms = planTerms(planId, account.currency);
  if (typeof terms === "string") return refuse(terms);
  if (planId === account.plan.planId) return refuse("plan-unchanged");

  const started = startCyclesDueFor(account, command, context);
  const data: PlanChanged = {
    accountId: context.key,
    previousPlanId: account.plan.planId,
    ...terms,
    currency: account.currency,
    effectiveAt: started.account.cycle.endsAt,
  };
  const change = { type: planChanged.type, data, customerId: account.customerId };
  return { facts: [...started.facts, change], timers: [started.timer] };
}
