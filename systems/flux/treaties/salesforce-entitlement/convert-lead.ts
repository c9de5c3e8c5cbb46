import { defineTreaty, type HandOffTreaty, type Reply } from "@entente/core";
import { type Static, Type } from "typebox";
import {
  type NoteProspectConversion,
  noteProspectConversion,
  type ProspectConversionRequested,
  prospectConversionRequested,
} from "../../contexts/entitlement/contract/prospect.ts";
import { convertLeadMessage, readConversion, soapPath } from "./convert-lead-message.ts";
import { customerAnswers, leadRunbook, leadSheet } from "./customer-sheet.ts";
import { leadErrors } from "./salesforce-errors.ts";
import { budgetsOfOrg, type SalesforceOrg } from "./salesforce-org.ts";
import {
  callSignedIn,
  codeOf,
  dataPath,
  jsonOf,
  replyOf,
  salesforceCredentials,
  whileSignedIn,
} from "./salesforce-session.ts";
import { soqlQuery, soqlText } from "./soql.ts";
import { checkMarkFits, outcomeOf, writeLimits, writeStyle, writeTimes } from "./write-terms.ts";

const Wanted = Type.Object({ prospectId: Type.String(), accountId: Type.String() });

/** The account that a conversion made, or the lead with our mark. */
const Said = Type.Union([
  Type.Object({ accountId: Type.String() }),
  Type.Object({
    records: Type.Array(
      Type.Object({
        Id: Type.String(),
        IsConverted: Type.Boolean(),
        ConvertedAccountId: Type.Union([Type.String(), Type.Null()]),
      }),
    ),
  }),
]);

const commandKeyLength = 255;

/**
 * A prospect becomes a customer at Salesforce and is one nowhere before that. REST has nothing for it, so it is two calls: our key and the account's
 * are written to the lead, which is no conversion yet, then SOAP's convertLead makes account and contact of it. A lead is converted once and never
 * again: that is their own guard against a repeat, and the mark tells whose conversion it was. What breaks off between the two is found unconverted.
 * Without a tenant the org is everybody's who asks: for tests of the treaty alone.
 */
export function convertLead({
  origin,
  tenantId,
  ...allowed
}: Omit<SalesforceOrg, "tenantId"> & { readonly tenantId?: string }): HandOffTreaty {
  return defineTreaty({
    name: "salesforce-lead",
    version: "1.0.0",
    kind: "command-with-callback",
    target: "salesforce",
    purpose: "convert",
    sheet: leadSheet,
    runbook: leadRunbook,
    answers: customerAnswers,
    style: writeStyle,
    errorMap: leadErrors,
    credentials: salesforceCredentials,
    budgets: budgetsOfOrg(allowed),
    input: Wanted,
    output: Said,
    factsFrom: ["entitlement"],
    facts: [prospectConversionRequested.type],
    request(fact) {
      // One org is one tenant's: another tenant's prospect never reaches it.
      if (tenantId !== undefined && fact.tenantId !== tenantId) return [];
      const { conversionId, prospectId, accountId } = fact.data as ProspectConversionRequested;
      const about = { aggregateType: "conversion", aggregateId: conversionId, line: null };
      checkMarkFits(
        { tenantId: fact.tenantId, target: "salesforce", purpose: "convert", ...about },
        commandKeyLength,
      );
      return [{ ...about, data: { prospectId, accountId } }];
    },
    send({ idempotencyKey, data: { prospectId, accountId } }, means) {
      return whileSignedIn(origin, means, async (call) => {
        const marked = await call({
          operation: "mark-lead",
          method: "PATCH",
          path: `${dataPath}/sobjects/Lead/Lead_Key__c/${encodeURIComponent(prospectId)}?updateOnly=true`,
          body: { Command_Key__c: idempotencyKey, Account_Key__c: accountId },
        });
        const { id } = (jsonOf(marked.text) ?? {}) as { readonly id?: unknown };
        if (marked.status !== 200 || typeof id !== "string") return replyOf(marked);
        const converted = await call({
          operation: "convert-lead",
          method: "POST",
          path: soapPath,
          envelope: (token) => convertLeadMessage(token, id),
        });
        const { status, text } = converted;
        return { status: String(status), raw: text, body: readConversion(text) } satisfies Reply;
      });
    },
    async inquire({ idempotencyKey }, means) {
      const marked = `WHERE Command_Key__c = ${soqlText(idempotencyKey)}`;
      const soql = soqlQuery(["Id", "IsConverted", "ConvertedAccountId"], "Lead", marked);
      const path = `${dataPath}/query?${new URLSearchParams({ q: soql })}`;
      return callSignedIn(origin, { operation: "look-for-lead", method: "GET", path }, means);
    },
    translate({ body, status }, of) {
      const code = codeOf(body);
      if (status !== "200" || code !== null) return { says: "code", code: code ?? `HTTP ${status}` };
      const said = body as Static<typeof Said>;
      if (of === "inquiry") {
        if (!("records" in said)) throw new Error("not the answer to a query");
        const [found] = said.records;
        if (found?.IsConverted !== true) return { says: "not-known" };
        const reference = found.ConvertedAccountId;
        // The account may have been removed since; the conversion is done all the same.
        return { says: "completed", ...(reference === null ? {} : { reference }) };
      }
      if (!("accountId" in said)) throw new Error("not the answer to a conversion");
      return { says: "completed", reference: said.accountId };
    },
    tells(news) {
      const outcome = outcomeOf(news);
      if (outcome === undefined) return [];
      const { key: prospectId, aggregateId: conversionId, externalReference: value } = news.handOff;
      const data: NoteProspectConversion = {
        prospectId,
        conversionId,
        outcome,
        externalReference:
          outcome === "done" && value !== null ? { system: "salesforce", kind: "account id", value } : null,
        code: news.code,
      };
      return [{ type: noteProspectConversion.type, schemaVersion: "1.0.0", key: prospectId, data }];
    },
    times: writeTimes,
    limits: writeLimits,
    order: "per-key",
  }) as HandOffTreaty;
}
