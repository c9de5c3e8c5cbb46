import type { ContextDefinition } from "@entente/core";
import { entitlementDecider } from "../contexts/entitlement/domain/entitlement-decider.ts";
import { prospectDecider } from "../contexts/entitlement/domain/prospect-decider.ts";
import { supportCaseDecider } from "../contexts/entitlement/domain/support-case-decider.ts";
import { entitlementProjection, standingProjection } from "../contexts/entitlement/store/entitlement.ts";

/** What accounts are entitled to, and what else an authority outside decides about customers. There only with its treaties. */
export const entitlementContext: ContextDefinition = {
  name: "entitlement",
  migrations: new URL("../contexts/entitlement/store/migrations/", import.meta.url),
  deciders: [entitlementDecider, supportCaseDecider, prospectDecider].map((decider) => ({
    decider: decider as never,
    commandsFrom: ["gateway", "entitlement"],
  })),
  projections: [entitlementProjection, standingProjection],
};
