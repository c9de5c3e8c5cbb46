import type { ObjectSchema } from "./schema.ts";

/** What customers ask of the provider, and who may become one: standard objects with the keys of the business in fields of its own. */

const keys = [
  { name: "Command_Key__c", label: "Command Key", type: "string", length: 255 },
  { name: "Account_Key__c", label: "Account Key", type: "string", length: 40 },
] as const;

export const supportCase: ObjectSchema = {
  name: "Case",
  label: "Case",
  labelPlural: "Cases",
  kind: "object",
  keyPrefix: "500",
  autoNumber: { field: "CaseNumber", prefix: "", digits: 8 },
  keyField: "Entente_Key__c",
  markerFields: ["Command_Key__c"],
  fields: [
    { name: "CaseNumber", label: "Case Number", type: "string", length: 30, system: true },
    { name: "Subject", label: "Subject", type: "string", length: 255 },
    { name: "Description", label: "Description", type: "textarea", length: 32_000 },
    {
      name: "Status",
      label: "Status",
      type: "picklist",
      values: ["New", "Working", "Escalated", "Closed"],
      defaultValue: "New",
    },
    { name: "Origin", label: "Case Origin", type: "picklist", values: ["Phone", "Email", "Web"] },
    {
      name: "AccountId",
      label: "Account ID",
      type: "reference",
      references: "Account",
      relationship: "Account",
      childRelationship: "Cases",
    },
    {
      name: "Entente_Key__c",
      label: "Entente Key",
      type: "string",
      length: 80,
      externalId: true,
      unique: "case-sensitive",
    },
    ...keys,
  ],
};

/** Statuses a lead may be converted to. */
export const convertedStatuses: readonly string[] = ["Closed - Converted"];

export const lead: ObjectSchema = {
  name: "Lead",
  label: "Lead",
  labelPlural: "Leads",
  kind: "object",
  keyPrefix: "00Q",
  keyField: "Lead_Key__c",
  markerFields: ["Command_Key__c"],
  frozen: {
    when: ({ IsConverted }) => IsConverted === true,
    errorCode: "CANNOT_UPDATE_CONVERTED_LEAD",
    message: "cannot reference converted lead",
  },
  fields: [
    { name: "FirstName", label: "First Name", type: "string", length: 40 },
    { name: "LastName", label: "Last Name", type: "string", length: 80, required: true },
    { name: "Company", label: "Company", type: "string", length: 255, required: true },
    { name: "Email", label: "Email", type: "email", length: 80 },
    { name: "Phone", label: "Phone", type: "phone", length: 40 },
    {
      name: "Status",
      label: "Lead Status",
      type: "picklist",
      values: ["Open - Not Contacted", "Working - Contacted", ...convertedStatuses, "Closed - Not Converted"],
      defaultValue: "Open - Not Contacted",
    },
    { name: "IsConverted", label: "Converted", type: "boolean", defaultValue: false, system: true },
    { name: "ConvertedDate", label: "Converted Date", type: "date", system: true },
    {
      name: "ConvertedAccountId",
      label: "Converted Account ID",
      type: "reference",
      references: "Account",
      system: true,
    },
    {
      name: "ConvertedContactId",
      label: "Converted Contact ID",
      type: "reference",
      references: "Contact",
      system: true,
    },
    {
      name: "Lead_Key__c",
      label: "Lead Key",
      type: "string",
      length: 80,
      externalId: true,
      unique: "case-sensitive",
    },
    ...keys,
  ],
};
