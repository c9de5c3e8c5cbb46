import type { Charge } from "./charge.ts";
import type { Metadata } from "./parameters.ts";
import { isBankDebit } from "./test-payment-methods.ts";

export const refundReasons = ["duplicate", "fraudulent", "requested_by_customer"] as const;

export interface Refund {
  readonly id: string;
  readonly object: "refund";
  readonly amount: number;
  balance_transaction: string | null;
  readonly charge: string;
  readonly created: number;
  readonly currency: string;
  readonly customer: string | null;
  readonly customer_account: null;
  /** Where the money goes; the bank has not named it yet. */
  readonly destination_details: object;
  /** The movement that brought the money of a failed one back. */
  failure_balance_transaction?: string;
  failure_reason?: string;
  metadata: Metadata;
  readonly payment_intent: string;
  readonly reason: (typeof refundReasons)[number] | null;
  readonly receipt_number: null;
  readonly source_transfer_reversal: null;
  status: "succeeded" | "pending" | "failed";
  readonly transfer_reversal: null;
}

export function newRefund(
  given: Pick<Refund, "id" | "amount" | "created" | "metadata" | "reason">,
  { id: charge, currency, customer, payment_intent, payment_method }: Charge,
): Refund {
  const type = isBankDebit(payment_method) ? "us_bank_transfer" : "card";
  const unnamed = { reference_status: "pending" };
  const details =
    type === "card"
      ? { ...unnamed, reference_type: "acquirer_reference_number", type: "refund" }
      : { ...unnamed, reference: null };
  return {
    object: "refund",
    balance_transaction: null,
    charge,
    currency,
    customer,
    customer_account: null,
    destination_details: { type, [type]: details },
    payment_intent,
    receipt_number: null,
    source_transfer_reversal: null,
    status: "pending",
    transfer_reversal: null,
    ...given,
  };
}
