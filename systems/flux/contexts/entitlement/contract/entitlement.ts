import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";

/** What an entitlement can be. `unlisted`: the authority uses a word that nobody has agreed with us; never taken for active. */
export const entitlementStatuses = ["draft", "active", "suspended", "ended", "unlisted"] as const;
export type EntitlementStatus = (typeof entitlementStatuses)[number];

/**
 * Milliseconds for which what was heard of an entitlement may be taken for news. A poll of the authority's feed takes less than two minutes: when
 * nothing at all was heard for as long as this, something is wrong with it even if nobody said so.
 */
export const entitlementFreshMs = 5 * 60_000;

/** Members of an entitlement wherever it is told of. Units: whole credits per cycle; times in epoch milliseconds. */
export const entitlementMembers = {
  entitlementId: Identifier,
  accountId: Identifier,
  planId: Identifier,
  monthlyQuotaUnits: Type.Integer({ minimum: 0 }),
  status: Type.Enum([...entitlementStatuses]),
  /** Rises with each change at the authority. */
  version: Type.Integer({ minimum: 0 }),
  validFrom: Type.Integer(),
  validTo: Type.Union([Type.Integer(), Type.Null()]),
} as const;

const schema = Type.Object(entitlementMembers);
/** What an account is entitled to. */
export type Entitlement = Static<typeof schema>;

export const exampleEntitlement: Entitlement = {
  entitlementId: "ent-acct-0001",
  accountId: "acct-0001",
  planId: "voyager",
  monthlyQuotaUnits: 500,
  status: "active",
  version: 2,
  validFrom: 1_793_520_000_000,
  validTo: null,
};

/** Where and how it was heard: by which treaty, and at which place of its feed (null: by a reading of everything). Evidence only. */
export const Heard = Type.Object({
  treaty: Type.String(),
  place: Type.Union([Type.String(), Type.Null()]),
});
export const exampleHeard = { treaty: "salesforce-entitlement-changes", place: "1042" };
