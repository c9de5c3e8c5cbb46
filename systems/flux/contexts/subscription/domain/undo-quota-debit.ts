import type { Decision, DecisionContext, Entry } from "@entente/core/model";
import { type QuotaDebitUndone, quotaDebitUndone } from "../contract/quota-debit-undone.ts";
import type { UndoQuotaDebit } from "../contract/undo-quota-debit.ts";
import type { OpenAccountState } from "./account.ts";
import { findDebit } from "./recent-debits.ts";
import { refuse, type SubscriptionRefusal } from "./refuse.ts";

/**
 * Decides `flux.undo-quota-debit`: gives back what one top-up took, exactly once. Debit and undo both stay in the journal.
 *
 * A debit of the running cycle is given back whole: the balance is as if it had not been.
 * A debit of an ended cycle: its quota units lapse, because plan quota is worth nothing after its cycle, used or not;
 * restoring them would hand the new cycle more quota than its invoice line bought. Its on-demand money is always credited,
 * to the ended cycle's charges, so the running cycle's balance does not move.
 *
 * Refuses: debit-unknown, debit-already-undone, debit-too-old (see recent-debits.ts).
 */
export function decideUndoQuotaDebit(
  account: OpenAccountState,
  command: Entry,
  context: DecisionContext,
): Decision | SubscriptionRefusal {
  const { processId, reasonCode } = command.data as UndoQuotaDebit;
  const found = findDebit(account.debits, processId);
  if (typeof found === "string") return refuse(found, { processId });

  const { cycle, currency, customerId } = account;
  const [, fundedFromQuota, fundedOnDemand, onDemandAmountMinor] = found.debit;
  const running = found.inRunningCycle;
  const data: QuotaDebitUndone = {
    accountId: context.key,
    undoneProcessId: processId,
    reasonCode,
    cycle: cycle.month,
    restoredToQuota: running ? fundedFromQuota : 0,
    lapsedFromQuota: running ? 0 : fundedFromQuota,
    undoneOnDemand: fundedOnDemand,
    creditedMinor: onDemandAmountMinor,
    currency,
    quotaRemaining: cycle.quotaRemaining + (running ? fundedFromQuota : 0),
    usedUnits: cycle.usedUnits - (running ? fundedFromQuota + fundedOnDemand : 0),
    onDemandMinor: cycle.onDemandMinor - (running ? onDemandAmountMinor : 0),
  };
  return { facts: [{ type: quotaDebitUndone.type, data, customerId }] };
}
