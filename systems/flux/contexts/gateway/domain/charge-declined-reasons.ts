import type { ProcessReason } from "@entente/core/model";
import type { DeclineCode } from "../../subscription/contract/charge-declines.ts";

/** What the customer reads of a top-up whose on-demand part was not charged. Closed: one sentence per code. */
const reasons: Readonly<Record<DeclineCode, ProcessReason>> = {
  "card-declined": { code: "card-declined", message: "Your card was declined." },
  "insufficient-funds": {
    code: "insufficient-funds",
    message: "Your card has too little money, or its limit is reached.",
  },
  "card-expired": { code: "card-expired", message: "Your card has expired." },
  "card-details-wrong": {
    code: "card-details-wrong",
    message: "The details of your card or bank account are not right any more.",
  },
  "card-not-supported": {
    code: "card-not-supported",
    message: "Your card cannot be used for this kind of payment.",
  },
  "authentication-needed": {
    code: "authentication-needed",
    message: "Your bank wants you to confirm payments in person. Please use another payment method.",
  },
  "payment-method-missing": {
    code: "payment-method-missing",
    message: "There is no payment method on file for this account.",
  },
  "amount-too-small": {
    code: "amount-too-small",
    message: "The part beyond the quota costs less than the smallest amount that can be charged.",
  },
  "amount-too-large": {
    code: "amount-too-large",
    message: "The part beyond the quota costs more than can be charged at once.",
  },
  "charge-given-up": {
    code: "charge-given-up",
    message: "The charge could not be made, and this top-up was cancelled.",
  },
};

/** What an undo gave back of the top-up's quota part. Units. */
export interface GivenBack {
  readonly restoredToQuota: number;
  /** Its cycle had ended, and the quota with it. */
  readonly lapsedFromQuota: number;
}

/** With what became of money and quota. Null for an undo that followed from something else than a charge that was not made. */
export function declinedReason(code: string, back: GivenBack): ProcessReason | null {
  const reason = Object.hasOwn(reasons, code) ? reasons[code as DeclineCode] : undefined;
  return reason === undefined ? null : { ...reason, message: `${reason.message} ${becameOf(back)}` };
}

function becameOf({ restoredToQuota, lapsedFromQuota }: GivenBack): string {
  if (restoredToQuota > 0) return "Nothing was charged, and the units taken from the quota are back.";
  if (lapsedFromQuota > 0)
    return "Nothing was charged. The units taken from the quota belonged to a month that has ended.";
  return "Nothing was charged.";
}
