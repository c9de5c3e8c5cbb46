import type { HandOffTreaty } from "@entente/core";
import { Type } from "typebox";
import {
  type NoteSettlement,
  noteSettlement,
  type RequestSettled,
  requestSettled,
} from "../../contexts/request/contract/request-settled.ts";
import { dataPath } from "../salesforce-entitlement/salesforce-session.ts";
import type { WrittenOrg } from "../salesforce-entitlement/salesforce-write.ts";
import { pathOf } from "./request-record.ts";
import { closeRunbook, closeSheet } from "./request-sheet.ts";
import { writeToRequest } from "./write-to-request.ts";

/** What became of a request is written into its record, under a mark of its own. Only then is a top-up confirmed. */
export function closeRequest(org: WrittenOrg): HandOffTreaty {
  return writeToRequest<RequestSettled>(org, {
    name: "salesforce-top-up-outcome",
    purpose: "outcome",
    markField: "Outcome_Key__c",
    sheet: closeSheet,
    runbook: closeRunbook,
    facts: [requestSettled.type],
    input: Type.Object(requestSettled.schema.properties),
    wanted: (fact) => fact.data as RequestSettled,
    operation: "close-request",
    write: ({ requestId, outcome, code }) => ({
      // They removed it meanwhile: a new one without account and units must not take its place.
      path: `${dataPath}${pathOf(requestId)}?updateOnly=true`,
      fields: { Status__c: statuses[outcome], Reason_Code__c: code },
    }),
    tells({ handOff, to }) {
      // Refused: a person's case; what was carried out stays as it is, and is not confirmed before it stands there or is given up.
      if (to !== "completed" && to !== "cancelled") return [];
      const { key: accountId, aggregateId: requestId } = handOff;
      const data: NoteSettlement = { requestId, accountId, isRecorded: to === "completed" };
      const { type, schemaVersion } = noteSettlement;
      return [{ type, schemaVersion, key: accountId, data }];
    },
  });
}

const statuses: Readonly<Record<RequestSettled["outcome"], string>> = {
  posted: "Posted",
  refused: "Refused",
};
