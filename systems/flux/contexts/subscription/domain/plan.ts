/** What an account pays and gets per cycle. Units: whole credits; money in minor units of the account's currency. */
export interface PlanTerms {
  readonly planId: string;
  readonly monthlyQuotaUnits: number;
  /** Billed in advance, once per cycle. */
  readonly monthlyPriceMinor: number;
  /** Price of one unit beyond the quota; at least 1. */
  readonly onDemandUnitPriceMinor: number;
}

interface Plan {
  readonly monthlyQuotaUnits: number;
  /** By ISO 4217 code. A plan without a price in a currency is not offered in it: amounts are never converted. */
  readonly prices: Readonly<
    Record<string, { readonly monthlyMinor: number; readonly onDemandUnitMinor: number }>
  >;
}

/** The demo price list, by plan id. Accounts copy their terms, so a change here touches new agreements only. */
const catalogue: Readonly<Record<string, Plan>> = {
  commuter: {
    monthlyQuotaUnits: 100,
    prices: {
      EUR: { monthlyMinor: 1_900, onDemandUnitMinor: 25 },
      GBP: { monthlyMinor: 1_690, onDemandUnitMinor: 22 },
      PLN: { monthlyMinor: 7_900, onDemandUnitMinor: 109 },
    },
  },
  voyager: {
    monthlyQuotaUnits: 500,
    prices: {
      EUR: { monthlyMinor: 7_900, onDemandUnitMinor: 20 },
      GBP: { monthlyMinor: 6_990, onDemandUnitMinor: 17 },
      PLN: { monthlyMinor: 32_900, onDemandUnitMinor: 85 },
    },
  },
  fleet: {
    monthlyQuotaUnits: 10_000,
    prices: {
      EUR: { monthlyMinor: 129_000, onDemandUnitMinor: 15 },
      GBP: { monthlyMinor: 112_000, onDemandUnitMinor: 13 },
    },
  },
};

/** Ids of the plans on offer. */
export const planIds: readonly string[] = Object.keys(catalogue);

/** Terms of a plan in a currency, or the code of the refusal when there are none. */
export function planTerms(
  planId: string,
  currency: string,
): PlanTerms | "plan-unknown" | "currency-not-offered" {
  // hasOwn: ids come from clients and may be "constructor".
  const plan = Object.hasOwn(catalogue, planId) ? catalogue[planId] : undefined;
  if (plan === undefined) return "plan-unknown";
  const price = Object.hasOwn(plan.prices, currency) ? plan.prices[currency] : undefined;
  if (price === undefined) return "currency-not-offered";
  return {
    planId,
    monthlyQuotaUnits: plan.monthlyQuotaUnits,
    monthlyPriceMinor: price.monthlyMinor,
    onDemandUnitPriceMinor: price.onDemandUnitMinor,
  };
}
