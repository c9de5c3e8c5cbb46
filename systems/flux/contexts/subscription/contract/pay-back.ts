import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { By, Why } from "./operator-order.ts";
import { AmountMinor, Currency } from "./quantities.ts";

const Uuid = Type.String({ format: "uuid" });

/** What became of the payment provider's own refund: it made none, or it made one and the bank sent the money back to us. */
export const refundEnds = ["not-made", "sent-back"] as const;
export type RefundEnd = (typeof refundEnds)[number];

const charge = {
  /** What was charged, and so what was paid back: always the whole. */
  amountMinor: AmountMinor,
  currency: Currency,
  /** What the payment provider calls the charge; null when it never told us. */
  chargeReference: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]),
};

/** The receipt of whoever paid it, such as the reference of a bank transfer. */
const Receipt = Type.String({ pattern: "\\S", minLength: 1, maxLength: 255 });

const topUpProcessId = "0199f0e2-7a3b-7c4d-8e5f-0123456789ab";
const given = { accountId: "acct-0001", amountMinor: 125, currency: "EUR", chargeReference: "pi_3Nabc" };
const told = { reference: "SEPA-2026-4711", by: "olga", why: "The bank sent the refund back; ticket 4711." };

/**
 * Command: note that people paid back, past the payment provider, what was charged for a top-up that was undone; an operator says so. A
 * process of its own, and about another: `topUpProcessId`.
 * Shape: what was charged is copied unchanged from `flux.top-up-charged`. Units: `amountMinor` in minor units of `currency`.
 */
export const recordPayBack = {
  kind: "command",
  type: "flux.record-pay-back",
  schemaVersion: "1.0.0",
  schema: Type.Object(
    { accountId: Identifier, topUpProcessId: Uuid, ...charge, reference: Receipt, by: By, why: Why },
    { additionalProperties: false },
  ),
  example: { ...given, topUpProcessId, ...told },
} as const;
export type RecordPayBack = Static<typeof recordPayBack.schema>;

/**
 * Fact: what was charged for a top-up that was undone is back with its customer, paid another way than by the payment provider. In the
 * process of the top-up. Changes no balance: the undo had credited it already.
 * Guarantees: at most one per top-up, while the account remembers it (returned-charges.ts). From here on no refund is wanted any more.
 */
export const topUpPaidBack = {
  kind: "event",
  type: "flux.top-up-paid-back",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    /** The top-up's. */
    processId: Uuid,
    ...charge,
    refund: Type.Enum([...refundEnds]),
  }),
  example: { ...given, processId: topUpProcessId, refund: "sent-back" },
} as const;
export type TopUpPaidBack = Static<typeof topUpPaidBack.schema>;

/** Fact: the same pay-back in its own process, with who told of it, why, and the receipt. */
export const payBackRecorded = {
  kind: "event",
  type: "flux.pay-back-recorded",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    topUpProcessId: Uuid,
    ...charge,
    refund: Type.Enum([...refundEnds]),
    reference: Receipt,
    by: By,
    why: Why,
  }),
  example: { ...given, topUpProcessId, refund: "sent-back", ...told },
} as const;
export type PayBackRecorded = Static<typeof payBackRecorded.schema>;
