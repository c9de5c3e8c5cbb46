import { type Static, Type } from "typebox";

/** What we read of the payment provider's messages about refunds, in its words. Nothing of it leaves this folder. */

/** Money on its way back, or back. Amount in minor units. */
export const Refund = Type.Object({
  id: Type.String({ minLength: 1 }),
  object: Type.Literal("refund"),
  amount: Type.Integer(),
  currency: Type.String(),
  status: Type.String(),
  /** Null for a payment without any, which is none of ours. */
  metadata: Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]),
  payment_intent: Type.Union([Type.String(), Type.Null()]),
  failure_reason: Type.Optional(Type.Union([Type.String(), Type.Null()])),
});

/** Refunds of one charge, one page. */
export const FoundRefunds = Type.Object({
  object: Type.Literal("list"),
  data: Type.Array(Refund),
  has_more: Type.Boolean(),
});

/** Body of a webhook. */
export const RefundEvent = Type.Object({
  id: Type.String({ minLength: 1 }),
  type: Type.String(),
  data: Type.Object({ object: Refund }),
});

export type Refund = Static<typeof Refund>;
export type FoundRefunds = Static<typeof FoundRefunds>;
export type RefundEvent = Static<typeof RefundEvent>;

/**
 * Events that say what became of a refund; the webhook endpoint is registered for these and no others. `charge.refunded` tells nothing
 * more, and tells it of the charge: which refund it was, and under which key, does not stand in it.
 */
export const refundEvents: readonly string[] = ["refund.created", "refund.updated", "refund.failed"];
