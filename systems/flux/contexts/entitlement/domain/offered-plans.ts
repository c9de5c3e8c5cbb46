/** Plans a customer may order, with the units per cycle they entitle to. What is not here is agreed by people at the authority. */
const offered: ReadonlyMap<string, { readonly monthlyQuotaUnits: number }> = new Map([
  ["commuter", { monthlyQuotaUnits: 100 }],
  ["voyager", { monthlyQuotaUnits: 500 }],
  ["fleet", { monthlyQuotaUnits: 10_000 }],
]);

export function offeredPlan(planId: string): { readonly monthlyQuotaUnits: number } | undefined {
  return offered.get(planId);
}
