import type { SystemDefinition } from "@entente/core";
import { accountProcesses } from "../contexts/gateway/domain/account-processes.ts";
import { topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import { accountDecider } from "../contexts/subscription/domain/account-decider.ts";
import { balanceProjection } from "../contexts/subscription/store/balance.ts";

/**
 * Flux: a utility that sells refills for temporal condensers.
 * The gateway owns what customers asked for; the subscription owns quota, balance and what became of it.
 */
export const flux: SystemDefinition = {
  name: "flux",
  contexts: [
    {
      name: "gateway",
      intake: { processes: [topUpProcess, ...accountProcesses], factsFrom: ["subscription"] },
    },
    {
      name: "subscription",
      migrations: new URL("../contexts/subscription/store/migrations/", import.meta.url),
      deciders: [{ decider: accountDecider, commandsFrom: ["gateway"] }],
      projections: [balanceProjection],
    },
  ],
};

export { fluxContract, fluxSnapshot } from "./contract.ts";
export { demoTenant, seedDemoData } from "./demo-data.ts";
export { fluxErrors, fluxRoutes, fluxTags, textOf } from "./routes.ts";
