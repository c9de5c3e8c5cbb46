import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import type { BalanceDebited } from "./balance-debited.ts";
import { AmountMinor, Currency, ProcessId, ReasonCode } from "./quantities.ts";

/** Where a payment provider can be asked for a charge: its own name for it, or null when it has given none. */
const Reference = Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]);

const charge = {
  accountId: Identifier,
  /** The top-up's. */
  processId: ProcessId,
  amountMinor: AmountMinor,
  currency: Currency,
  reference: Reference,
};

const processId = "0199f0e2-7a3b-7c4d-8e5f-0123456789ab";
const taken = {
  accountId: "acct-0001",
  processId,
  amountMinor: 125,
  currency: "EUR",
  reference: "pi_3Nabc",
};

/**
 * Command: note that the on-demand part of a top-up was paid, says the payment provider.
 * Internal: told by the payments treaty when a charge is completed, never offered to customers.
 */
export const recordCharge = {
  kind: "command",
  type: "flux.record-charge",
  schemaVersion: "1.0.0",
  schema: Type.Object(charge, { additionalProperties: false }),
  example: taken,
} as const;

/**
 * Command: note that the on-demand part of a top-up was not paid and will not be. `reasonCode` is in our words
 * (charge-declines.ts), not in the provider's. Internal, and always followed by `flux.undo-quota-debit`.
 */
export const recordDecline = {
  kind: "command",
  type: "flux.record-decline",
  schemaVersion: "1.0.0",
  schema: Type.Object({ ...charge, reasonCode: ReasonCode }, { additionalProperties: false }),
  example: { ...taken, reasonCode: "card-declined" },
} as const;

/**
 * Fact: the on-demand part of a top-up was charged. Changes no balance: the debit had counted it already.
 * Guarantees: one per top-up. Units: `amountMinor` in minor units of `currency`.
 */
export const topUpCharged = {
  kind: "event",
  type: "flux.top-up-charged",
  schemaVersion: "1.0.0",
  schema: Type.Object(charge),
  example: taken,
} as const;

/** Fact: the on-demand part of a top-up was not charged. What the top-up took is given back by an undo of its own. */
export const chargeDeclined = {
  kind: "event",
  type: "flux.charge-declined",
  schemaVersion: "1.0.0",
  schema: Type.Object({ ...charge, reasonCode: ReasonCode }),
  example: { ...taken, reasonCode: "card-declined" },
} as const;

export type RecordCharge = Static<typeof recordCharge.schema>;
export type RecordDecline = Static<typeof recordDecline.schema>;
export type TopUpCharged = Static<typeof topUpCharged.schema>;
export type ChargeDeclined = Static<typeof chargeDeclined.schema>;

/**
 * Whether on-demand money is charged when it arises, and for which debits. Debits before `from` (epoch milliseconds, business time)
 * were settled otherwise: without it, a system that begins to charge would charge its whole past.
 */
export interface Charging {
  readonly from: number;
}

/** True when a top-up is complete only once its on-demand part is charged. Treaty and process view ask the same question here. */
export function isCharged(charging: Charging, debit: BalanceDebited, debitedAt: number): boolean {
  return debit.onDemandAmountMinor > 0 && debitedAt >= charging.from;
}
