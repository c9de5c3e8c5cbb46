import { defineTreaty, type HandOffTreaty } from "@entente/core";
import { type Static, Type } from "typebox";
import {
  type NoteSupportCase,
  noteSupportCase,
  type SupportCaseRequested,
  supportCaseRequested,
} from "../../contexts/entitlement/contract/support-case.ts";
import { caseRunbook, caseSheet, customerAnswers } from "./customer-sheet.ts";
import { salesforceErrors } from "./salesforce-errors.ts";
import { budgetsOfOrg, type SalesforceOrg } from "./salesforce-org.ts";
import { callSignedIn, codeOf, dataPath, salesforceCredentials } from "./salesforce-session.ts";
import { soqlQuery, soqlText } from "./soql.ts";
import { checkMarkFits, outcomeOf, writeLimits, writeStyle, writeTimes } from "./write-terms.ts";

const Wanted = Type.Object({
  supportCaseId: Type.String(),
  accountId: Type.String(),
  subject: Type.String(),
  description: Type.String(),
});

const Part = Type.Object({ httpStatusCode: Type.Integer(), body: Type.Unknown() });

/** The answer to a composite of two parts, or the cases with our mark. */
const Said = Type.Union([
  Type.Object({ compositeResponse: Type.Array(Part, { minItems: 2, maxItems: 2 }) }),
  Type.Object({ records: Type.Array(Type.Object({ Id: Type.String(), CaseNumber: Type.String() })) }),
]);

const commandKeyLength = 255;

/**
 * A support case that a customer asks for is opened at Salesforce and is open nowhere before that. The upsert names the record by our
 * external id, so that it makes one case however often it is sent, and carries our key as its mark. It is one transaction with the reading of the
 * number that Salesforce gave. Without a tenant the org is everybody's who asks: for tests of the treaty alone.
 */
export function openCase({
  origin,
  tenantId,
  ...allowed
}: Omit<SalesforceOrg, "tenantId"> & { readonly tenantId?: string }): HandOffTreaty {
  return defineTreaty({
    name: "salesforce-case",
    version: "1.0.0",
    kind: "command-with-callback",
    target: "salesforce",
    purpose: "open",
    sheet: caseSheet,
    runbook: caseRunbook,
    answers: customerAnswers,
    style: writeStyle,
    errorMap: salesforceErrors,
    credentials: salesforceCredentials,
    budgets: budgetsOfOrg(allowed),
    input: Wanted,
    output: Said,
    factsFrom: ["entitlement"],
    facts: [supportCaseRequested.type],
    request(fact) {
      // One org is one tenant's: another tenant's case never reaches it.
      if (tenantId !== undefined && fact.tenantId !== tenantId) return [];
      const { supportCaseId, accountId, subject, description } = fact.data as SupportCaseRequested;
      const about = { aggregateType: "case", aggregateId: supportCaseId, line: null };
      checkMarkFits(
        { tenantId: fact.tenantId, target: "salesforce", purpose: "open", ...about },
        commandKeyLength,
      );
      return [{ ...about, data: { supportCaseId, accountId, subject, description } }];
    },
    async send({ idempotencyKey, data }, means) {
      const { supportCaseId, accountId, subject, description } = data;
      const written = {
        method: "PATCH",
        url: `${dataPath}/sobjects/Case/Entente_Key__c/${encodeURIComponent(supportCaseId)}`,
        referenceId: "written",
        body: {
          Subject: subject,
          Description: description,
          Origin: "Web",
          Account: { Account_Key__c: accountId },
          Account_Key__c: accountId,
          Command_Key__c: idempotencyKey,
        },
      };
      const url = `${dataPath}/sobjects/Case/@{written.id}?fields=CaseNumber`;
      const read = { method: "GET", url, referenceId: "read" };
      const body = { allOrNone: true, compositeRequest: [written, read] };
      const path = `${dataPath}/composite`;
      return callSignedIn(origin, { operation: "open-case", method: "POST", path, body }, means);
    },
    async inquire({ idempotencyKey }, means) {
      const marked = `WHERE Command_Key__c = ${soqlText(idempotencyKey)}`;
      const soql = soqlQuery(["Id", "CaseNumber"], "Case", marked);
      const path = `${dataPath}/query?${new URLSearchParams({ q: soql })}`;
      return callSignedIn(origin, { operation: "look-for-case", method: "GET", path }, means);
    },
    translate({ body, status }, of) {
      if (status !== "200") return { says: "code", code: codeOf(body) ?? `HTTP ${status}` };
      const said = body as Static<typeof Said>;
      if (of === "inquiry") {
        if (!("records" in said)) throw new Error("not the answer to a query");
        const [found] = said.records;
        return found === undefined
          ? { says: "not-known" }
          : { says: "completed", reference: found.CaseNumber };
      }
      if (!("compositeResponse" in said)) throw new Error("not the answer to a composite");
      const [written, read] = said.compositeResponse;
      if (written === undefined || read === undefined) throw new Error("a part is missing");
      const refused = [written, read].find((part) => part.httpStatusCode >= 300 && !isHalted(part.body));
      if (refused !== undefined) {
        return { says: "code", code: codeOf(refused.body) ?? `HTTP ${refused.httpStatusCode}` };
      }
      return { says: "completed", reference: caseNumberOf(written.body, read.body) };
    },
    tells(news) {
      const outcome = outcomeOf(news);
      if (outcome === undefined) return [];
      const { key: accountId, aggregateId: supportCaseId, externalReference: value } = news.handOff;
      const data: NoteSupportCase = {
        accountId,
        supportCaseId,
        outcome,
        externalReference:
          outcome === "done" && value !== null ? { system: "salesforce", kind: "case number", value } : null,
        code: news.code,
      };
      return [{ type: noteSupportCase.type, schemaVersion: "1.0.0", key: accountId, data }];
    },
    times: writeTimes,
    limits: writeLimits,
    // One case does not wait for another.
    order: "none",
  }) as HandOffTreaty;
}

/** Undone because another part was refused; the other part says why. */
function isHalted(body: unknown): boolean {
  return codeOf(body) === "PROCESSING_HALTED";
}

/** Errors: thrown for a part that says something else than that it was done. */
function caseNumberOf(written: unknown, read: unknown): string {
  const { id, success } = (written ?? {}) as { readonly id?: unknown; readonly success?: unknown };
  const { CaseNumber: number } = (read ?? {}) as { readonly CaseNumber?: unknown };
  if (typeof id !== "string" || success !== true || typeof number !== "string")
    throw new Error("not the answer to an upsert and a reading");
  return number;
}
