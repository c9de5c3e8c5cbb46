import { entitlementChanged, entitlementRemoved } from "./entitlement-changed.ts";
import { customerStandingChanged, noteCustomer } from "./note-customer.ts";
import { noteEntitlement, noteEntitlementGone } from "./note-entitlement.ts";
import {
  noteOrderOutcome,
  orderPlan,
  planOrderConfirmed,
  planOrdered,
  planOrderFailed,
} from "./order-plan.ts";
import { entitlementRefused } from "./refusals.ts";

/** Commands and facts of this context, for documentation and the compatibility gate. */
export const entitlementMessages = [
  orderPlan,
  noteEntitlement,
  noteEntitlementGone,
  noteCustomer,
  noteOrderOutcome,
  entitlementChanged,
  entitlementRemoved,
  customerStandingChanged,
  planOrdered,
  planOrderConfirmed,
  planOrderFailed,
  entitlementRefused,
] as const;
