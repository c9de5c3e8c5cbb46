import { type Static, Type } from "typebox";
import { Identifier } from "../../gateway/contract/identifier.ts";
import { entitlementFreshMs, exampleHeard, Heard } from "./entitlement.ts";

/** What the customer behind an account is to us. `none`: the authority does not say, or has removed it. */
export const standings = ["customer", "prospect", "partner", "none"] as const;
export type Standing = (typeof standings)[number];

/** Command: the authority says what the customer is now. Ordering key: accountId. */
export const noteCustomer = {
  kind: "command",
  type: "flux.note-customer",
  schemaVersion: "1.0.0",
  ttlMs: entitlementFreshMs,
  schema: Type.Object({ accountId: Identifier, standing: Type.Enum([...standings]), heard: Heard }),
  example: { accountId: "acct-0001", standing: "customer", heard: exampleHeard },
} as const;
export type NoteCustomer = Static<typeof noteCustomer.schema>;

/** Fact: the customer behind an account is something else to us than before. */
export const customerStandingChanged = {
  kind: "event",
  type: "flux.customer-standing-changed",
  schemaVersion: "1.0.0",
  ttlMs: entitlementFreshMs,
  schema: Type.Object({ accountId: Identifier, standing: Type.Enum([...standings]) }),
  example: { accountId: "acct-0001", standing: "customer" },
} as const;
export type CustomerStandingChanged = Static<typeof customerStandingChanged.schema>;
