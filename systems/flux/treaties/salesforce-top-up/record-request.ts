import type { HandOffTreaty } from "@entente/core";
import { Type } from "typebox";
import { type NoteSubmission, noteSubmission } from "../../contexts/request/contract/note-request.ts";
import {
  requestMembers,
  type TopUpRequest,
  topUpSubmitted,
} from "../../contexts/request/contract/top-up-request.ts";
import { dataPath } from "../salesforce-entitlement/salesforce-session.ts";
import type { WrittenOrg } from "../salesforce-entitlement/salesforce-write.ts";
import { openStatus, pathOf } from "./request-record.ts";
import { recordRunbook, recordSheet } from "./request-sheet.ts";
import { writeToRequest } from "./write-to-request.ts";

/**
 * A top-up is recorded at Salesforce, which refuses it for an account that is not entitled. One upsert under our external id, with our key
 * as its mark; nothing is carried out by it: that takes the word of their feed (request-feed.ts).
 */
export function recordRequest(org: WrittenOrg): HandOffTreaty {
  return writeToRequest<TopUpRequest>(org, {
    name: "salesforce-top-up",
    purpose: "request",
    markField: "Command_Key__c",
    sheet: recordSheet,
    runbook: recordRunbook,
    facts: [topUpSubmitted.type],
    input: Type.Object(requestMembers),
    wanted: (fact) => fact.data as TopUpRequest,
    operation: "record-request",
    write: ({ requestId, accountId, condenserId, units }) => ({
      path: `${dataPath}${pathOf(requestId)}`,
      fields: {
        Account_Key__c: accountId,
        Condenser_Key__c: condenserId,
        Units__c: units,
        Status__c: openStatus,
      },
    }),
    tells({ handOff, to, code }) {
      const outcome = outcomes[to];
      if (outcome === undefined) return [];
      const { key: accountId, aggregateId: requestId } = handOff;
      const data: NoteSubmission = { requestId, accountId, outcome, code };
      const { type, schemaVersion } = noteSubmission;
      return [{ type, schemaVersion, key: accountId, data }];
    },
  });
}

/** Anything else leaves the request where it is: on its way. */
const outcomes: Readonly<Partial<Record<string, NoteSubmission["outcome"]>>> = {
  completed: "recorded",
  rejected: "refused",
  cancelled: "given-up",
};
