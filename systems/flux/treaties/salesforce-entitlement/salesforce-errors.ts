import type { ErrorMap } from "@entente/core";

/**
 * What Salesforce's codes mean for a write. A code that is not here is nobody's guess: it becomes a person's case and a line here.
 * Source: REST API Developer Guide, Status Codes and Error Responses; SOAP API, StatusCode.
 */
export const salesforceErrors: ErrorMap = {
  FIELD_CUSTOM_VALIDATION_EXCEPTION: {
    class: "BUSINESS_REJECTED",
    means: "A rule of theirs refuses it; most often the entitlement has moved on since the order.",
  },
  REQUIRED_FIELD_MISSING: {
    class: "BUSINESS_REJECTED",
    means: "They require a field that the order does not have.",
  },
  STRING_TOO_LONG: { class: "BUSINESS_REJECTED", means: "A value is longer than their field." },
  DUPLICATE_VALUE: {
    class: "BUSINESS_REJECTED",
    means: "Another record of theirs has a value that must be unique.",
  },
  DUPLICATES_DETECTED: {
    class: "BUSINESS_REJECTED",
    means: "Their duplicate rule takes it for another record.",
  },
  INVALID_CROSS_REFERENCE_KEY: {
    class: "BUSINESS_REJECTED",
    means: "They do not know the record it refers to.",
  },
  INVALID_FIELD_FOR_INSERT_UPDATE: { class: "BUSINESS_REJECTED", means: "A field may not be written." },
  CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: {
    class: "BUSINESS_REJECTED",
    means: "An automation of theirs refuses it.",
  },
  INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: {
    class: "BUSINESS_REJECTED",
    means: "A word is not in their list any more.",
  },
  ENTITY_IS_DELETED: { class: "BUSINESS_REJECTED", means: "They have removed the record." },
  STORAGE_LIMIT_EXCEEDED: { class: "BUSINESS_REJECTED", means: "Their storage is full." },
  UNABLE_TO_LOCK_ROW: {
    class: "TECHNICAL_RETRYABLE",
    means: "Somebody else was writing the record; they undid ours.",
  },
  REQUEST_LIMIT_EXCEEDED: {
    class: "TECHNICAL_RETRYABLE",
    means: "The calls of the day are used up; refused before anything was done.",
  },
  SERVER_UNAVAILABLE: { class: "UNKNOWN", means: "They are overloaded and do not say how far they came." },
  UNKNOWN_EXCEPTION: { class: "UNKNOWN", means: "Something broke over there." },
  INVALID_SESSION_ID: {
    class: "SECURITY_CONFIGURATION_FAILURE",
    means: "A session just opened is not accepted.",
  },
  API_DISABLED_FOR_ORG: {
    class: "SECURITY_CONFIGURATION_FAILURE",
    means: "Their interface is switched off for us.",
  },
  API_CURRENTLY_DISABLED: {
    class: "SECURITY_CONFIGURATION_FAILURE",
    means: "Their interface is switched off.",
  },
  INSUFFICIENT_ACCESS_OR_READONLY: {
    class: "SECURITY_CONFIGURATION_FAILURE",
    means: "The integration user may not write this.",
  },
  invalid_client: { class: "SECURITY_CONFIGURATION_FAILURE", means: "They do not know the connected app." },
  invalid_client_id: {
    class: "SECURITY_CONFIGURATION_FAILURE",
    means: "They do not know the connected app.",
  },
  invalid_grant: { class: "SECURITY_CONFIGURATION_FAILURE", means: "The app may not sign in as this user." },
  inactive_user: { class: "SECURITY_CONFIGURATION_FAILURE", means: "The integration user is switched off." },
};

/** Beside them, what a conversion may be told. */
export const leadErrors: ErrorMap = {
  ...salesforceErrors,
  NOT_FOUND: { class: "BUSINESS_REJECTED", means: "They do not know the prospect." },
  CANNOT_UPDATE_CONVERTED_LEAD: {
    class: "BUSINESS_REJECTED",
    means: "Somebody else has made the prospect a customer.",
  },
  INVALID_STATUS: {
    class: "SECURITY_CONFIGURATION_FAILURE",
    means: "The status for converted leads is not set up in the org.",
  },
};
