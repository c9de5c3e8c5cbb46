import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { AmountMinor, Currency, CycleMonth, ProcessId, Units } from "./quantities.ts";

/**
 * Fact: a top-up was paid. The one record of what it cost and who bears it.
 * Shape: units = fundedFromQuota + fundedOnDemand; onDemandAmountMinor is what the second part costs.
 * The last three fields are the cycle's balance afterwards: quota left, units delivered (whatever paid for them)
 * and on-demand charges, in minor units of `currency`.
 * Guarantees: one per top-up command; quotaRemaining is never negative.
 */
export const balanceDebited = {
  kind: "event",
  type: "flux.balance-debited",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    condenserId: Identifier,
    processId: ProcessId,
    cycle: CycleMonth,
    units: Units,
    fundedFromQuota: Units,
    fundedOnDemand: Units,
    onDemandAmountMinor: AmountMinor,
    currency: Currency,
    quotaRemaining: Units,
    usedUnits: Units,
    onDemandMinor: AmountMinor,
  }),
  example: {
    accountId: "acct-0001",
    condenserId: "car-0001",
    processId: "0199f0e2-7a3b-7c4d-8e5f-0123456789ab",
    cycle: "2026-11",
    units: 25,
    fundedFromQuota: 20,
    fundedOnDemand: 5,
    onDemandAmountMinor: 125,
    currency: "EUR",
    quotaRemaining: 0,
    usedUnits: 105,
    onDemandMinor: 125,
  },
} as const;

export type BalanceDebited = Static<typeof balanceDebited.schema>;
