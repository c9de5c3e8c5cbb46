import { type Static, Type } from "typebox";

/** What we read of the payment provider's messages, in its words. Nothing of it leaves this folder. */

/** An attempt to take money. Amount in minor units. */
export const PaymentIntent = Type.Object({
  id: Type.String({ minLength: 1 }),
  object: Type.Literal("payment_intent"),
  amount: Type.Integer(),
  currency: Type.String(),
  status: Type.String(),
  metadata: Type.Record(Type.String(), Type.String()),
  last_payment_error: Type.Optional(
    Type.Union([
      Type.Null(),
      Type.Object({ code: Type.Optional(Type.String()), decline_code: Type.Optional(Type.String()) }),
    ]),
  ),
});

export const FoundPaymentIntents = Type.Object({ data: Type.Array(PaymentIntent) });

/** Body of a webhook. */
export const PaymentEvent = Type.Object({
  id: Type.String({ minLength: 1 }),
  type: Type.String(),
  data: Type.Object({ object: PaymentIntent }),
});

export type PaymentIntent = Static<typeof PaymentIntent>;
export type PaymentEvent = Static<typeof PaymentEvent>;

/** Members of `metadata` by which a payment is known again. */
export const metadataNames = {
  key: "entente_key",
  tenant: "tenant",
  process: "process_id",
  account: "account_id",
} as const;

/** Events that say what became of a charge; the webhook endpoint is registered for these and no others. */
export const chargeEvents: readonly string[] = [
  "payment_intent.succeeded",
  "payment_intent.processing",
  "payment_intent.payment_failed",
  "payment_intent.canceled",
];
