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
import {
  convertProspect,
  noteProspectConversion,
  prospectConversionFailed,
  prospectConversionRequested,
  prospectConverted,
} from "./prospect.ts";
import {
  noteSupportCase,
  openSupportCase,
  supportCaseFailed,
  supportCaseOpened,
  supportCaseRequested,
} from "./support-case.ts";

/** Commands this context decides. */
export const entitlementCommands = [
  orderPlan,
  noteEntitlement,
  noteEntitlementGone,
  noteCustomer,
  noteOrderOutcome,
  openSupportCase,
  noteSupportCase,
  convertProspect,
  noteProspectConversion,
] as const;

/** Facts this context writes to its journal, by what they are about. */
export const entitlementFacts = [
  entitlementChanged,
  entitlementRemoved,
  customerStandingChanged,
  planOrdered,
  planOrderConfirmed,
  planOrderFailed,
  entitlementRefused,
] as const;

export const supportCaseFacts = [supportCaseRequested, supportCaseOpened, supportCaseFailed] as const;

export const prospectFacts = [
  prospectConversionRequested,
  prospectConverted,
  prospectConversionFailed,
] as const;
