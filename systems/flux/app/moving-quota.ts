import type { SystemDefinition } from "@entente/core";
import { moveQuotaShareProcess } from "../contexts/gateway/domain/account-processes.ts";
import { quotaShareDecider } from "../contexts/subscription/domain/quota-share.ts";
import { quotaPlacementProjection } from "../contexts/subscription/store/quota-share.ts";

/** Flux while quota decisions move from SAP to the subscription, by a share of the accounts that an operator moves. */
export function movingQuota({ name, contexts }: SystemDefinition): SystemDefinition {
  return {
    name,
    contexts: contexts.map((context) => {
      const { intake, deciders = [], projections = [] } = context;
      if (intake !== undefined) {
        return { ...context, intake: { ...intake, processes: [...intake.processes, moveQuotaShareProcess] } };
      }
      if (context.name !== "subscription") return context;
      return {
        ...context,
        deciders: [...deciders, { decider: quotaShareDecider as never, commandsFrom: ["gateway"] }],
        projections: [...projections, quotaPlacementProjection],
      };
    }),
  };
}
