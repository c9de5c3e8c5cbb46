import type { ProcessReason } from "@entente/core/model";
import type { DeclineCode } from "../../subscription/contract/charge-declines.ts";

const nothingTaken = "Nothing was charged, and the units taken from the quota are back.";

/** What the customer reads of a top-up whose on-demand part was not charged. Closed: one sentence per code. */
const reasons: Readonly<Record<DeclineCode, ProcessReason>> = {
  "card-declined": { code: "card-declined", message: `Your card was declined. ${nothingTaken}` },
  "insufficient-funds": {
    code: "insufficient-funds",
    message: `Your card has too little money, or its limit is reached. ${nothingTaken}`,
  },
  "card-expired": { code: "card-expired", message: `Your card has expired. ${nothingTaken}` },
  "card-details-wrong": {
    code: "card-details-wrong",
    message: `The details of your card or bank account are not right any more. ${nothingTaken}`,
  },
  "card-not-supported": {
    code: "card-not-supported",
    message: `Your card cannot be used for this kind of payment. ${nothingTaken}`,
  },
  "authentication-needed": {
    code: "authentication-needed",
    message: `Your bank wants you to confirm payments in person. Please use another payment method. ${nothingTaken}`,
  },
  "payment-method-missing": {
    code: "payment-method-missing",
    message: `There is no payment method on file for this account. ${nothingTaken}`,
  },
  "amount-too-small": {
    code: "amount-too-small",
    message: `The part beyond the quota costs less than the smallest amount that can be charged. ${nothingTaken}`,
  },
  "amount-too-large": {
    code: "amount-too-large",
    message: `The part beyond the quota costs more than can be charged at once. ${nothingTaken}`,
  },
  "charge-given-up": {
    code: "charge-given-up",
    message: `The charge could not be made, and this top-up was cancelled. ${nothingTaken}`,
  },
};

/** Null for the reason of an undo that followed from something else than a declined charge. */
export function declinedReason(code: string): ProcessReason | null {
  return Object.hasOwn(reasons, code) ? reasons[code as DeclineCode] : null;
}
