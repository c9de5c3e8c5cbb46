import type { Entry, HandOffLife } from "@entente/core/model";
import { type TopUpCharged, topUpCharged } from "../contract/charge.ts";
import { type RecordPayBack, topUpPaidBack } from "../contract/pay-back.ts";
import { quotaDebitUndone } from "../contract/quota-debit-undone.ts";
import { topUpRefunded, topUpRefundFailed } from "../contract/refund.ts";
import { refuse, type SubscriptionRefusal } from "./refuse.ts";

/** What was asked of the payment provider for a top-up, as far as a pay-back has to know it. */
export interface AskedOfProvider
  extends Pick<HandOffLife, "state" | "doubt" | "effectKnown" | "withdrawn" | "released"> {
  readonly purpose: string;
  /** Provider and we contradict each other about it, and a person looks at that. */
  readonly disputed: boolean;
}

/** What the subscription has of a top-up's charge. */
export interface ChargeHistory {
  /** Of `chargeFacts`, in their order. */
  readonly facts: readonly Pick<Entry, "type" | "processId" | "data">[];
  readonly asked: readonly AskedOfProvider[];
}

/** Facts that are asked for; see `owedCharge`. */
export const chargeFacts: readonly string[] = [
  topUpCharged.type,
  quotaDebitUndone.type,
  topUpRefunded.type,
  topUpRefundFailed.type,
  topUpPaidBack.type,
];

export interface OwedCharge {
  /** What its pay-back says, but for receipt, who and why. From a fact that never changes, so that a repeat of the request says the same. */
  readonly payBack: Omit<RecordPayBack, "reference" | "by" | "why"> | null;
  /** Why it is not taken, as things stand; null: it is owed, and nobody else gives it back. */
  readonly refusal: SubscriptionRefusal | null;
}

/**
 * Whether a top-up's charge is owed and may be told as paid back another way, before anything is accepted. `shown`: what its customer reads of
 * it, for what the journal does not have any more. `refunds`: there is a treaty that gives charges back, and that hears when one is not wanted.
 *
 * | Refusal | When |
 * | --- | --- |
 * | `charge-already-given-back` | by the provider, or told as paid back before |
 * | `top-up-not-undone` | it stands, or is under way: nothing is owed |
 * | `top-up-not-charged` | no charge is known to be made for it |
 * | `debit-unknown` | it was charged and undone, and the facts have left the journal: nobody vouches for the figures |
 * | `refund-unsettled` | the provider gives it back, or may have: paying it another way would pay it twice |
 *
 * What may change until it is decided is refused there as well, as far as the account hears of it.
 */
export function owedCharge(
  { facts, asked }: ChargeHistory,
  {
    shown,
    refunds,
  }: {
    readonly shown: { readonly undone: boolean; readonly charged: boolean };
    readonly refunds: boolean;
  },
): OwedCharge {
  const charge = facts.find(({ type }) => type === topUpCharged.type);
  return { payBack: charge === undefined ? null : payBackOf(charge), refusal: refusalOf() };

  function refusalOf(): SubscriptionRefusal | null {
    const has = (sought: string): boolean => facts.some(({ type }) => type === sought);
    const lastOfRefund = facts.findLast(
      ({ type }) => type === topUpRefunded.type || type === topUpRefundFailed.type,
    )?.type;
    if (has(topUpPaidBack.type) || lastOfRefund === topUpRefunded.type)
      return refuse("charge-already-given-back");
    if (!has(quotaDebitUndone.type)) return refuse(shown.undone ? "debit-unknown" : "top-up-not-undone");
    if (charge === undefined) return refuse(shown.charged ? "debit-unknown" : "top-up-not-charged");
    const isSentBack = lastOfRefund === topUpRefundFailed.type;
    return isRefundOver(asked, { isSentBack, refunds }) ? null : refuse("refund-unsettled");
  }
}

function payBackOf({ processId, data }: Pick<Entry, "processId" | "data">): OwedCharge["payBack"] {
  const { accountId, amountMinor, currency, reference } = data as TopUpCharged;
  return { accountId, topUpProcessId: processId, amountMinor, currency, chargeReference: reference };
}

/** True when no money is on its way by the provider and none can have gone without our knowing. */
function isRefundOver(
  asked: readonly AskedOfProvider[],
  { isSentBack, refunds }: { readonly isSentBack: boolean; readonly refunds: boolean },
): boolean {
  const refund = asked.find(({ purpose }) => purpose === "refund");
  if (refund === undefined) {
    // Its refund is opened in the transaction that notes the charge as withdrawn; without one it was left to a person.
    const charge = asked.find(({ purpose }) => purpose === "charge");
    return charge !== undefined && charge.state === "completed" && charge.withdrawn;
  }
  const { state, doubt, effectKnown, released, disputed } = refund;
  switch (state) {
    case "completed":
      return isSentBack;
    case "cancelled":
      return !disputed;
    case "rejected":
    case "fallout":
      // Without its treaty nobody would withdraw it, and a person could have it sent anew once the treaty is there again.
      return refunds && !doubt && !effectKnown && !released;
    default:
      return false;
  }
}
