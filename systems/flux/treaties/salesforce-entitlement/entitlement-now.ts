import { defineReadingTreaty, type JsonObject, type ReadingTreaty } from "@entente/core";
import { Type } from "typebox";
import { Identifier } from "../../contexts/gateway/contract/identifier.ts";
import { EntitlementRecord, entitlementOf, followedObjects } from "./entitlement-record.ts";
import { salesforceErrors } from "./salesforce-errors.ts";
import { budgetsOfOrg, type SalesforceOrg } from "./salesforce-org.ts";
import { codeOf, dataPath, jsonOf, openSession, salesforceCredentials } from "./salesforce-session.ts";
import { nowRunbook, nowSheet, salesforceAnswers } from "./salesforce-sheet.ts";
import { soqlText } from "./soql.ts";

const Records = Type.Object({ done: Type.Literal(true), records: Type.Array(EntitlementRecord) });

/** What Salesforce says at this moment about an account's entitlements; what it last said, with its age, while it is away. */
export function entitlementNow({ origin, ...allowed }: Omit<SalesforceOrg, "tenantId">): ReadingTreaty {
  const session = openSession(origin);
  return defineReadingTreaty({
    name: "salesforce-entitlement-now",
    version: "1.0.0",
    kind: "synchronous-query",
    target: "salesforce",
    sheet: nowSheet,
    runbook: nowRunbook,
    answers: salesforceAnswers,
    style: {
      userWaitsForTheAnswer: true,
      runsLong: false,
      counterpartyMayBeAway: true,
      hasAnEffect: false,
      staleAnswerWillDo: true,
      flowNeedsTheResult: false,
    },
    errorMap: salesforceErrors,
    credentials: salesforceCredentials,
    budgets: budgetsOfOrg(allowed),
    input: Type.Object({ accountId: Identifier }),
    output: Records,
    async ask({ accountId }, means) {
      const soql = `${followedObjects[0].soql} WHERE Account_Key__c = ${soqlText(accountId)} AND Entente_Key__c != null ORDER BY Valid_From__c DESC LIMIT 200`;
      const path = `${dataPath}/query?${new URLSearchParams({ q: soql })}`;
      const { status, text } = await session.call(
        { operation: "ask-entitlement", method: "GET", path },
        means,
      );
      return { status: String(status), raw: text, body: jsonOf(text) as never };
    },
    translate({ body, status }) {
      if (status !== "200") return { says: "code", code: codeOf(body) ?? `HTTP ${status}` };
      const entitlements = body.records.map(entitlementOf);
      return { says: "completed", answer: { entitlements } as unknown as JsonObject };
    },
    timeoutMs: 3_000,
    staleAllowedMs: 24 * 3_600_000,
    limits: { concurrency: 8, ratePerSecond: 10 },
  }) as unknown as ReadingTreaty;
}
