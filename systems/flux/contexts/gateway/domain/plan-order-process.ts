import type { Entry, ProcessDefinition, ProcessView } from "@entente/core/model";
import { entitlementRefused } from "../../entitlement/contract/entitlement-refused.ts";
import {
  orderPlan,
  type PlanOrderConfirmed,
  type PlanOrderFailed,
  planOrderConfirmed,
  planOrdered,
  planOrderFailed,
} from "../../entitlement/contract/order-plan.ts";

/**
 * How an order of a plan looks to its customer: ordered is not in force. Confirmed by the authority's word and nothing else.
 *
 * | Fact | To |
 * | --- | --- |
 * | `flux.plan-ordered` | processing |
 * | `flux.plan-order-confirmed` | confirmed |
 * | `flux.plan-order-failed`, `flux.entitlement-refused` | failed, with the reason |
 * | `entente.command-parked`, `entente.command-discarded` | failed, `processing-failed` |
 */
export const planOrderProcess: ProcessDefinition = {
  type: "order-plan",
  startedBy: orderPlan.type,
  delayedAfterMs: 60_000,
  facts: [
    planOrdered.type,
    planOrderConfirmed.type,
    planOrderFailed.type,
    entitlementRefused.type,
    "entente.command-parked",
    "entente.command-discarded",
  ],
  apply,
};

const step = "written-at-authority";

function apply(view: ProcessView, fact: Entry): ProcessView {
  if (view.state === "confirmed") return view;
  switch (fact.type) {
    case planOrdered.type:
      return { ...view, state: "processing" };
    case planOrderConfirmed.type:
      return {
        state: "confirmed",
        steps: [{ name: step, state: "done", at: fact.occurredAt }],
        reason: null,
        outcome: { planId: (fact.data as PlanOrderConfirmed).planId },
      };
    case planOrderFailed.type:
    case entitlementRefused.type: {
      const { code, reason } = fact.data as PlanOrderFailed;
      return failed(view, fact, { code, message: reason });
    }
    default: {
      // An outcome that cannot be noted is an operator's; the order itself is where it was.
      if (fact.data.policy === "hold-key") return view;
      const message = `We could not complete this. Quote process ${fact.processId} to support.`;
      return failed(view, fact, { code: "processing-failed", message });
    }
  }
}

function failed(view: ProcessView, fact: Entry, reason: NonNullable<ProcessView["reason"]>): ProcessView {
  // What was refused here never went out.
  const steps =
    view.state === "processing" ? [{ name: step, state: "failed", at: fact.occurredAt } as const] : [];
  return { state: "failed", steps, reason, outcome: null };
}
