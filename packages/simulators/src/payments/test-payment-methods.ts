/** What comes of paying with each of Stripe's test payment methods. */
export type PaymentOutcome =
  | { readonly comes: "success"; readonly refund: "succeeds" | "late" | "fails" }
  | { readonly comes: "decline"; readonly reason: string }
  /** The customer must authenticate first (3-D Secure); then it succeeds. */
  | { readonly comes: "authentication" }
  /** A bank debit: it is processed, and settles later; `failure` null: it succeeds. */
  | { readonly comes: "later"; readonly failure: string | null };

const succeeds = { comes: "success", refund: "succeeds" } as const;
const authenticates = { comes: "authentication" } as const;

function declined(reason: string): PaymentOutcome {
  return { comes: "decline", reason };
}

function debit(failure: string | null): PaymentOutcome {
  return { comes: "later", failure };
}

/** By name. Names are Stripe's own, so that a test written for Stripe's test mode runs here. */
export const testPaymentMethods: Readonly<Record<string, PaymentOutcome>> = {
  pm_card_visa: succeeds,
  pm_card_visa_debit: succeeds,
  pm_card_mastercard: succeeds,
  pm_card_amex: succeeds,
  pm_card_pendingRefund: { comes: "success", refund: "late" },
  pm_card_refundFail: { comes: "success", refund: "fails" },
  pm_card_chargeDeclined: declined("generic_decline"),
  pm_card_visa_chargeDeclined: declined("generic_decline"),
  pm_card_chargeDeclinedInsufficientFunds: declined("insufficient_funds"),
  pm_card_visa_chargeDeclinedInsufficientFunds: declined("insufficient_funds"),
  pm_card_visa_chargeDeclinedLostCard: declined("lost_card"),
  pm_card_visa_chargeDeclinedStolenCard: declined("stolen_card"),
  pm_card_chargeDeclinedFraudulent: declined("fraudulent"),
  pm_card_chargeDeclinedExpiredCard: declined("expired_card"),
  pm_card_chargeDeclinedIncorrectCvc: declined("incorrect_cvc"),
  pm_card_chargeDeclinedProcessingError: declined("processing_error"),
  pm_card_visa_chargeDeclinedVelocityLimitExceeded: declined("card_velocity_exceeded"),
  pm_card_authenticationRequired: authenticates,
  pm_card_threeDSecure2Required: authenticates,
  pm_card_threeDSecureRequired: authenticates,
  pm_usBankAccount: debit(null),
  pm_usBankAccount_success: debit(null),
  pm_usBankAccount_insufficientFunds: debit("insufficient_funds"),
  pm_usBankAccount_accountClosed: debit("account_closed"),
  pm_usBankAccount_noAccount: debit("no_account"),
};

export function isBankDebit(paymentMethod: string): boolean {
  return testPaymentMethods[paymentMethod]?.comes === "later";
}
