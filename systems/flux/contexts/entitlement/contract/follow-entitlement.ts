import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { entitlementFreshMs, entitlementMembers } from "./entitlement.ts";

/** Members of what counts now of an account's entitlements, wherever it is told of. */
export const entitledMembers = {
  /** Null: the authority has no entitlement for the account any more. */
  planId: Type.Union([Identifier, Type.Null()]),
  monthlyQuotaUnits: entitlementMembers.monthlyQuotaUnits,
  /** False: nothing may be taken. */
  isActive: Type.Boolean(),
} as const;

/**
 * Command to the subscription: from now on the account is entitled to this, because the authority says so. It wins over what was agreed
 * elsewhere. Ordering key: accountId; the last word counts, and the same word twice is no news.
 */
export const followEntitlement = {
  kind: "command",
  type: "flux.follow-entitlement",
  schemaVersion: "1.0.0",
  ttlMs: entitlementFreshMs,
  schema: Type.Object({ accountId: Identifier, ...entitledMembers }, { additionalProperties: false }),
  example: { accountId: "acct-0001", planId: "voyager", monthlyQuotaUnits: 500, isActive: true },
} as const;

export type FollowEntitlement = Static<typeof followEntitlement.schema>;
