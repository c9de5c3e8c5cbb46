import type { ContextDefinition, SystemDefinition } from "@entente/core";
import { requestedTopUpProcess } from "../contexts/gateway/domain/requested-top-up-process.ts";
import { topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import { postingDecider } from "../contexts/ledger/domain/posting-decider.ts";
import { requestDeciderFor } from "../contexts/request/domain/request-decider.ts";
import { openRequestsProjection } from "../contexts/request/store/open-requests.ts";
import { accountDecider } from "../contexts/subscription/domain/account-decider.ts";
import { quotaBook } from "../contexts/subscription/domain/quota-book.ts";

const request = "request";

/** How far each top-up has come at the authority for customers. `served`: the tenant whose that is; null: everybody's. */
export function requestContext(served: string | null): ContextDefinition {
  const decider = requestDeciderFor(served) as never;
  return {
    name: request,
    migrations: new URL("../contexts/request/store/migrations/", import.meta.url),
    projections: [openRequestsProjection],
    deciders: [{ decider, commandsFrom: ["gateway", "subscription", "ledger"] }],
  };
}

/** The ledger that answers whoever waits for it. */
export const answeringLedger: ContextDefinition = {
  name: "ledger",
  deciders: [{ decider: postingDecider as never, commandsFrom: ["ledger"] }],
};

/**
 * Flux where top-ups go to the request context, and the subscription is the quota book behind it; their customers see every step. Without the
 * contexts above it would wait for ever. A top-up that is addressed to the subscription is decided there and ends as in stage B: so the
 * crossing is this system, too, and programs of both may run side by side.
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
          migrations: new URL("../contexts/gateway/store/migrations/", import.meta.url),
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
