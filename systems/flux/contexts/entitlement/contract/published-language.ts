import { entitlementChanged, entitlementRemoved } from "./entitlement-changed.ts";
import { entitlementRefused } from "./entitlement-refused.ts";
import { customerStandingChanged, noteCustomer } from "./note-customer.ts";
import { noteEntitlement, noteEntitlementGone } from "./note-entitlement.ts";
import {
  noteOrderOutcome,
  orderPlan,
  planOrderConfirmed,
  planOrdered,
  planOrderFailed,
} from "./order-plan.ts";

/** Commands this context decides. */
export const entitlementCommands = [
  orderPlan,
  noteEntitlement,
  noteEntitlementGone,
  noteCustomer,
  noteOrderOutcome,
] as const;

/** Facts this context writes to its journal. */
export const entitlementFacts = [
  entitlementChanged,
  entitlementRemoved,
  customerStandingChanged,
  planOrdered,
  planOrderConfirmed,
  planOrderFailed,
  entitlementRefused,
] as const;
