import type { Decision, DecisionContext, Entry } from "@entente/core/model";
import type { QuotaDebitUndone } from "../contract/quota-debit-undone.ts";
import { type TopUpUndone, topUpUndone, type UndoTopUp, undoneByOperator } from "../contract/undo-top-up.ts";
import type { OpenAccountState } from "./account.ts";
import type { SubscriptionRefusal } from "./refuse.ts";
import { undo } from "./undo-quota-debit.ts";

/**
 * Decides `flux.undo-top-up`: an operator's undo of a confirmed top-up, by the rules of every undo (undo-quota-debit.ts), so that balance, books
 * and charge follow as they do for a compensation. Two facts about one act: the undo, in the process of the top-up, and who ordered it, why,
 * and what it changed, in the adjustment's own.
 * Refuses: debit-already-undone, debit-unknown. What can be known before it is accepted is refused there: undoable-top-up.ts.
 */
export function decideUndoTopUp(
  account: OpenAccountState,
  command: Entry,
  context: DecisionContext,
): Decision | SubscriptionRefusal {
  const { undoneProcessId, debitId, debit, charge, by, why } = command.data as UndoTopUp;
  const asked = { processId: undoneProcessId, reasonCode: undoneByOperator, debit };
  const undone = undo(account, asked, context.key);
  if ("refused" in undone) return undone;

  const { cycle, customerId } = account;
  const figures = undone[0]?.data as QuotaDebitUndone;
  const { quotaRemaining, usedUnits, onDemandMinor } = cycle;
  const data: TopUpUndone = {
    accountId: context.key,
    undoneProcessId,
    debitId,
    by,
    why,
    before: { cycle: cycle.month, quotaRemaining, usedUnits, onDemandMinor },
    after: {
      cycle: figures.cycle,
      quotaRemaining: figures.quotaRemaining,
      usedUnits: figures.usedUnits,
      onDemandMinor: figures.onDemandMinor,
    },
    restoredToQuota: figures.restoredToQuota,
    lapsedFromQuota: figures.lapsedFromQuota,
    undoneOnDemand: figures.undoneOnDemand,
    creditedMinor: figures.creditedMinor,
    currency: figures.currency,
    refund:
      charge === null
        ? null
        : { amountMinor: charge.amountMinor, currency: charge.currency, chargeReference: charge.reference },
  };
  const inTopUp = undone.map((fact) => ({ ...fact, processId: undoneProcessId }));
  return { facts: [...inTopUp, { type: topUpUndone.type, data, customerId }] };
}
