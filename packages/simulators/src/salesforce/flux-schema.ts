import { lead, supportCase } from "./case-and-lead.ts";
import type { ObjectSchema } from "./schema.ts";
import { topUpRequest } from "./top-up-request-schema.ts";
import type { Values } from "./value.ts";

/** What the org of a mobility provider that runs Flux has set up: standard objects, customer entitlements, a notice to others. */

const account: ObjectSchema = {
  name: "Account",
  label: "Account",
  labelPlural: "Accounts",
  kind: "object",
  keyPrefix: "001",
  changeEvents: true,
  conditionalRequests: true,
  keyField: "Account_Key__c",
  fields: [
    { name: "Name", label: "Account Name", type: "string", length: 255, required: true },
    { name: "Type", label: "Account Type", type: "picklist", values: ["Customer", "Prospect", "Partner"] },
    { name: "AccountNumber", label: "Account Number", type: "string", length: 40 },
    { name: "Phone", label: "Account Phone", type: "phone", length: 40 },
    { name: "BillingCity", label: "Billing City", type: "string", length: 40 },
    { name: "BillingCountry", label: "Billing Country", type: "string", length: 80 },
    { name: "Description", label: "Account Description", type: "textarea", length: 32_000 },
    { name: "AnnualRevenue", label: "Annual Revenue", type: "double", precision: 18, scale: 2 },
    {
      name: "Account_Key__c",
      label: "Account Key",
      type: "string",
      length: 40,
      externalId: true,
      unique: "case-sensitive",
    },
    // As migrations leave them behind: an external id that several records may share.
    { name: "Legacy_Number__c", label: "Legacy Number", type: "string", length: 20, externalId: true },
  ],
};

const contact: ObjectSchema = {
  name: "Contact",
  label: "Contact",
  labelPlural: "Contacts",
  kind: "object",
  keyPrefix: "003",
  changeEvents: true,
  keyField: "Contact_Key__c",
  fields: [
    { name: "FirstName", label: "First Name", type: "string", length: 40 },
    { name: "LastName", label: "Last Name", type: "string", length: 80, required: true },
    { name: "Email", label: "Email", type: "email", length: 80 },
    { name: "Phone", label: "Business Phone", type: "phone", length: 40 },
    { name: "HasOptedOutOfEmail", label: "Email Opt Out", type: "boolean", defaultValue: false },
    { name: "Birthdate", label: "Birthdate", type: "date" },
    {
      name: "AccountId",
      label: "Account ID",
      type: "reference",
      references: "Account",
      relationship: "Account",
      childRelationship: "Contacts",
    },
    {
      name: "Contact_Key__c",
      label: "Contact Key",
      type: "string",
      length: 40,
      externalId: true,
      unique: "case-sensitive",
    },
  ],
};

const wordsOfEntitlement = [
  "Account__c",
  "Account_Key__c",
  "Plan_Code__c",
  "Monthly_Quota_Units__c",
  "Status__c",
  "Valid_From__c",
  "Valid_To__c",
] as const;

/**
 * A repeat of the same version with the same content passes and changes nothing; a stale version, or other content under a
 * version that is taken, does not. Salesforce has no other way to lock custom objects optimistically: ETags are for Account only.
 */
function versionIsStale(after: Values, before: Values | null): boolean {
  if (before === null) return false;
  const version = Number(after.Version_Number__c ?? 0);
  const previous = Number(before.Version_Number__c ?? 0);
  if (version !== previous) return version < previous;
  return wordsOfEntitlement.some((name) => (after[name] ?? null) !== (before[name] ?? null));
}

const entitlement: ObjectSchema = {
  name: "Entitlement__c",
  label: "Customer Entitlement",
  labelPlural: "Customer Entitlements",
  kind: "object",
  keyPrefix: "a0E",
  changeEvents: true,
  autoNumber: { field: "Name", prefix: "ENT-", digits: 6 },
  keyField: "Entente_Key__c",
  markerFields: ["Command_Key__c"],
  fields: [
    { name: "Name", label: "Entitlement Number", type: "string", length: 80, system: true },
    {
      name: "Entente_Key__c",
      label: "Entente Key",
      type: "string",
      length: 80,
      required: true,
      externalId: true,
      unique: "case-sensitive",
    },
    {
      name: "Account__c",
      label: "Account",
      type: "reference",
      references: "Account",
      relationship: "Account__r",
      childRelationship: "Entitlements__r",
    },
    { name: "Account_Key__c", label: "Account Key", type: "string", length: 40, required: true },
    { name: "Plan_Code__c", label: "Plan Code", type: "string", length: 40, required: true },
    {
      name: "Monthly_Quota_Units__c",
      label: "Monthly Quota Units",
      type: "double",
      precision: 18,
      scale: 0,
      required: true,
    },
    {
      name: "Status__c",
      label: "Status",
      type: "picklist",
      values: ["Draft", "Active", "Suspended", "Ended"],
      required: true,
      defaultValue: "Draft",
    },
    {
      name: "Version_Number__c",
      label: "Version Number",
      type: "double",
      precision: 18,
      scale: 0,
      required: true,
      defaultValue: 1,
    },
    { name: "Valid_From__c", label: "Valid From", type: "datetime", required: true },
    { name: "Valid_To__c", label: "Valid To", type: "datetime" },
    { name: "Command_Key__c", label: "Command Key", type: "string", length: 80 },
  ],
  rules: [
    {
      name: "Version_Must_Rise",
      message: "The entitlement has moved on: Version Number must be greater than the present one.",
      field: "Version_Number__c",
      refuses: versionIsStale,
    },
    {
      name: "Quota_Not_Negative",
      message: "Monthly Quota Units must not be negative.",
      field: "Monthly_Quota_Units__c",
      refuses: (after) => Number(after.Monthly_Quota_Units__c ?? 0) < 0,
    },
    {
      name: "Valid_To_After_Valid_From",
      message: "Valid To must be later than Valid From.",
      field: "Valid_To__c",
      refuses: ({ Valid_From__c: from, Valid_To__c: to }) => typeof to === "string" && to <= String(from),
    },
  ],
};

const entitlementNotice: ObjectSchema = {
  name: "Entitlement_Notice__e",
  label: "Entitlement Notice",
  labelPlural: "Entitlement Notices",
  kind: "event",
  keyPrefix: "e00",
  keyField: "Entente_Key__c",
  markerFields: ["Command_Key__c"],
  fields: [
    { name: "Entente_Key__c", label: "Entente Key", type: "string", length: 80, required: true },
    { name: "Account_Key__c", label: "Account Key", type: "string", length: 40 },
    { name: "Kind__c", label: "Kind", type: "string", length: 40, required: true },
    { name: "Version_Number__c", label: "Version Number", type: "double", precision: 18, scale: 0 },
    { name: "Command_Key__c", label: "Command Key", type: "string", length: 80 },
  ],
};

export const fluxObjects: readonly ObjectSchema[] = [
  account,
  contact,
  entitlement,
  topUpRequest,
  entitlementNotice,
  supportCase,
  lead,
];
