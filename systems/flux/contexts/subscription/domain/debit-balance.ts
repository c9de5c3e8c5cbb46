import type { Decision, DecisionContext, Entry, Fact } from "@entente/core/model";
import { type TopUp, topUpUnitsAllowed, topUpUnitsMin } from "../../gateway/contract/top-up.ts";
import { type BalanceDebited, balanceDebited } from "../contract/balance-debited.ts";
import { onDemandMinorAllowed } from "../contract/quantities.ts";
import type { topUpRefusalCodes } from "../contract/refusals.ts";
import type { OpenAccountState } from "./account.ts";
import { askFact, isKeptByBooks } from "./keep-quota.ts";
import { refuse, type SubscriptionRefusal } from "./refuse.ts";
import { startCyclesDueFor } from "./start-cycle.ts";

export type TopUpRefusal = SubscriptionRefusal<(typeof topUpRefusalCodes)[number]>;

/**
 * Decides `flux.top-up`: pays the units from the quota first, then on demand.
 * A top-up asked for after the running cycle's end starts the due cycles first, so that a late timer never makes
 * it draw on a quota that has ended; one asked for before the end draws on the running cycle even when decided late.
 * Refuses: units-out-of-range, condenser-unknown, not-entitled (the authority for entitlements says so), on-demand-limit-reached.
 * Where the books keep the account's quota they are asked instead, and decide how much of it the quota pays.
 * The hot path: no schema validation (done at acceptance), no calendar, one fact.
 */
export function decideTopUp(
  account: OpenAccountState,
  command: Entry,
  context: DecisionContext,
): Decision | TopUpRefusal {
  const { condenserId, units } = command.data as TopUp;
  // Checked again although the edge did: a corrected and redriven command comes from a person, not from the edge.
  if (!Number.isInteger(units) || units < topUpUnitsMin || units > topUpUnitsAllowed) {
    return refuse("units-out-of-range", { topUpUnitsMin, topUpUnitsAllowed });
  }
  if (!account.condensers.includes(condenserId)) return refuse("condenser-unknown", { condenserId });
  if (account.entitled?.isActive === false) return refuse("not-entitled");

  if (command.occurredAt < account.cycle.endsAt) {
    const debit = debitFact(account, condenserId, units, context);
    return "refused" in debit ? debit : { facts: [debit] };
  }
  const started = startCyclesDueFor(account, command, context);
  const debit = debitFact(started.account, condenserId, units, context);
  return "refused" in debit ? debit : { facts: [...started.facts, debit], timers: [started.timer] };
}

/** Splits the units between quota and on-demand in the running cycle. */
function debitFact(
  account: OpenAccountState,
  condenserId: string,
  units: number,
  context: DecisionContext,
): Fact | TopUpRefusal {
  if (isKeptByBooks(account)) return askFact(account, condenserId, units, context);
  const { cycle, currency, customerId } = account;
  const fundedFromQuota = Math.min(units, cycle.quotaRemaining);
  const fundedOnDemand = units - fundedFromQuota;
  const onDemandAmountMinor = fundedOnDemand * cycle.onDemandUnitPriceMinor;
  const onDemandMinor = cycle.onDemandMinor + onDemandAmountMinor;
  if (onDemandMinor > onDemandMinorAllowed)
    return refuse("on-demand-limit-reached", { onDemandMinorAllowed });

  const data: BalanceDebited = {
    accountId: context.key,
    condenserId,
    processId: context.processId,
    cycle: cycle.month,
    units,
    fundedFromQuota,
    fundedOnDemand,
    onDemandAmountMinor,
    currency,
    quotaRemaining: cycle.quotaRemaining - fundedFromQuota,
    usedUnits: cycle.usedUnits + units,
    onDemandMinor,
  };
  return { type: balanceDebited.type, data, customerId };
}
