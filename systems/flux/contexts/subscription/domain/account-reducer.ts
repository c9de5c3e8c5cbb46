import type { Entry, Reducer, ReplayStep } from "@entente/core/model";
import { accountOpened } from "../contract/account-opened.ts";
import { type BalanceDebited, balanceDebited } from "../contract/balance-debited.ts";
import { chargeDeclined, topUpCharged } from "../contract/charge.ts";
import { condenserRegistered } from "../contract/condenser-registered.ts";
import { cycleStarted } from "../contract/cycle-started.ts";
import { entitlementFollowed, entitlementNoted } from "../contract/entitlement-followed.ts";
import { payBackRecorded, topUpPaidBack } from "../contract/pay-back.ts";
import { planChanged } from "../contract/plan-changed.ts";
import { type QuotaDebitUndone, quotaDebitUndone } from "../contract/quota-debit-undone.ts";
import {
  quotaAnswered,
  quotaAsked,
  quotaLent,
  quotaRecalled,
  quotaRestored,
  quotaReturned,
} from "../contract/quota-keeper.ts";
import { topUpRefunded, topUpRefundFailed } from "../contract/refund.ts";
import { topUpRefused } from "../contract/top-up-refused.ts";
import { topUpUndone } from "../contract/undo-top-up.ts";
import { type AccountState, evolve, type RunningCycle, unopenedAccount } from "./account.ts";

/** The account, and the number of the last fact that moved its balance. */
export interface ReplayedAccount {
  readonly account: AccountState;
  readonly balanceVersion: number;
}

type Step = ReplayStep<ReplayedAccount>;

/** A fact that leaves the balance as it is. */
const aside: Step = {
  evolve: ({ account, balanceVersion }, fact) => ({ account: evolve(account, fact), balanceVersion }),
};

/**
 * A fact of a charge that went back: no balance moves. What the running account remembers of it is for its decisions, and not part of what is
 * rebuilt, so that archives of before come to the states they came to then.
 */
const unmoved: Step = { evolve: (replayed) => replayed };

/** A fact that says a balance that cannot be reckoned from amounts: of a cycle that begins, or a quota that an authority changed. */
const moving: Step = { evolve: moved };

/**
 * Replay of an account. Facts carry the balance they leave; here it is reckoned once more from their amounts, so that one that does not
 * follow from what came before names its fact. What stands under a version is never changed: another version gets a line of its own.
 */
export const accountReducer: Reducer<ReplayedAccount> = {
  name: "balance",
  source: "subscription",
  initial: { account: unopenedAccount, balanceVersion: 0 },
  steps: {
    [accountOpened.type]: { 1: aside },
    [condenserRegistered.type]: { 1: aside },
    [planChanged.type]: { 1: aside },
    [entitlementNoted.type]: { 1: aside },
    [topUpUndone.type]: { 1: aside },
    [topUpCharged.type]: { 1: aside },
    [chargeDeclined.type]: { 1: aside },
    [topUpRefunded.type]: { 1: unmoved },
    [topUpRefundFailed.type]: { 1: unmoved },
    [topUpPaidBack.type]: { 1: unmoved },
    [payBackRecorded.type]: { 1: aside },
    [topUpRefused.type]: { 1: aside },
    [quotaLent.type]: { 1: aside },
    [quotaAsked.type]: { 1: aside },
    [quotaAnswered.type]: { 1: aside },
    [quotaRestored.type]: { 1: aside },
    [quotaRecalled.type]: { 1: aside },
    [quotaReturned.type]: { 1: moving },
    [cycleStarted.type]: { 1: moving },
    [entitlementFollowed.type]: { 1: moving },
    [balanceDebited.type]: { 1: { evolve: moved, disagrees: debitDisagrees } },
    [quotaDebitUndone.type]: { 1: { evolve: moved, disagrees: undoDisagrees } },
  },
  outcome({ account, balanceVersion }) {
    if (!account.opened || balanceVersion === 0) return null;
    const { month, quotaUnits, quotaRemaining, usedUnits, onDemandMinor } = account.cycle;
    const { currency } = account;
    return {
      cycle: month,
      quotaUnits,
      quotaRemaining,
      usedUnits,
      onDemandMinor,
      currency,
      version: balanceVersion,
    };
  },
};

function moved({ account }: ReplayedAccount, fact: Entry): ReplayedAccount {
  return { account: evolve(account, fact), balanceVersion: fact.keyVersion ?? 0 };
}

type Balance = Pick<RunningCycle, "quotaRemaining" | "usedUnits" | "onDemandMinor">;

function debitDisagrees({ account }: ReplayedAccount, fact: Entry): string | null {
  if (!account.opened) return "It debits an account that was never opened.";
  const { cycle } = account;
  const debit = fact.data as BalanceDebited;
  const { units, fundedFromQuota, fundedOnDemand, onDemandAmountMinor } = debit;
  if (account.keeper !== undefined) return splitDisagrees(debit);
  if (debit.cycle !== cycle.month)
    return `It debits the cycle ${debit.cycle}, and ${cycle.month} is running.`;
  if (fundedFromQuota !== Math.min(units, cycle.quotaRemaining) || fundedFromQuota + fundedOnDemand !== units)
    return `Of ${units} units it takes ${fundedFromQuota} from a quota of which ${cycle.quotaRemaining} were left, and ${fundedOnDemand} on demand.`;
  if (onDemandAmountMinor !== fundedOnDemand * cycle.onDemandUnitPriceMinor)
    return `It takes ${onDemandAmountMinor} for ${fundedOnDemand} units at ${cycle.onDemandUnitPriceMinor}.`;
  const { quotaRemaining, usedUnits, onDemandMinor } = cycle;
  return otherBalance(debit, {
    quotaRemaining: quotaRemaining - fundedFromQuota,
    usedUnits: usedUnits + units,
    onDemandMinor: onDemandMinor + onDemandAmountMinor,
  });
}

/** Of a quota that the books decided, or did until lately, only they know what was left: what is paid must add up all the same. */
function splitDisagrees({ units, fundedFromQuota, fundedOnDemand }: BalanceDebited): string | null {
  if (fundedFromQuota + fundedOnDemand === units) return null;
  return `Of ${units} units it takes ${fundedFromQuota} from the quota and ${fundedOnDemand} on demand.`;
}

function undoDisagrees({ account }: ReplayedAccount, fact: Entry): string | null {
  if (!account.opened) return "It gives a debit back to an account that was never opened.";
  const { cycle } = account;
  const undo = fact.data as QuotaDebitUndone;
  const { restoredToQuota, lapsedFromQuota, undoneOnDemand, creditedMinor } = undo;
  const { quotaRemaining, usedUnits, onDemandMinor, overdrawnUnits = 0 } = cycle;
  // A debit of a cycle that has ended leaves the running one as it is. One of units on demand alone does not say which it was.
  const untouched = otherBalance(undo, cycle);
  if (lapsedFromQuota > 0 || (restoredToQuota === 0 && untouched === null)) return untouched;
  return otherBalance(undo, {
    quotaRemaining: quotaRemaining + Math.max(0, restoredToQuota - overdrawnUnits),
    usedUnits: usedUnits - restoredToQuota - undoneOnDemand,
    onDemandMinor: onDemandMinor - creditedMinor,
  });
}

function otherBalance(said: Balance, reckoned: Balance): string | null {
  for (const member of ["quotaRemaining", "usedUnits", "onDemandMinor"] as const) {
    if (said[member] !== reckoned[member])
      return `It says ${member} ${said[member]}, and what came before comes to ${reckoned[member]}.`;
  }
  return null;
}
