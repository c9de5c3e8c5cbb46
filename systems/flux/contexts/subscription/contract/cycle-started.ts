import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { AmountMinor, Currency, CycleMonth, EpochMs, Units } from "./quantities.ts";

/**
 * Fact: a billing cycle began. Carries exactly one advance invoice line and one fresh quota.
 * Shape: [startsAt, endsAt) in epoch milliseconds; endsAt is a local midnight (or the day's first moment) of a 1st.
 * The balance after it: `quotaUnits` left, nothing used, nothing charged on demand.
 * Guarantees: at most one per (account, cycle); `planInvoice.lineId` is derived from both and never reused.
 */
export const cycleStarted = {
  kind: "event",
  type: "flux.cycle-started",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    planId: Identifier,
    cycle: CycleMonth,
    startsAt: EpochMs,
    endsAt: EpochMs,
    quotaUnits: Units,
    onDemandUnitPriceMinor: AmountMinor,
    planInvoice: Type.Object({ lineId: Type.String(), amountMinor: AmountMinor, currency: Currency }),
  }),
  example: {
    accountId: "acct-0001",
    planId: "commuter",
    cycle: "2026-11",
    startsAt: 1_793_487_600_000,
    endsAt: 1_796_079_600_000,
    quotaUnits: 100,
    onDemandUnitPriceMinor: 25,
    planInvoice: { lineId: "acct-0001:2026-11:plan", amountMinor: 1_900, currency: "EUR" },
  },
} as const;

export type CycleStarted = Static<typeof cycleStarted.schema>;
