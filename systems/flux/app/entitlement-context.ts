import type { ContextDefinition } from "@entente/core";
import { entitlementDecider } from "../contexts/entitlement/domain/entitlement-decider.ts";
import { entitlementProjection, standingProjection } from "../contexts/entitlement/store/entitlement.ts";

/** What accounts are entitled to, by an authority outside. There only with its treaties. */
export const entitlementContext: ContextDefinition = {
  name: "entitlement",
  migrations: new URL("../contexts/entitlement/store/migrations/", import.meta.url),
  deciders: [{ decider: entitlementDecider as never, commandsFrom: ["gateway", "entitlement"] }],
  projections: [entitlementProjection, standingProjection],
};
