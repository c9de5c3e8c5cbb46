import type { HandOffTreaty, Translation } from "@entente/core";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import {
  type NoteSupportCase,
  noteSupportCase,
  type SupportCaseRequested,
  supportCaseRequested,
} from "../../contexts/entitlement/contract/support-case.ts";
import { caseRunbook, caseSheet, customerAnswers } from "./customer-sheet.ts";
import { salesforceErrors } from "./salesforce-errors.ts";
import { codeOf, dataPath, replyOf } from "./salesforce-session.ts";
import { doneAs, salesforceWrite, type WrittenOrg } from "./salesforce-write.ts";
import { outcomeOf, writeLimits, writeTimes } from "./write-terms.ts";

const Wanted = Type.Object({
  supportCaseId: Type.String(),
  accountId: Type.String(),
  subject: Type.String(),
  description: Type.String(),
});

const Part = Type.Object({ httpStatusCode: Type.Integer(), body: Type.Unknown() });
const Composite = Type.Object({ compositeResponse: Type.Array(Part, { minItems: 2, maxItems: 2 }) });

/** The answer to a composite of two parts, or the cases with our mark. */
const Said = Type.Union([
  Composite,
  Type.Object({ records: Type.Array(Type.Object({ Id: Type.String(), CaseNumber: Type.String() })) }),
]);

/**
 * A support case that a customer asks for is opened at Salesforce and is open nowhere before that. The upsert names the record by our
 * external id, so that it makes one case however often it is sent, and carries our key as its mark. It is one transaction with the reading of the
 * number that Salesforce gave.
 */
export function openCase(org: WrittenOrg): HandOffTreaty {
  return salesforceWrite<Static<typeof Wanted>>(org, {
    name: "salesforce-case",
    purpose: "open",
    sheet: caseSheet,
    runbook: caseRunbook,
    answers: customerAnswers,
    errorMap: salesforceErrors,
    context: "entitlement",
    facts: [supportCaseRequested.type],
    input: Wanted,
    output: Said,
    mark: { object: "Case", field: "Command_Key__c", longest: 255 },
    wanted(fact) {
      const { supportCaseId, accountId, subject, description } = fact.data as SupportCaseRequested;
      const data = { supportCaseId, accountId, subject, description };
      return { aggregateType: "case", aggregateId: supportCaseId, data };
    },
    async write({ supportCaseId, accountId, subject, description }, ourKey, ask) {
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
          Command_Key__c: ourKey,
        },
      };
      const url = `${dataPath}/sobjects/Case/@{written.id}?fields=CaseNumber`;
      const read = { method: "GET", url, referenceId: "read" };
      const body = { allOrNone: true, compositeRequest: [written, read] };
      const path = `${dataPath}/composite`;
      return replyOf(await ask({ operation: "open-case", method: "POST", path, body }));
    },
    written: aboutParts,
    lookFor: { operation: "look-for-case", fields: ["Id", "CaseNumber"] },
    found: doneAs("CaseNumber"),
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
  });
}

function aboutParts(body: unknown): Translation {
  if (!Value.Check(Composite, body)) throw new Error("not the answer to a composite");
  const [written, read] = body.compositeResponse;
  if (written === undefined || read === undefined) throw new Error("a part is missing");
  const refused = [written, read].find((part) => part.httpStatusCode >= 300 && !isHalted(part.body));
  if (refused !== undefined)
    return { says: "code", code: codeOf(refused.body) ?? `HTTP ${refused.httpStatusCode}` };
  return { says: "completed", reference: caseNumberOf(written.body, read.body) };
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
