import type { Entry } from "@entente/core/model";

/**
 * True of a debit or refusal that follows from the customer's own command; false of one that the request context asked for. It stands in the
 * fact itself, so that everybody who reads it tells the two apart alike, whatever stage they run.
 */
export function isAskedByCustomer({
  causationId,
  processId,
}: Pick<Entry, "causationId" | "processId">): boolean {
  return causationId === processId;
}
