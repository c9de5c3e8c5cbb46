import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import {
  entitlementFreshMs,
  entitlementMembers,
  exampleEntitlement,
  exampleHeard,
  Heard,
} from "./entitlement.ts";

/** Command: the authority says that this is the entitlement now. Ordering key: accountId. */
export const noteEntitlement = {
  kind: "command",
  type: "flux.note-entitlement",
  schemaVersion: "1.0.0",
  ttlMs: entitlementFreshMs,
  schema: Type.Object({ ...entitlementMembers, heard: Heard }),
  example: { ...exampleEntitlement, heard: exampleHeard },
} as const;
export type NoteEntitlement = Static<typeof noteEntitlement.schema>;

/** Command: the authority has removed the entitlement. Ordering key: accountId. */
export const noteEntitlementGone = {
  kind: "command",
  type: "flux.note-entitlement-gone",
  schemaVersion: "1.0.0",
  ttlMs: entitlementFreshMs,
  schema: Type.Object({ entitlementId: Identifier, accountId: Identifier, heard: Heard }),
  example: { entitlementId: "ent-acct-0001", accountId: "acct-0001", heard: exampleHeard },
} as const;
export type NoteEntitlementGone = Static<typeof noteEntitlementGone.schema>;
