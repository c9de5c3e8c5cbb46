import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { entitlementFreshMs, entitlementMembers, exampleEntitlement } from "./entitlement.ts";

/** Fact: the account is entitled to this from now on, as the authority said. Everything the entitlement is, not what changed of it. */
export const entitlementChanged = {
  kind: "event",
  type: "flux.entitlement-changed",
  schemaVersion: "1.0.0",
  ttlMs: entitlementFreshMs,
  schema: Type.Object(entitlementMembers),
  example: exampleEntitlement,
} as const;
export type EntitlementChanged = Static<typeof entitlementChanged.schema>;

/** Fact: the authority has removed the entitlement. */
export const entitlementRemoved = {
  kind: "event",
  type: "flux.entitlement-removed",
  schemaVersion: "1.0.0",
  ttlMs: entitlementFreshMs,
  schema: Type.Object({ entitlementId: Identifier, accountId: Identifier }),
  example: { entitlementId: "ent-acct-0001", accountId: "acct-0001" },
} as const;
export type EntitlementRemoved = Static<typeof entitlementRemoved.schema>;
