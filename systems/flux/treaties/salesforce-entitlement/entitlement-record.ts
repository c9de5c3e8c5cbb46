import { type Static, Type } from "typebox";
import type { Entitlement, EntitlementStatus } from "../../contexts/entitlement/contract/entitlement.ts";
import { type Standing, standings } from "../../contexts/entitlement/contract/note-customer.ts";
import { identifierPattern } from "../../contexts/gateway/contract/identifier.ts";
import { soqlQuery } from "./soql.ts";

/** Their records, and what they are in our words. Nothing of Salesforce's vocabulary is known beyond this folder. */

const Key = Type.String({ pattern: identifierPattern });
const Time = Type.String({
  pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:?\\d\\d)$",
});

export const EntitlementRecord = Type.Object({
  attributes: Type.Object({ type: Type.Literal("Entitlement__c") }),
  Id: Type.String(),
  IsDeleted: Type.Boolean(),
  Entente_Key__c: Key,
  Account_Key__c: Key,
  Plan_Code__c: Key,
  Monthly_Quota_Units__c: Type.Integer({ minimum: 0 }),
  Status__c: Type.String(),
  Version_Number__c: Type.Integer({ minimum: 0 }),
  Valid_From__c: Time,
  Valid_To__c: Type.Union([Time, Type.Null()]),
});
export type EntitlementRecord = Static<typeof EntitlementRecord>;

export const AccountRecord = Type.Object({
  attributes: Type.Object({ type: Type.Literal("Account") }),
  Id: Type.String(),
  IsDeleted: Type.Boolean(),
  Account_Key__c: Key,
  Type: Type.Union([Type.String(), Type.Null()]),
});
export type AccountRecord = Static<typeof AccountRecord>;

const fieldsIn = (properties: object): readonly string[] =>
  Object.keys(properties).filter((name) => name !== "attributes");

/** Objects that are followed, and what is read of them. A record without our key is none of ours. */
export const followedObjects = [
  {
    name: "Entitlement__c",
    keyField: "Entente_Key__c",
    soql: soqlQuery(fieldsIn(EntitlementRecord.properties), "Entitlement__c"),
  },
  {
    name: "Account",
    keyField: "Account_Key__c",
    soql: soqlQuery(fieldsIn(AccountRecord.properties), "Account"),
  },
] as const;

/** Their picklist to our words, one to one; a word that is not on the list is `unlisted`. */
const statuses: Readonly<Record<string, EntitlementStatus>> = {
  Draft: "draft",
  Active: "active",
  Suspended: "suspended",
  Ended: "ended",
};

const theirStatuses = new Map(Object.entries(statuses).map(([theirs, ours]) => [ours, theirs]));

export function entitlementOf(record: EntitlementRecord): Entitlement {
  return {
    entitlementId: record.Entente_Key__c,
    accountId: record.Account_Key__c,
    planId: record.Plan_Code__c,
    monthlyQuotaUnits: record.Monthly_Quota_Units__c,
    status: Object.hasOwn(statuses, record.Status__c)
      ? (statuses[record.Status__c] ?? "unlisted")
      : "unlisted",
    version: record.Version_Number__c,
    validFrom: Date.parse(record.Valid_From__c),
    validTo: record.Valid_To__c === null ? null : Date.parse(record.Valid_To__c),
  };
}

export function standingOf({ Type: type, IsDeleted }: AccountRecord): Standing {
  const ours = standings.find((standing) => standing === type?.toLowerCase());
  return IsDeleted ? "none" : (ours ?? "none");
}

/** The fields of an entitlement as they are to be written; the key stands in the path. */
export function fieldsOf(wanted: Entitlement): Readonly<Record<string, string | number | null>> {
  const status = theirStatuses.get(wanted.status);
  if (status === undefined) throw new Error(`there is no word of theirs for ${wanted.status}`);
  return {
    Account_Key__c: wanted.accountId,
    Plan_Code__c: wanted.planId,
    Monthly_Quota_Units__c: wanted.monthlyQuotaUnits,
    Status__c: status,
    Version_Number__c: wanted.version,
    Valid_From__c: new Date(wanted.validFrom).toISOString(),
    Valid_To__c: wanted.validTo === null ? null : new Date(wanted.validTo).toISOString(),
  };
}
