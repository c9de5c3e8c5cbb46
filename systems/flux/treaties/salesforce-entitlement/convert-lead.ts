import type { HandOffTreaty, Reply, Translation } from "@entente/core";
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
import { dataPath, jsonOf, replyOf } from "./salesforce-session.ts";
import { salesforceWrite, type WrittenOrg } from "./salesforce-write.ts";
import { outcomeOf, writeLimits, writeTimes } from "./write-terms.ts";

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

/**
 * A prospect becomes a customer at Salesforce and is one nowhere before that. REST has nothing for it, so it is two calls: our key and the account's
 * are written to the lead, which is no conversion yet, then SOAP's convertLead makes account and contact of it. A lead is converted once and never
 * again: that is their own guard against a repeat, and the mark tells whose conversion it was. What breaks off between the two is found unconverted.
 */
export function convertLead(org: WrittenOrg): HandOffTreaty {
  return salesforceWrite<Static<typeof Wanted>>(org, {
    name: "salesforce-lead",
    purpose: "convert",
    sheet: leadSheet,
    runbook: leadRunbook,
    answers: customerAnswers,
    errorMap: leadErrors,
    context: "entitlement",
    facts: [prospectConversionRequested.type],
    input: Wanted,
    output: Said,
    mark: { object: "Lead", field: "Command_Key__c", longest: 255 },
    wanted(fact) {
      const { conversionId, prospectId, accountId } = fact.data as ProspectConversionRequested;
      return { aggregateType: "conversion", aggregateId: conversionId, data: { prospectId, accountId } };
    },
    async write({ prospectId, accountId }, ourKey, ask) {
      const marked = await ask({
        operation: "mark-lead",
        method: "PATCH",
        path: `${dataPath}/sobjects/Lead/Lead_Key__c/${encodeURIComponent(prospectId)}?updateOnly=true`,
        body: { Command_Key__c: ourKey, Account_Key__c: accountId },
      });
      const { id } = (jsonOf(marked.text) ?? {}) as { readonly id?: unknown };
      if (marked.status !== 200 || typeof id !== "string") return replyOf(marked);
      const converted = await ask({
        operation: "convert-lead",
        method: "POST",
        path: soapPath,
        envelope: (token) => convertLeadMessage(token, id),
      });
      const { status, text } = converted;
      return { status: String(status), raw: text, body: readConversion(text) } satisfies Reply;
    },
    written(body) {
      const { accountId } = (body ?? {}) as { readonly accountId?: unknown };
      if (typeof accountId !== "string") throw new Error("not the answer to a conversion");
      return { says: "completed", reference: accountId };
    },
    lookFor: { operation: "look-for-lead", fields: ["Id", "IsConverted", "ConvertedAccountId"] },
    found({ IsConverted, ConvertedAccountId: reference }): Translation {
      if (IsConverted !== true) return { says: "not-known" };
      // The account may have been removed since; the conversion is done all the same.
      return { says: "completed", ...(typeof reference === "string" ? { reference } : {}) };
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
  });
}
