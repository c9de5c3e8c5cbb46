/**
 * Why a charge was not made, in our words. Codes are for ever. Nothing a provider tells only to the merchant is among them:
 * a lost or stolen card reads `card-declined`, as card schemes demand.
 */
export const declineCodes = [
  "card-declined",
  "insufficient-funds",
  "card-expired",
  "card-details-wrong",
  "card-not-supported",
  "authentication-needed",
  "payment-method-missing",
  "amount-too-small",
  "amount-too-large",
  "charge-given-up",
] as const;

export type DeclineCode = (typeof declineCodes)[number];
