import type { Operation, Rejection, SystemDescription } from "../control/system-description.ts";

function reading(does: string): Operation {
  return { does, effect: false, callback: false };
}

/** Followed by events, which go to the webhook endpoints. */
function writing(does: string): Operation {
  return { does, effect: true, callback: true };
}

function settingUp(does: string): Operation {
  return { does, effect: true, callback: false };
}

const operations = {
  "create-payment-intent": writing("POST /v1/payment_intents"),
  "read-payment-intent": reading("GET /v1/payment_intents/:id"),
  "update-payment-intent": settingUp("POST /v1/payment_intents/:id"),
  "confirm-payment-intent": writing("POST /v1/payment_intents/:id/confirm"),
  "capture-payment-intent": writing("POST /v1/payment_intents/:id/capture"),
  "cancel-payment-intent": writing("POST /v1/payment_intents/:id/cancel"),
  "list-payment-intents": reading("GET /v1/payment_intents"),
  "search-payment-intents": reading("GET /v1/payment_intents/search"),
  "read-charge": reading("GET /v1/charges/:id"),
  "list-charges": reading("GET /v1/charges"),
  "search-charges": reading("GET /v1/charges/search"),
  "create-refund": writing("POST /v1/refunds"),
  "read-refund": reading("GET /v1/refunds/:id"),
  "update-refund": writing("POST /v1/refunds/:id"),
  "list-refunds": reading("GET /v1/refunds"),
  "create-customer": writing("POST /v1/customers"),
  "read-customer": reading("GET /v1/customers/:id"),
  "update-customer": writing("POST /v1/customers/:id"),
  "delete-customer": writing("DELETE /v1/customers/:id"),
  "list-customers": reading("GET /v1/customers"),
  "search-customers": reading("GET /v1/customers/search"),
  "read-event": reading("GET /v1/events/:id"),
  "list-events": reading("GET /v1/events"),
  "read-balance-transaction": reading("GET /v1/balance_transactions/:id"),
  "list-balance-transactions": reading("GET /v1/balance_transactions"),
  "create-webhook-endpoint": settingUp("POST /v1/webhook_endpoints"),
  "read-webhook-endpoint": reading("GET /v1/webhook_endpoints/:id"),
  "update-webhook-endpoint": settingUp("POST /v1/webhook_endpoints/:id"),
  "delete-webhook-endpoint": settingUp("DELETE /v1/webhook_endpoints/:id"),
  "list-webhook-endpoints": reading("GET /v1/webhook_endpoints"),
} as const satisfies Record<string, Operation>;

export type PaymentsOperation = keyof typeof operations;

const paying = ["create-payment-intent", "confirm-payment-intent"];

function decline(means: string): Rejection {
  return { means, operations: paying };
}

/** Declines by the reason that rules and test payment methods name, with the error's `code` where it is not `card_declined`. */
export const declines: Readonly<Record<string, { readonly code?: string; readonly message: string }>> = {
  generic_decline: { message: "Your card was declined." },
  insufficient_funds: { message: "Your card has insufficient funds." },
  lost_card: { message: "Your card was declined." },
  stolen_card: { message: "Your card was declined." },
  fraudulent: { message: "Your card was declined." },
  do_not_honor: { message: "Your card was declined." },
  card_velocity_exceeded: {
    message:
      "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
  },
  expired_card: { code: "expired_card", message: "Your card has expired." },
  incorrect_cvc: { code: "incorrect_cvc", message: "Your card's security code is incorrect." },
  processing_error: {
    code: "processing_error",
    message: "An error occurred while processing your card. Try again in a little bit.",
  },
  authentication_required: {
    code: "authentication_required",
    message: "Your card was declined. This transaction requires authentication.",
  },
};

/** Refusals other than declines: 400, with this code. */
export const refusals: Readonly<
  Record<string, { readonly message: string; readonly operation: PaymentsOperation }>
> = {
  charge_already_refunded: { message: "The charge has already been refunded.", operation: "create-refund" },
  charge_disputed: { message: "The charge has been charged back.", operation: "create-refund" },
  balance_insufficient: { message: "Insufficient funds in your balance.", operation: "create-refund" },
  capture_charge_authorization_expired: {
    message: "The authorization has expired and the charge cannot be captured.",
    operation: "capture-payment-intent",
  },
  payment_intent_unexpected_state: {
    message: "The payment intent's state does not allow this.",
    operation: "cancel-payment-intent",
  },
  email_invalid: { message: "Invalid email address.", operation: "create-customer" },
};

export const description: SystemDescription = {
  name: "payments",
  title: "Payments, by Stripe's interface",
  operations,
  rejections: {
    ...Object.fromEntries(
      Object.entries(declines).map(([reason, { message }]) => [reason, decline(message)]),
    ),
    ...Object.fromEntries(
      Object.entries(refusals).map(([reason, { message, operation }]) => [
        reason,
        { means: message, operations: [operation] },
      ]),
    ),
  },
  credentials: { apiKey: "sk_test_entente", otherAccountApiKey: "sk_test_entente_other" },
};

/** Accounts by their API key. What is done under one is not there under the other. */
export const accountsByApiKey: Readonly<Record<string, string>> = {
  sk_test_entente: "acct_entente",
  sk_test_entente_other: "acct_entente_other",
};
