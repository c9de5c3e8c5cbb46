import type { Metadata } from "./parameters.ts";
import { notNow } from "./stripe-refusal.ts";

export type PaymentIntentStatus =
  | "requires_payment_method"
  | "requires_confirmation"
  | "requires_action"
  | "processing"
  | "requires_capture"
  | "succeeded"
  | "canceled";

/** Amounts are whole minor units of the currency; times are seconds. */
export interface PaymentIntent {
  readonly id: string;
  readonly object: "payment_intent";
  amount: number;
  amount_capturable: number;
  amount_received: number;
  readonly application: null;
  readonly automatic_payment_methods: { readonly enabled: boolean } | null;
  canceled_at: number | null;
  cancellation_reason: string | null;
  readonly capture_method: "automatic" | "automatic_async" | "manual";
  readonly client_secret: string;
  readonly confirmation_method: "automatic" | "manual";
  readonly created: number;
  currency: string;
  customer: string | null;
  description: string | null;
  last_payment_error: object | null;
  latest_charge: string | null;
  readonly livemode: false;
  metadata: Metadata;
  next_action: object | null;
  payment_method: string | null;
  readonly payment_method_options: object;
  readonly payment_method_types: readonly string[];
  processing: null;
  receipt_email: string | null;
  setup_future_usage: string | null;
  shipping: null;
  statement_descriptor: string | null;
  statement_descriptor_suffix: string | null;
  status: PaymentIntentStatus;
  transfer_group: string | null;
}

export interface NewPaymentIntent
  extends Pick<
    PaymentIntent,
    | "id"
    | "amount"
    | "automatic_payment_methods"
    | "capture_method"
    | "client_secret"
    | "confirmation_method"
    | "created"
    | "currency"
    | "customer"
    | "description"
    | "metadata"
    | "payment_method"
    | "payment_method_types"
    | "receipt_email"
    | "setup_future_usage"
    | "statement_descriptor"
    | "statement_descriptor_suffix"
    | "transfer_group"
  > {}

export function newPaymentIntent(given: NewPaymentIntent): PaymentIntent {
  return {
    object: "payment_intent",
    amount_capturable: 0,
    amount_received: 0,
    application: null,
    canceled_at: null,
    cancellation_reason: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    next_action: null,
    payment_method_options: {},
    processing: null,
    shipping: null,
    status: given.payment_method === null ? "requires_payment_method" : "requires_confirmation",
    ...given,
  };
}

/** Statuses from which each act is possible; from the others it is refused with `payment_intent_unexpected_state`. */
const possibleFrom = {
  confirm: ["requires_payment_method", "requires_confirmation", "requires_action"],
  capture: ["requires_capture"],
  cancel: ["requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"],
  "update the amount of": ["requires_payment_method", "requires_confirmation", "requires_action"],
  authenticate: ["requires_action"],
} as const satisfies Record<string, readonly PaymentIntentStatus[]>;

/** Errors: 400 `payment_intent_unexpected_state`, with the intent as it is. */
export function mustAllow(act: keyof typeof possibleFrom, intent: PaymentIntent): void {
  const possible: readonly PaymentIntentStatus[] = possibleFrom[act];
  if (possible.includes(intent.status)) return;
  throw notNow(
    "payment_intent_unexpected_state",
    `You cannot ${act} this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be treated so: ${possible.join(", ")}.`,
    { payment_intent: intent },
  );
}
