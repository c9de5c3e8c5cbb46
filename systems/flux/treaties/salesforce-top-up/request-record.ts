import { type Static, Type } from "typebox";
import { Identifier } from "../../contexts/gateway/contract/identifier.ts";
import { topUp } from "../../contexts/gateway/contract/top-up.ts";
import { soqlQuery } from "../salesforce-entitlement/soql.ts";

/** Their record of a top-up. Nothing of its words is known beyond this folder. */

export const objectName = "Top_Up_Request__c";

/** Changes of this object alone: a channel, and so a place, of its own. */
export const changeChannel = "/data/Top_Up_Request__ChangeEvent";

/** Their word for a request that is to be carried out. */
export const openStatus = "Requested";

/** Their words for one that is closed. A word that is on neither list is nobody's guess: it becomes a person's case and a line here. */
export const closedStatuses = ["Posted", "Refused", "Cancelled"] as const;

export const RequestRecord = Type.Object({
  attributes: Type.Object({ type: Type.Literal(objectName) }),
  Id: Type.String(),
  IsDeleted: Type.Boolean(),
  // Ours: the process of the top-up.
  Entente_Key__c: Type.String({
    pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
  }),
  Account_Key__c: Identifier,
  Condenser_Key__c: Identifier,
  Units__c: topUp.schema.properties.units,
  Status__c: Type.String(),
});
export type RequestRecord = Static<typeof RequestRecord>;

const fields = Object.keys(RequestRecord.properties).filter((name) => name !== "attributes");

export const followedRequests = [
  { name: objectName, keyField: "Entente_Key__c", soql: soqlQuery(fields, objectName) },
] as const;

/** Path of the record of a request below the data path, by our external id. */
export function pathOf(requestId: string): string {
  return `/sobjects/${objectName}/Entente_Key__c/${encodeURIComponent(requestId)}`;
}

/** Longest key their fields for it hold. */
export const keyFieldLength = 80;
