import type { Decision, DecisionContext, Entry } from "@entente/core/model";
import { type CondenserRegistered, condenserRegistered } from "../contract/condenser-registered.ts";
import type { RegisterCondenser } from "../contract/register-condenser.ts";
import type { OpenAccountState } from "./account.ts";
import { refuse, type SubscriptionRefusal } from "./refuse.ts";

/** Condensers one account may have; 16 pass. Bounded because the list is part of the state row. */
export const condensersAllowed = 16;

/**
 * Decides `flux.register-condenser`. That a condenser belongs to one account only is not known here:
 * each account decides alone.
 * Refuses: condenser-already-registered, condenser-limit-reached.
 */
export function decideRegisterCondenser(
  account: OpenAccountState,
  command: Entry,
  context: DecisionContext,
): Decision | SubscriptionRefusal {
  const { condenserId, model } = command.data as RegisterCondenser;
  if (account.condensers.includes(condenserId))
    return refuse("condenser-already-registered", { condenserId });
  if (account.condensers.length >= condensersAllowed) {
    return refuse("condenser-limit-reached", { condensersAllowed });
  }
  const data: CondenserRegistered = { accountId: context.key, condenserId, model };
  return { facts: [{ type: condenserRegistered.type, data, customerId: account.customerId }] };
}
