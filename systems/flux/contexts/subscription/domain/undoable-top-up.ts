import type { Entry } from "@entente/core/model";
import { isAskedByCustomer } from "../contract/asked-by-customer.ts";
import { type BalanceDebited, balanceDebited } from "../contract/balance-debited.ts";
import { type TopUpCharged, topUpCharged } from "../contract/charge.ts";
import { quotaDebitUndone } from "../contract/quota-debit-undone.ts";
import type { UndoTopUp } from "../contract/undo-top-up.ts";
import { refuse, type SubscriptionRefusal } from "./refuse.ts";

/** A fact of a top-up's process, as far as its undo has to know it. */
export type TopUpFact = Pick<Entry, "id" | "type" | "causationId" | "processId" | "data">;

/** Facts that are asked for; see `undoableTopUp`. */
export const undoableFacts: readonly string[] = [
  balanceDebited.type,
  topUpCharged.type,
  quotaDebitUndone.type,
];

export interface Undoable {
  /** What its undo says, but for who and why. From facts that never change, so that a repeat of the request says the same. */
  readonly undo: Omit<UndoTopUp, "by" | "why"> | null;
  /** Why it is not undone, as things stand; null: it may be. */
  readonly refusal: SubscriptionRefusal | null;
}

/**
 * Whether a top-up can be undone by an operator, before anything is accepted. `facts`: of its process, in the subscription's journal.
 * `confirmed`: its customer reads so. `refunds`: there is a treaty that gives charges back.
 *
 * | Refusal | When |
 * | --- | --- |
 * | `debit-already-undone` | by an adjustment, or by its own compensation |
 * | `top-up-not-confirmed` | it is under way, has failed, or its charge is not made: its own end comes first |
 * | `debit-unknown` | confirmed, and its debit is not in the journal any more |
 * | `top-up-kept-elsewhere` | it was carried out on the word of the authority for customers, as in stage A: that has it as done, and there is no treaty by which we could say otherwise |
 * | `refund-not-possible` | it was charged, and nothing gives it back, or the provider's name for the charge is not known |
 *
 * What may change until it is decided, another undo, is refused there as well.
 */
export function undoableTopUp(
  facts: readonly TopUpFact[],
  { confirmed, refunds }: { readonly confirmed: boolean; readonly refunds: boolean },
): Undoable {
  const debited = facts.find(({ type }) => type === balanceDebited.type);
  if (debited === undefined) {
    return { undo: null, refusal: confirmed ? refuse("debit-unknown") : refuse("top-up-not-confirmed") };
  }
  const { accountId, cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor } =
    debited.data as BalanceDebited;
  const charged = facts.find(({ type }) => type === topUpCharged.type)?.data as TopUpCharged | undefined;
  const reference = charged?.reference ?? null;
  const undo: Undoable["undo"] = {
    accountId,
    undoneProcessId: debited.processId,
    debitId: debited.id,
    debit: { cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor },
    charge:
      charged === undefined || reference === null
        ? null
        : { amountMinor: charged.amountMinor, currency: charged.currency, reference },
  };
  return { undo, refusal: refusalOf() };

  function refusalOf(): SubscriptionRefusal | null {
    if (facts.some(({ type }) => type === quotaDebitUndone.type)) return refuse("debit-already-undone");
    if (!confirmed) return refuse("top-up-not-confirmed");
    if (!isAskedByCustomer(debited as TopUpFact)) return refuse("top-up-kept-elsewhere");
    if (charged !== undefined && (reference === null || !refunds)) return refuse("refund-not-possible");
    return null;
  }
}
