import { type Static, Type } from "typebox";
import { entitlementFreshMs } from "../../entitlement/contract/entitlement.ts";
import { entitledMembers } from "../../entitlement/contract/follow-entitlement.ts";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { AmountMinor, CycleMonth, Units } from "./quantities.ts";

/**
 * Fact: the account has the quota and plan that the authority for entitlements says, in the running cycle and from now on. Prices of the
 * running cycle stay, it has been invoiced; `monthlyPriceMinor` and `onDemandUnitPriceMinor` hold from the next one.
 * The balance after it: what was taken from the quota stays taken. What was taken beyond a quota that has become smaller is `overdrawnUnits`.
 */
export const entitlementFollowed = {
  kind: "event",
  type: "flux.entitlement-followed",
  schemaVersion: "1.0.0",
  ttlMs: entitlementFreshMs,
  schema: Type.Object({
    accountId: Identifier,
    ...entitledMembers,
    monthlyPriceMinor: AmountMinor,
    onDemandUnitPriceMinor: AmountMinor,
    cycle: CycleMonth,
    quotaUnits: Units,
    quotaRemaining: Units,
    overdrawnUnits: Units,
    usedUnits: Units,
    onDemandMinor: AmountMinor,
  }),
  example: {
    accountId: "acct-0001",
    planId: "voyager",
    monthlyQuotaUnits: 500,
    isActive: true,
    monthlyPriceMinor: 7_900,
    onDemandUnitPriceMinor: 20,
    cycle: "2026-11",
    quotaUnits: 500,
    quotaRemaining: 475,
    overdrawnUnits: 0,
    usedUnits: 25,
    onDemandMinor: 0,
  },
} as const;
export type EntitlementFollowed = Static<typeof entitlementFollowed.schema>;

/** Fact: the authority has spoken of an account that is not open yet. It opens with this. */
export const entitlementNoted = {
  kind: "event",
  type: "flux.entitlement-noted",
  schemaVersion: "1.0.0",
  ttlMs: entitlementFreshMs,
  schema: Type.Object({ accountId: Identifier, ...entitledMembers }),
  example: { accountId: "acct-0001", planId: "voyager", monthlyQuotaUnits: 500, isActive: true },
} as const;
export type EntitlementNoted = Static<typeof entitlementNoted.schema>;
