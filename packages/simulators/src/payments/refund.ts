import type { Charge } from "./charge.ts";
import type { Metadata } from "./parameters.ts";

export const refundReasons = ["duplicate", "fraudulent", "requested_by_customer"] as const;

export interface Refund {
  readonly id: string;
  readonly object: "refund";
  readonly amount: number;
  balance_transaction: string | null;
  readonly charge: string;
  readonly created: number;
  readonly currency: string;
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
  { id: charge, currency, payment_intent }: Charge,
): Refund {
  return {
    object: "refund",
    balance_transaction: null,
    charge,
    currency,
    payment_intent,
    receipt_number: null,
    source_transfer_reversal: null,
    status: "pending",
    transfer_reversal: null,
    ...given,
  };
}
