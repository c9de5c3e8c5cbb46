/** Every no this context can say, with the one sentence a customer may read. Codes are for ever. */
export const entitlementRefusals = {
  "entitlement-unknown": "We know of nothing this account is entitled to.",
  "entitlement-not-active": "This account's entitlement is not active.",
  "plan-not-offered": "This plan cannot be ordered.",
  "plan-already-held": "The account is already entitled to this plan.",
  "plan-order-under-way": "Another change of plan is under way for this account.",
  "plan-order-refused": "This change of plan was not accepted.",
  "plan-order-given-up": "This change of plan was cancelled.",
  "support-cases-under-way": "Too many support cases of this account are being opened.",
  "support-case-refused": "This support case was not accepted.",
  "support-case-given-up": "This support case was not opened.",
  "prospect-conversion-under-way": "This prospect is being made a customer already.",
  "prospect-already-converted": "This prospect is a customer already.",
  "prospect-conversion-refused": "This prospect could not be made a customer.",
  "prospect-conversion-given-up": "Making this prospect a customer was cancelled.",
} as const;

export type EntitlementRefusal = keyof typeof entitlementRefusals;
