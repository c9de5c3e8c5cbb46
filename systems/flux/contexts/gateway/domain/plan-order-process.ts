import type { ProcessDefinition } from "@entente/core/model";
import { entitlementRefused } from "../../entitlement/contract/entitlement-refused.ts";
import {
  orderPlan,
  type PlanOrderConfirmed,
  planOrderConfirmed,
  planOrdered,
  planOrderFailed,
} from "../../entitlement/contract/order-plan.ts";
import { authorityProcess } from "./authority-process.ts";

/** How an order of a plan looks to its customer: ordered is not in force. */
export const planOrderProcess: ProcessDefinition = authorityProcess({
  type: "order-plan",
  startedBy: orderPlan.type,
  requested: planOrdered.type,
  confirmed: planOrderConfirmed.type,
  failed: [planOrderFailed.type, entitlementRefused.type],
  outcomeOf: ({ data }) => ({ planId: (data as PlanOrderConfirmed).planId }),
});
