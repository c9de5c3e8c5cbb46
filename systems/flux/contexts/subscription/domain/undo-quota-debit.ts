import type { Decision, DecisionContext, Entry, Fact } from "@entente/core/model";
import { type QuotaDebitUndone, quotaDebitUndone } from "../contract/quota-debit-undone.ts";
import { isUndoQuotaDebit, type UndoQuotaDebit } from "../contract/undo-quota-debit.ts";
import type { OpenAccountState, RunningCycle } from "./account.ts";
import { restoredFact } from "./keep-quota.ts";
import { refuse, type SubscriptionRefusal } from "./refuse.ts";

type Debit = UndoQuotaDebit["debit"];

/**
 * Decides `flux.undo-quota-debit`: gives back what one top-up took, once. Debit and undo both stay in the journal.
 *
 * A debit of the running cycle is given back whole: the balance is as if it had not been.
 * A debit of an ended cycle: its quota units lapse, because plan quota is worth nothing after its cycle, used or not;
 * restoring them would hand the new cycle more quota than its invoice line bought. Its on-demand money is always credited,
 * to the ended cycle's charges, so the running cycle's balance does not move.
 *
 * The command says what the debit took; the account does not remember it. What vouches for the figures is the
 * `flux.balance-debited` fact they were copied from, in this context's own journal and named by the command's causation.
 * Here only figures that cannot be are turned away, so that a wrong command never leaves a balance that cannot be.
 *
 * Refuses: debit-already-undone (for how long: undone-debits.ts), debit-unknown.
 */
export function decideUndoQuotaDebit(
  account: OpenAccountState,
  command: Entry,
  context: DecisionContext,
): Decision | SubscriptionRefusal {
  const facts = undo(account, command.data as UndoQuotaDebit, context.key);
  return "refused" in facts ? facts : { facts };
}

/** What undoing one debit comes to, whoever asks for it: the undo, and what the books are told where they keep the quota. */
export function undo(
  account: OpenAccountState,
  asked: Pick<UndoQuotaDebit, "processId" | "reasonCode" | "debit">,
  accountId: string,
): readonly Fact[] | SubscriptionRefusal {
  const { processId, reasonCode, debit } = asked;
  const { cycle, currency, customerId } = account;
  if (account.undone.includes(processId)) return refuse("debit-already-undone", { processId });
  if (!isUndoQuotaDebit(asked) || !tookSomething(debit) || debit.cycle > cycle.month) {
    return refuse("debit-unknown", { processId });
  }
  const running = debit.cycle === cycle.month;
  const after = running ? withoutDebit(cycle, debit) : cycle;
  if (!isPossible(after)) return refuse("debit-unknown", { processId });

  const data: QuotaDebitUndone = {
    accountId,
    undoneProcessId: processId,
    reasonCode,
    cycle: cycle.month,
    restoredToQuota: running ? debit.fundedFromQuota : 0,
    lapsedFromQuota: running ? 0 : debit.fundedFromQuota,
    undoneOnDemand: debit.fundedOnDemand,
    creditedMinor: debit.onDemandAmountMinor,
    currency,
    quotaRemaining: after.quotaRemaining,
    usedUnits: after.usedUnits,
    onDemandMinor: after.onDemandMinor,
  };
  const restored = restoredFact(account, accountId, processId, data.restoredToQuota);
  return [{ type: quotaDebitUndone.type, data, customerId }, ...restored];
}

/** Checked here because internal commands do not pass the edge. An undo is rare, so this is not the hot path. */
/** A debit is of at least one unit, and money is only for units on demand. */
function tookSomething({ fundedFromQuota, fundedOnDemand, onDemandAmountMinor }: Debit): boolean {
  return fundedFromQuota + fundedOnDemand > 0 && (fundedOnDemand > 0 || onDemandAmountMinor === 0);
}

/** The cycle as if the debit had not been. */
function withoutDebit(cycle: RunningCycle, debit: Debit): RunningCycle {
  return {
    ...cycle,
    // What was taken beyond a quota that has become smaller is made good first.
    quotaRemaining: cycle.quotaRemaining + Math.max(0, debit.fundedFromQuota - (cycle.overdrawnUnits ?? 0)),
    usedUnits: cycle.usedUnits - debit.fundedFromQuota - debit.fundedOnDemand,
    onDemandMinor: cycle.onDemandMinor - debit.onDemandAmountMinor,
  };
}

/** False when more was given back than the cycle used. */
function isPossible({ quotaRemaining, quotaUnits, usedUnits, onDemandMinor }: RunningCycle): boolean {
  return quotaRemaining <= quotaUnits && usedUnits >= 0 && onDemandMinor >= 0;
}
