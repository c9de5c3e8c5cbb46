import type { ErrorMap } from "@entente/core";
import { salesforceErrors } from "../salesforce-entitlement/salesforce-errors.ts";

/** What Salesforce's codes mean for a write to the record of a top-up. */
export const requestErrors: ErrorMap = {
  ...salesforceErrors,
  FIELD_CUSTOM_VALIDATION_EXCEPTION: {
    class: "BUSINESS_REJECTED",
    means: "A rule of theirs refuses it: the account is not entitled, or the request is closed already.",
  },
  NOT_FOUND: { class: "BUSINESS_REJECTED", means: "The record was removed before its outcome was written." },
};
