import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { AmountMinor, Currency, TimeZone, Units } from "./quantities.ts";

/**
 * Fact: an account exists, on these plan terms. The terms are copied from the catalogue so that a later
 * price list never changes what was agreed. Units: monthlyQuotaUnits per cycle; prices in minor units of `currency`.
 */
export const accountOpened = {
  kind: "event",
  type: "flux.account-opened",
  schemaVersion: "1.0.0",
  schema: Type.Object({
    accountId: Identifier,
    customerId: Identifier,
    planId: Identifier,
    monthlyQuotaUnits: Units,
    monthlyPriceMinor: AmountMinor,
    onDemandUnitPriceMinor: AmountMinor,
    timeZone: TimeZone,
    currency: Currency,
  }),
  example: {
    accountId: "acct-0001",
    customerId: "cust-0001",
    planId: "commuter",
    monthlyQuotaUnits: 100,
    monthlyPriceMinor: 1_900,
    onDemandUnitPriceMinor: 25,
    timeZone: "Europe/Madrid",
    currency: "EUR",
  },
} as const;

export type AccountOpened = Static<typeof accountOpened.schema>;
