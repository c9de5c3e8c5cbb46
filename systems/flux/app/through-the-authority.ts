import type { ContextDefinition, SystemDefinition } from "@entente/core";
import { requestedTopUpProcess } from "../contexts/gateway/domain/requested-top-up-process.ts";
import { topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import { postingDecider } from "../contexts/ledger/domain/posting-decider.ts";
import { requestDeciderFor } from "../contexts/request/domain/request-decider.ts";
import { accountDecider } from "../contexts/subscription/domain/account-decider.ts";
import { quotaBook } from "../contexts/subscription/domain/quota-book.ts";

const request = "request";

/** How far each top-up has come at the authority for customers. `served`: the tenant whose that is; null: everybody's. */
export function requestContext(served: string | null): ContextDefinition {
  const decider = requestDeciderFor(served) as never;
  return { name: request, deciders: [{ decider, commandsFrom: ["gateway", "subscription", "ledger"] }] };
}

/** The ledger that answers whoever waits for it. */
export const answeringLedger: ContextDefinition = {
  name: "ledger",
  deciders: [{ decider: postingDecider as never, commandsFrom: ["ledger"] }],
};

/**
 * Flux in stage A: top-ups go to the request context instead of the subscription, which is the quota book behind it, and their customers see
 * every step. Without the contexts above it would wait for ever.
 */
export function throughTheAuthority({ name, contexts }: SystemDefinition): SystemDefinition {
  return { name, contexts: contexts.map(asInStageA) };
}

function asInStageA(context: ContextDefinition): ContextDefinition {
  const { intake, deciders } = context;
  return {
    ...context,
    ...(intake === undefined
      ? {}
      : {
          intake: {
            processes: intake.processes.map((one) => (one === topUpProcess ? requestedTopUpProcess : one)),
            factsFrom: [...intake.factsFrom, request, answeringLedger.name],
          },
        }),
    ...(deciders === undefined
      ? {}
      : {
          deciders: deciders.map((one) =>
            (one.decider as unknown) === accountDecider
              ? { decider: quotaBook as never, commandsFrom: [...one.commandsFrom, request] }
              : one,
          ),
        }),
  };
}
