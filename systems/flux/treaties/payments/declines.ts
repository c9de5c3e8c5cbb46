import type { ErrorMap } from "@entente/core";
import type { DeclineCode } from "../../contexts/subscription/contract/charge-declines.ts";
import { callErrors } from "./provider-errors.ts";

/** What a code of the payment provider means: for operators, and for the customer whose charge was not made. */
interface Decline {
  readonly means: string;
  readonly reason: DeclineCode;
}

const declined = (means: string, reason: DeclineCode = "card-declined"): Decline => ({ means, reason });

/** Code of the answer that is given without asking anybody: the account has nothing to pay with. */
export const noPaymentMethod = "no_payment_method";

/**
 * Refusals after which certainly no money moved, by decline code or, where there is none, by error code.
 * Source: Stripe's pages on decline codes and error codes. What is added there later is not on the map, and so a person's case and a line
 * to write here. The provider asks merchants not to tell customers of lost, stolen or suspicious cards.
 */
export const declines: Readonly<Record<string, Decline>> = {
  card_declined: declined("The card was declined without a reason."),
  generic_decline: declined("The card was declined for a reason the bank does not tell."),
  do_not_honor: declined("The bank declined without saying why."),
  call_issuer: declined("The bank wants to be called by its customer."),
  no_action_taken: declined("The bank declined without saying why."),
  not_permitted: declined("The bank does not permit this payment."),
  transaction_not_allowed: declined("The bank does not permit this payment."),
  service_not_allowed: declined("The bank does not permit this payment."),
  do_not_try_again: declined("The bank declined and wants no repeat."),
  stop_payment_order: declined("The customer stopped payments to us at the bank."),
  revocation_of_authorization: declined("The customer revoked this payment at the bank."),
  revocation_of_all_authorizations: declined("The customer revoked all payments at the bank."),
  lost_card: declined("Reported lost. The customer is told no more than that the card was declined."),
  stolen_card: declined("Reported stolen. The customer is told no more than that the card was declined."),
  pickup_card: declined("Lost or stolen. The customer is told no more than that the card was declined."),
  restricted_card: declined("Restricted. The customer is told no more than that the card was declined."),
  fraudulent: declined("Suspected fraud. The customer is told no more than that the card was declined."),
  merchant_blacklist: declined("On our own block list at the provider."),
  security_violation: declined("The bank sees a security problem."),
  processing_error: declined("The bank could not process it; another attempt needs a new top-up."),
  issuer_not_available: declined("The bank could not be reached; another attempt needs a new top-up."),
  try_again_later: declined("The bank cannot do it now; another attempt needs a new top-up."),
  reenter_transaction: declined("The bank could not process it; another attempt needs a new top-up."),
  approve_with_id: declined("The bank cannot authorise it now; another attempt needs a new top-up."),
  insufficient_funds: declined("Not enough money.", "insufficient-funds"),
  card_velocity_exceeded: declined("Over the card's limit of amount or number.", "insufficient-funds"),
  withdrawal_count_limit_exceeded: declined("Over the card's limit.", "insufficient-funds"),
  expired_card: declined("The card has expired.", "card-expired"),
  incorrect_cvc: declined("The security code is wrong.", "card-details-wrong"),
  invalid_cvc: declined("The security code is wrong.", "card-details-wrong"),
  incorrect_number: declined("The card number is wrong.", "card-details-wrong"),
  invalid_number: declined("The card number is wrong.", "card-details-wrong"),
  invalid_expiry_month: declined("The expiry month is wrong.", "card-details-wrong"),
  invalid_expiry_year: declined("The expiry year is wrong.", "card-details-wrong"),
  invalid_account: declined("Card or account is not valid.", "card-details-wrong"),
  new_account_information_available: declined("Card or account has changed.", "card-details-wrong"),
  account_closed: declined("The bank account is closed.", "card-details-wrong"),
  no_account: declined("There is no such bank account.", "card-details-wrong"),
  debit_not_authorized: declined("The customer has not authorised debits.", "card-declined"),
  card_not_supported: declined("The card does not support this kind of payment.", "card-not-supported"),
  currency_not_supported: declined("The card does not support this currency.", "card-not-supported"),
  testmode_decline: declined("A test card outside test mode.", "card-not-supported"),
  authentication_required: declined("The bank wants the customer to confirm.", "authentication-needed"),
  authentication_not_handled: declined("The bank wants the customer to confirm.", "authentication-needed"),
  payment_intent_authentication_failure: declined("The customer did not confirm.", "authentication-needed"),
  requires_action: declined("The bank wants the customer to confirm.", "authentication-needed"),
  amount_too_small: declined("Below the least amount the provider charges.", "amount-too-small"),
  amount_too_large: declined("Above the largest amount the provider charges.", "amount-too-large"),
  resource_missing: declined("The provider does not know payer or payment method.", "payment-method-missing"),
  [noPaymentMethod]: declined("No payment method is on file; nobody was asked.", "payment-method-missing"),
  canceled: declined("Somebody cancelled the charge at the provider.", "charge-given-up"),
};

/** In our words, for the customer. Null, or a code that is no decline: the charge was given up by a person. */
export function reasonOf(theirCode: string | null): DeclineCode {
  if (theirCode === null || !Object.hasOwn(declines, theirCode)) return "charge-given-up";
  return declines[theirCode]?.reason ?? "charge-given-up";
}

/** Every code of theirs that is understood of a charge. */
export const paymentsErrorMap: ErrorMap = {
  ...Object.fromEntries(
    Object.entries(declines).map(([theirs, { means }]) => [theirs, { class: "BUSINESS_REJECTED", means }]),
  ),
  ...callErrors,
};
