import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { AmountMinor, Currency, ProcessId } from "./quantities.ts";

/** What the payment provider calls something. */
const Reference = Type.String({ minLength: 1, maxLength: 255 });

const refund = {
  accountId: Identifier,
  /** The top-up's. */
  processId: ProcessId,
  amountMinor: AmountMinor,
  currency: Currency,
  /** The charge that was given back. */
  chargeReference: Reference,
  /** Null: somebody had given it back already, and under which name was not told. */
  refundReference: Type.Union([Reference, Type.Null()]),
};

const given = {
  accountId: "acct-0001",
  processId: "0199f0e2-7a3b-7c4d-8e5f-0123456789ab",
  amountMinor: 125,
  currency: "EUR",
  chargeReference: "pi_3Nabc",
  refundReference: "re_3Nabc",
};

/**
 * Command: note that what was charged for a top-up was given back, says the payment provider.
 * Internal: told by the refund treaty when a refund is completed, never offered to customers.
 */
export const recordRefund = {
  kind: "command",
  type: "flux.record-refund",
  schemaVersion: "1.0.0",
  schema: Type.Object(refund, { additionalProperties: false }),
  example: given,
} as const;

/**
 * Fact: the charge of a top-up that was undone was given back, whole. Changes no balance: the undo had credited it already.
 * Guarantees: one per charge. Also of one that was paid back another way meanwhile (`flux.top-up-paid-back`): then it went back twice. Units: `amountMinor` in minor units of `currency`.
 */
export const topUpRefunded = {
  kind: "event",
  type: "flux.top-up-refunded",
  schemaVersion: "1.0.0",
  schema: Type.Object(refund),
  example: given,
} as const;

/**
 * Command: note that a refund which was told as given has come back, says the payment provider: the customer's bank did not take it.
 * Internal: told by the refund treaty, never offered to customers.
 */
export const recordRefundFailure = {
  kind: "command",
  type: "flux.record-refund-failure",
  schemaVersion: "1.0.0",
  schema: Type.Object(refund, { additionalProperties: false }),
  example: given,
} as const;

/**
 * Fact: what was told as given back has come back to us; the charge is owed again. Changes no balance.
 * Guarantees: after `flux.top-up-refunded` of the same charge; as often as the provider says it. Not of one that was paid back another way.
 */
export const topUpRefundFailed = {
  kind: "event",
  type: "flux.top-up-refund-failed",
  schemaVersion: "1.0.0",
  schema: Type.Object(refund),
  example: given,
} as const;

export type RecordRefund = Static<typeof recordRefund.schema>;
export type RecordRefundFailure = Static<typeof recordRefundFailure.schema>;
export type TopUpRefunded = Static<typeof topUpRefunded.schema>;
