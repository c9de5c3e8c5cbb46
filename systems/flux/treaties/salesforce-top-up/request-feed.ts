import { type DomainCommand, defineFollowingTreaty, type FollowingTreaty } from "@entente/core";
import { Type } from "typebox";
import { noteRequest, noteRequestGone } from "../../contexts/request/contract/note-request.ts";
import { listenToChanges, query, queryPage } from "../salesforce-entitlement/change-feed.ts";
import { budgetsOfOrg, type SalesforceOrg } from "../salesforce-entitlement/salesforce-org.ts";
import { openSession, salesforceCredentials } from "../salesforce-entitlement/salesforce-session.ts";
import { soqlText } from "../salesforce-entitlement/soql.ts";
import { requestErrors } from "./request-errors.ts";
import {
  changeChannel,
  closedStatuses,
  followedRequests,
  openStatus,
  RequestRecord,
} from "./request-record.ts";
import { feedRunbook, feedSheet, requestAnswers } from "./request-sheet.ts";

/**
 * Follows the open requests at Salesforce: one that is recorded there is told here, in the process of its top-up, and carried out.
 * Followed is what is open, so that a reading of everything stays small; a request that is closed has left, as if it were removed.
 */
export function requestFeed({ origin, tenantId, ...allowed }: SalesforceOrg): FollowingTreaty {
  const session = openSession(origin);
  const feed = { channel: changeChannel, objects: followedRequests };
  const [{ soql, keyField }] = followedRequests;
  return defineFollowingTreaty({
    name: "salesforce-top-up-requests",
    version: "1.0.0",
    kind: "change-feed",
    target: "salesforce",
    relation: "customer-supplier",
    tenantId,
    sheet: feedSheet,
    runbook: feedRunbook,
    answers: requestAnswers,
    style: {
      userWaitsForTheAnswer: false,
      runsLong: true,
      counterpartyMayBeAway: true,
      hasAnEffect: false,
      staleAnswerWillDo: false,
      flowNeedsTheResult: true,
    },
    errorMap: requestErrors,
    credentials: salesforceCredentials,
    budgets: budgetsOfOrg(allowed),
    input: Type.Union([Type.String({ pattern: "^\\d+$" }), Type.Null()]),
    output: RequestRecord,
    listen: (after, means) => listenToChanges(session, feed, after, means),
    readPage(after, means) {
      const open = `${soql} WHERE ${keyField} != null AND Status__c = ${soqlText(openStatus)}`;
      return after === null
        ? query(session, "read-open-requests", open, means)
        : queryPage(session, "read-open-requests", after, means);
    },
    tells(record) {
      const { Entente_Key__c: requestId, Account_Key__c: accountId, Condenser_Key__c: condenserId } = record;
      const isThere = !record.IsDeleted && isOpen(record);
      if (!isThere) return { name: requestId, key: accountId, isThere, command: gone(requestId, accountId) };
      const data = { requestId, accountId, condenserId, units: record.Units__c };
      const { type, schemaVersion } = noteRequest;
      const command = { type, schemaVersion, key: accountId, processId: requestId, data };
      return { name: requestId, key: accountId, isThere, command };
    },
    tellsGone: ({ name, key }) => gone(name, key),
    times: {
      answerWithinMs: 20_000,
      // Their longest poll takes 110 s.
      quietMs: 115_000,
      retryFirstMs: 500,
      retryLongestMs: 15_000,
      readAllEveryMs: 3_600_000,
    },
  }) as unknown as FollowingTreaty;
}

/** Errors: thrown for a status that nobody has agreed on. Taken for closed, it would cancel what a customer waits for. */
function isOpen({ Status__c: status }: RequestRecord): boolean {
  if (status === openStatus) return true;
  if (closedStatuses.some((known) => known === status)) return false;
  throw new Error("a status that is on neither list");
}

function gone(requestId: string, accountId: string): DomainCommand {
  const { type, schemaVersion } = noteRequestGone;
  return { type, schemaVersion, key: accountId, processId: requestId, data: { requestId, accountId } };
}
