import type { ContextDefinition, SystemDefinition } from "@entente/core";
import { accountProcesses } from "../contexts/gateway/domain/account-processes.ts";
import { topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import { accountDecider } from "../contexts/subscription/domain/account-decider.ts";
import { balanceProjection } from "../contexts/subscription/store/balance.ts";
import { type Counterparties, treatiesWith } from "./counterparties.ts";

/**
 * Flux: a utility that sells refills for temporal condensers.
 * The gateway owns what customers asked for; the subscription owns quota, balance and what became of it.
 * It has no treaties: nothing outside is asked for anything.
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

/** Contexts that are there for their treaties alone. */
const treatyContexts: readonly ContextDefinition[] = [];

/** Flux with the treaties it has with these counterparties. Without any it is `flux`. */
export function fluxWith(counterparties: Counterparties): SystemDefinition {
  const declared = Map.groupBy(treatiesWith(counterparties), ({ context }) => context);
  const withTreaties = (context: ContextDefinition): ContextDefinition => {
    const own = declared.get(context.name);
    return own === undefined ? context : { ...context, treaties: own.map(({ treaty }) => treaty) };
  };
  return {
    ...flux,
    contexts: [
      ...flux.contexts.map(withTreaties),
      ...treatyContexts.filter(({ name }) => declared.has(name)).map(withTreaties),
    ],
  };
}

export { everyCounterparty, fluxContract, fluxDocs, fluxSnapshot } from "./contract.ts";
export {
  type Counterparties,
  type Counterparty,
  type CounterpartyName,
  counterpartyNames,
  fluxOutside,
  type SecretOf,
  treatiesWith,
} from "./counterparties.ts";
export { demoTenant, seedDemoData } from "./demo-data.ts";
export { fluxErrors, fluxRoutes, fluxTags, textOf } from "./routes.ts";
