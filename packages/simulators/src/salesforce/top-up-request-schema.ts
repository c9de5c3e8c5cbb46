import type { ObjectSchema } from "./schema.ts";

/**
 * Top-ups as the CRM records them where it comes first (stage A of Flux): a request is taken from accounts with an active entitlement
 * alone, and closed once. The first rule is a before-insert trigger of the org, whose addError answers with the code of a validation rule.
 */
export const topUpRequest: ObjectSchema = {
  name: "Top_Up_Request__c",
  label: "Top-Up Request",
  labelPlural: "Top-Up Requests",
  kind: "object",
  keyPrefix: "a0T",
  changeEvents: true,
  autoNumber: { field: "Name", prefix: "TUR-", digits: 6 },
  keyField: "Entente_Key__c",
  // The request and its outcome are two commands, and neither wipes out the mark of the other.
  markerFields: ["Command_Key__c", "Outcome_Key__c"],
  fields: [
    { name: "Name", label: "Request Number", type: "string", length: 80, system: true },
    {
      name: "Entente_Key__c",
      label: "Entente Key",
      type: "string",
      length: 80,
      required: true,
      externalId: true,
      unique: "case-sensitive",
    },
    { name: "Account_Key__c", label: "Account Key", type: "string", length: 64, required: true },
    { name: "Condenser_Key__c", label: "Condenser Key", type: "string", length: 64, required: true },
    { name: "Units__c", label: "Units", type: "double", precision: 18, scale: 0, required: true },
    {
      name: "Status__c",
      label: "Status",
      type: "picklist",
      values: ["Requested", "Posted", "Refused", "Cancelled"],
      required: true,
      defaultValue: "Requested",
    },
    { name: "Reason_Code__c", label: "Reason Code", type: "string", length: 64 },
    { name: "Command_Key__c", label: "Command Key", type: "string", length: 80 },
    { name: "Outcome_Key__c", label: "Outcome Key", type: "string", length: 80 },
  ],
  rules: [
    {
      name: "Account_Must_Be_Entitled",
      message: "The account has no active entitlement.",
      field: "Account_Key__c",
      refuses: (after, before, rowsOf) =>
        before === null &&
        !rowsOf("Entitlement__c").some(
          (entitlement) =>
            entitlement.Account_Key__c === after.Account_Key__c && entitlement.Status__c === "Active",
        ),
    },
    {
      name: "Closed_Stays_Closed",
      message: "The request is closed: Status must not change any more.",
      field: "Status__c",
      refuses: (after, before) =>
        before !== null && before.Status__c !== "Requested" && before.Status__c !== after.Status__c,
    },
  ],
};
