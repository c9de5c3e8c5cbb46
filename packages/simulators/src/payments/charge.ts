import type { PaymentIntent } from "./payment-intent.ts";
import { isBankDebit } from "./test-payment-methods.ts";

/** One attempt to take the money of an intent. */
export interface Charge {
  readonly id: string;
  readonly object: "charge";
  readonly amount: number;
  amount_captured: number;
  amount_refunded: number;
  balance_transaction: string | null;
  readonly billing_details: object;
  captured: boolean;
  readonly created: number;
  readonly currency: string;
  readonly customer: string | null;
  readonly description: string | null;
  readonly disputed: false;
  failure_code: string | null;
  failure_message: string | null;
  readonly livemode: false;
  /** The intent's, when the charge was made. */
  readonly metadata: PaymentIntent["metadata"];
  outcome: object | null;
  paid: boolean;
  readonly payment_intent: string;
  readonly payment_method: string;
  readonly payment_method_details: object;
  readonly receipt_email: string | null;
  refunded: boolean;
  readonly statement_descriptor: string | null;
  status: "succeeded" | "pending" | "failed";
  readonly transfer_group: string | null;
}

/** The charge of an intent that is being paid; it is pending until the caller says what comes of it. */
export function newCharge(id: string, created: number, intent: PaymentIntent, paymentMethod: string): Charge {
  const {
    amount,
    currency,
    customer,
    description,
    metadata,
    receipt_email,
    statement_descriptor,
    transfer_group,
  } = intent;
  const type = isBankDebit(paymentMethod) ? "us_bank_account" : "card";
  return {
    id,
    object: "charge",
    amount,
    amount_captured: 0,
    amount_refunded: 0,
    balance_transaction: null,
    billing_details: {},
    captured: false,
    created,
    currency,
    customer,
    description,
    disputed: false,
    failure_code: null,
    failure_message: null,
    livemode: false,
    metadata,
    outcome: null,
    paid: false,
    payment_intent: intent.id,
    payment_method: paymentMethod,
    payment_method_details: { type, [type]: {} },
    receipt_email,
    refunded: false,
    statement_descriptor,
    status: "pending",
    transfer_group,
  };
}
