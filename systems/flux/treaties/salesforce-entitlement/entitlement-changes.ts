import { defineFollowingTreaty, type FollowingTreaty, type RecordPage } from "@entente/core";
import { Type } from "typebox";
import { noteCustomer } from "../../contexts/entitlement/contract/note-customer.ts";
import {
  noteEntitlement,
  noteEntitlementGone,
} from "../../contexts/entitlement/contract/note-entitlement.ts";
import { listenToChanges, query, queryPage } from "./change-feed.ts";
import {
  AccountRecord,
  EntitlementRecord,
  entitlementOf,
  followedObjects,
  standingOf,
} from "./entitlement-record.ts";
import { salesforceErrors } from "./salesforce-errors.ts";
import { budgetsOfOrg, type SalesforceOrg } from "./salesforce-org.ts";
import { openSession, salesforceCredentials } from "./salesforce-session.ts";
import { changesRunbook, changesSheet, salesforceAnswers } from "./salesforce-sheet.ts";

const feed = { channel: "/data/ChangeEvents", objects: followedObjects };

/** Our names of records begin so. */
const entitlementPrefix = "entitlement:";
const customerPrefix = "customer:";

/**
 * Follows customers and entitlements at Salesforce, the authority for both.
 * Guarantees: see FollowingTreaty. What was removed over there and emptied from the recycle bin is found by the next reading of everything.
 */
export function entitlementChanges({ origin, tenantId, ...allowed }: SalesforceOrg): FollowingTreaty {
  const session = openSession(origin);
  return defineFollowingTreaty({
    name: "salesforce-entitlement-changes",
    version: "1.0.0",
    kind: "change-feed",
    target: "salesforce",
    tenantId,
    sheet: changesSheet,
    runbook: changesRunbook,
    answers: salesforceAnswers,
    style: {
      userWaitsForTheAnswer: false,
      runsLong: true,
      counterpartyMayBeAway: true,
      hasAnEffect: false,
      staleAnswerWillDo: true,
      flowNeedsTheResult: false,
    },
    errorMap: salesforceErrors,
    credentials: salesforceCredentials,
    budgets: budgetsOfOrg(allowed),
    input: Type.Union([Type.String({ pattern: "^\\d+$" }), Type.Null()]),
    output: Type.Union([EntitlementRecord, AccountRecord]),
    listen: (after, means) => listenToChanges(session, feed, after, means),
    async readPage(after, means): Promise<RecordPage> {
      const { at, path } = pageOf(after);
      const object = followedObjects[at];
      if (object === undefined) return { records: [], next: null };
      const { soql, keyField } = object;
      const whole = `${soql} WHERE ${keyField} != null`;
      const page =
        path === null
          ? await query(session, "read-everything", whole, means)
          : await queryPage(session, "read-everything", path, means);
      const isLast = page.next === null && at + 1 === followedObjects.length;
      const next = page.next === null ? pageName(at + 1, null) : pageName(at, page.next);
      return { records: page.records, next: isLast ? null : next };
    },
    tells(record) {
      if ("Entente_Key__c" in record) {
        const { entitlementId, accountId } = entitlementOf(record);
        const name = `${entitlementPrefix}${entitlementId}`;
        const command = record.IsDeleted
          ? gone(entitlementId, accountId)
          : {
              type: noteEntitlement.type,
              schemaVersion: "1.0.0",
              ttlMs: noteEntitlement.ttlMs,
              key: accountId,
              data: entitlementOf(record),
            };
        return { name, key: accountId, isThere: !record.IsDeleted, command };
      }
      const { Account_Key__c: accountId, IsDeleted } = record;
      const name = `${customerPrefix}${accountId}`;
      const data = { accountId, standing: standingOf(record) };
      const command = { ...customerNoted, key: accountId, data };
      return { name, key: accountId, isThere: !IsDeleted, command };
    },
    tellsGone({ name, key }) {
      if (name.startsWith(entitlementPrefix)) return gone(name.slice(entitlementPrefix.length), key);
      const data = { accountId: key, standing: "none" };
      return { ...customerNoted, key, data };
    },
    times: {
      answerWithinMs: 20_000,
      // Their longest poll takes 110 s.
      quietMs: 115_000,
      retryFirstMs: 1_000,
      retryLongestMs: 60_000,
      readAllEveryMs: 24 * 3_600_000,
    },
  }) as unknown as FollowingTreaty;
}

const customerNoted = { type: noteCustomer.type, schemaVersion: "1.0.0", ttlMs: noteCustomer.ttlMs } as const;

function gone(entitlementId: string, accountId: string) {
  return {
    type: noteEntitlementGone.type,
    schemaVersion: "1.0.0",
    ttlMs: noteEntitlementGone.ttlMs,
    key: accountId,
    data: { entitlementId, accountId },
  };
}

/** `1 /services/data/…`: which object, and the path they gave for its next page. */
function pageName(at: number, path: string | null): string {
  return `${at} ${path ?? ""}`;
}

function pageOf(name: string | null): { readonly at: number; readonly path: string | null } {
  const [at = "0", path = ""] = (name ?? "0 ").split(" ");
  return { at: Number(at), path: path === "" ? null : path };
}
