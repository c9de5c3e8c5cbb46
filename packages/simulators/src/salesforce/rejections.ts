import type { Rejection } from "../control/system-description.ts";
import { ApiError, refuse } from "./api-error.ts";

/** Operations that write, each of which can be refused record by record. */
export const writeOperations = [
  "create-row",
  "update-row",
  "upsert-row",
  "delete-row",
  "create-rows",
  "update-rows",
  "upsert-rows",
  "delete-rows",
  "composite",
  "convert-lead",
  "publish-event",
  "process-bulk-job",
] as const;

const onTokens = ["issue-token"] as const;

const messages: Readonly<Record<string, string>> = {
  FIELD_CUSTOM_VALIDATION_EXCEPTION: "The record does not satisfy a validation rule of the org.",
  REQUIRED_FIELD_MISSING: "Required fields are missing: [Name]",
  STRING_TOO_LONG: "Name: data value too large (max length=255)",
  DUPLICATE_VALUE: "duplicate value found: <unknown> duplicates value on record with id: <unknown>",
  DUPLICATES_DETECTED: "Use one of these records?",
  INVALID_CROSS_REFERENCE_KEY: "invalid cross reference id",
  INVALID_FIELD_FOR_INSERT_UPDATE:
    "Unable to create/update fields. Please check the security settings of this field.",
  INSUFFICIENT_ACCESS_OR_READONLY: "insufficient access rights on object id",
  UNABLE_TO_LOCK_ROW: "unable to obtain exclusive access to this record or 1 records",
  CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: "a trigger of the org refused the record",
  CANNOT_UPDATE_CONVERTED_LEAD: "cannot reference converted lead",
  STORAGE_LIMIT_EXCEEDED: "storage limit exceeded",
};

const ofTokens: Readonly<Record<string, string>> = {
  invalid_grant: "authentication failure",
  invalid_client: "invalid client credentials",
  inactive_user: "user is inactive",
};

export const rejections: Readonly<Record<string, Rejection>> = {
  ...Object.fromEntries(
    Object.entries(messages).map(([reason, means]) => [reason, { means, operations: writeOperations }]),
  ),
  API_DISABLED_FOR_ORG: {
    means: "API is not enabled for this Organization or Partner",
    operations: writeOperations,
  },
  ...Object.fromEntries(
    Object.entries(ofTokens).map(([reason, means]) => [reason, { means, operations: onTokens }]),
  ),
};

/** The refusal of a record with this reason. */
export function rejectionOf(reason: string): ApiError {
  if (reason === "API_DISABLED_FOR_ORG") {
    return new ApiError(403, { errorCode: reason, message: rejections[reason]?.means ?? reason });
  }
  return refuse(reason, messages[reason] ?? reason);
}

/** The refusal of a token request; null: the reason is none of that kind. */
export function tokenRejection(
  reason: string,
): { readonly error: string; readonly error_description: string } | null {
  const description = ofTokens[reason];
  return description === undefined ? null : { error: reason, error_description: description };
}
