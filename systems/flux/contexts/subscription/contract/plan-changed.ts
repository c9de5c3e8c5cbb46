import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { AmountMinor, Currency, EpochMs, Units } from "./quantities.ts";

/**
 * Fact: the account has other plan terms from `effectiveAt` on, the start of its next cycle.
 * The running cycle keeps the quota, price and invoice line it started with.
 */
export const planChanged = {
  kind: "event",
  type: "flux.plan-changed",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    previousPlanId: Identifier,
    planId: Identifier,
    monthlyQuotaUnits: Units,
    monthlyPriceMinor: AmountMinor,
    onDemandUnitPriceMinor: AmountMinor,
    currency: Currency,
    effectiveAt: EpochMs,
  }),
  example: {
    accountId: "acct-0001",
    previousPlanId: "commuter",
    planId: "voyager",
    monthlyQuotaUnits: 500,
    monthlyPriceMinor: 7_900,
    onDemandUnitPriceMinor: 20,
    currency: "EUR",
    effectiveAt: 1_796_079_600_000,
  },
} as const;

export type PlanChanged = Static<typeof planChanged.schema>;
