import type { CodeMeaning, ErrorMap } from "@entente/core";
import { callErrors } from "./provider-errors.ts";

const refused = (means: string): CodeMeaning => ({ class: "BUSINESS_REJECTED", means });

/**
 * Every code of theirs that is understood of a refund: why they did not make one, and why one that they made failed. After each of them
 * certainly no money went back by it, but for one: what was refunded in full already is back, and somebody was quicker.
 * Source: Stripe's pages on error codes and on failed refunds. What is added there later is not on the map, and so a person's case.
 */
export const refundErrorMap: ErrorMap = {
  charge_already_refunded: {
    class: "IDEMPOTENT_SUCCESS",
    done: true,
    means: "The whole charge was given back already, by a refund that is not ours.",
  },
  charge_disputed: refused(
    "The bank took the charge back for its customer: paying it once more is a person's decision.",
  ),
  refund_disputed_payment: refused(
    "The bank took the charge back for its customer: paying it once more is a person's decision.",
  ),
  charge_not_refundable: refused("The charge cannot be given back over there."),
  balance_insufficient: refused("Our balance over there does not cover it: put money in, then try anew."),
  resource_missing: refused("They do not know the charge."),
  lost_or_stolen_card: refused("The card was reported lost or stolen; the bank sent the money back to us."),
  expired_or_canceled_card: refused("The card is gone; the bank sent the money back to us."),
  charge_for_pending_refund_disputed: refused("The bank took the charge back while the refund was pending."),
  insufficient_funds: refused("Our balance over there did not cover it when it was due."),
  declined: refused("The bank does not take the money back."),
  merchant_request: refused("Somebody of ours stopped the refund over there."),
  unknown: refused("It failed, and they do not say why."),
  failed: refused("It failed without a reason."),
  canceled: refused("Somebody cancelled the refund over there."),
  ...callErrors,
};
