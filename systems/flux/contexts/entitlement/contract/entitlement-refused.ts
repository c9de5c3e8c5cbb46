import { type Static, Type } from "typebox";
import { entitlementRefusals } from "./refusals.ts";

/** Fact: this context refused a command. */
export const entitlementRefused = {
  kind: "event",
  type: "flux.entitlement-refused",
  schemaVersion: "1.0.0",
  schema: Type.Object({ code: Type.String(), reason: Type.String() }),
  example: { code: "plan-not-offered", reason: entitlementRefusals["plan-not-offered"] },
} as const;
export type EntitlementRefused = Static<typeof entitlementRefused.schema>;
