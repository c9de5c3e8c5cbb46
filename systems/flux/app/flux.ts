import {
  type ContextDefinition,
  Failure,
  type ProcessDefinition,
  type SystemDefinition,
} from "@entente/core";
import { accountProcesses } from "../contexts/gateway/domain/account-processes.ts";
import { payBackProcess } from "../contexts/gateway/domain/pay-back-process.ts";
import { planOrderProcess } from "../contexts/gateway/domain/plan-order-process.ts";
import { prospectProcess } from "../contexts/gateway/domain/prospect-process.ts";
import { supportCaseProcess } from "../contexts/gateway/domain/support-case-process.ts";
import { topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import { undoTopUpProcess } from "../contexts/gateway/domain/undo-top-up-process.ts";
import { accountDecider } from "../contexts/subscription/domain/account-decider.ts";
import { balanceProjection } from "../contexts/subscription/store/balance.ts";
import { balanceOutcome } from "../contexts/subscription/store/balance-outcome.ts";
import { type Counterparties, chargingOf, treatiesWith } from "./counterparties.ts";
import { entitlementContext } from "./entitlement-context.ts";
import { movingQuota } from "./moving-quota.ts";
import { hasStageA, type Stage } from "./stage.ts";
import { answeringLedger, requestContext, throughTheAuthority } from "./through-the-authority.ts";
import { withCharges } from "./with-charges.ts";

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
      intake: {
        processes: [topUpProcess, undoTopUpProcess, payBackProcess, ...accountProcesses],
        factsFrom: ["subscription"],
      },
    },
    {
      name: "subscription",
      migrations: new URL("../contexts/subscription/store/migrations/", import.meta.url),
      deciders: [{ decider: accountDecider, commandsFrom: ["gateway"] }],
      projections: [balanceProjection],
      outcomes: [balanceOutcome],
    },
  ],
};

/** Contexts that are there for their treaties alone. */
function treatyContexts(stage: Stage, { salesforce }: Counterparties): readonly ContextDefinition[] {
  return hasStageA(stage)
    ? [answeringLedger, entitlementContext, requestContext(salesforce?.tenantId ?? null)]
    : [{ name: "ledger" }, entitlementContext];
}

/** Processes that customers start there. */
const processesOf: Readonly<Record<string, readonly ProcessDefinition[]>> = {
  [entitlementContext.name]: [planOrderProcess, supportCaseProcess, prospectProcess],
};

/**
 * Flux with the treaties it has with these counterparties. Without any it is `flux`. Stages: docs/decisions/0015-three-stages-of-flux.md.
 * Errors: `stage-counterparty-missing` (refused) for stage A, and the crossing from it, without Salesforce or without SAP.
 */
export function fluxWith(counterparties: Counterparties, stage: Stage = "B"): SystemDefinition {
  if (hasStageA(stage)) refuseWithoutAuthorities(counterparties);
  const declared = Map.groupBy(treatiesWith(counterparties, stage), ({ context }) => context);
  const withTreaties = (context: ContextDefinition): ContextDefinition => {
    const own = declared.get(context.name);
    return own === undefined ? context : { ...context, treaties: own.map(({ treaty }) => treaty) };
  };
  const { contexts } = baseOf(counterparties, stage);
  const added = treatyContexts(stage, counterparties).filter(({ name }) => declared.has(name));
  const visible = added.filter(({ name }) => processesOf[name] !== undefined);
  const withProcesses = (context: ContextDefinition): ContextDefinition => {
    const { intake } = context;
    if (intake === undefined || visible.length === 0) return context;
    const processes = [...intake.processes, ...visible.flatMap(({ name }) => processesOf[name] ?? [])];
    const factsFrom = [...intake.factsFrom, ...visible.map(({ name }) => name)];
    return { ...context, intake: { processes, factsFrom } };
  };
  const isFollowed = added.includes(entitlementContext);
  const withWishes = (context: ContextDefinition): ContextDefinition =>
    isFollowed && context.name === "subscription" ? followingEntitlements(context) : context;
  const all = [...contexts, ...added].map(withTreaties).map(withProcesses).map(withWishes);
  return { ...flux, contexts: all };
}

function baseOf({ payments, sap }: Counterparties, stage: Stage): SystemDefinition {
  if (hasStageA(stage)) return throughTheAuthority(flux);
  const base = payments === undefined ? flux : withCharges(flux, chargingOf(payments));
  return sap?.keepsQuota === true ? movingQuota(base) : base;
}

/** In stage A nothing can be done without them, so that a start without them would accept what nobody ever carries out. */
function refuseWithoutAuthorities(counterparties: Counterparties): void {
  const missing = (["salesforce", "sap"] as const).filter((name) => counterparties[name] === undefined);
  if (missing.length === 0) return;
  throw new Failure(
    "refused",
    "stage-counterparty-missing",
    `Stage A leads every top-up through Salesforce and SAP, and it is not said where ${missing.join(" and ")} is.`,
    { fields: { missing } },
  );
}

/** The account's plan and quota follow the authority for entitlements. */
function followingEntitlements(context: ContextDefinition): ContextDefinition {
  const deciders = (context.deciders ?? []).map(({ decider, commandsFrom }) => {
    return { decider, commandsFrom: [...commandsFrom, entitlementContext.name] };
  });
  return { ...context, deciders };
}

export { paymentsCharge } from "../treaties/payments/payments-treaty.ts";
export { paymentsRefund } from "../treaties/payments/refund-news.ts";
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
export { type FluxBounds, fluxFitness } from "./fitness.ts";
export {
  contextsOfStageA,
  type OpenInStageA,
  readOpenInStageA,
  refuseOpenInStageA,
} from "./open-in-stage-a.ts";
export { type PaymentsTreaty, paymentsWebhooks, registerWebhook } from "./register-webhook.ts";
export { fluxReplay } from "./replay.ts";
export { fluxErrors, fluxRoutes, fluxTags, textOf } from "./routes.ts";
export { hasStageA, isStage, type Stage, stages } from "./stage.ts";
export { fluxTeams } from "./teams.ts";
