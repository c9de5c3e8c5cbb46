import { defineTreaty, type HandOffTreaty } from "@entente/core";
import { type Static, Type } from "typebox";
import { entitlementMembers } from "../../contexts/entitlement/contract/entitlement.ts";
import {
  type NoteOrderOutcome,
  noteOrderOutcome,
  type PlanOrdered,
  planOrdered,
} from "../../contexts/entitlement/contract/order-plan.ts";
import { fieldsOf } from "./entitlement-record.ts";
import { salesforceErrors } from "./salesforce-errors.ts";
import { budgetsOfOrg, type SalesforceOrg } from "./salesforce-org.ts";
import { callSignedIn, codeOf, dataPath, salesforceCredentials } from "./salesforce-session.ts";
import { changeRunbook, changeSheet, salesforceAnswers } from "./salesforce-sheet.ts";
import { soqlQuery, soqlText } from "./soql.ts";
import { checkMarkFits, outcomeOf, writeLimits, writeStyle, writeTimes } from "./write-terms.ts";

const Wanted = Type.Object({ orderId: Type.String(), wanted: Type.Object(entitlementMembers) });

/** The answer to an upsert, or the records with our mark. */
const Said = Type.Union([
  Type.Object({ id: Type.String(), success: Type.Literal(true) }),
  Type.Object({ totalSize: Type.Integer(), records: Type.Array(Type.Object({ Id: Type.String() })) }),
]);

/** Longest key their field for it holds. */
const commandKeyLength = 80;

/**
 * A change of entitlement that a customer has ordered lands at Salesforce before it is in force anywhere. The upsert names the record by
 * our external id and carries our key as its mark; its version is one above the one the customer saw, so that an order made on
 * old knowledge is refused over there and not merged. Without a tenant the org is everybody's who asks: for tests of the treaty alone.
 */
export function changeEntitlement({
  origin,
  tenantId,
  ...allowed
}: Omit<SalesforceOrg, "tenantId"> & { readonly tenantId?: string }): HandOffTreaty {
  return defineTreaty({
    name: "salesforce-entitlement",
    version: "1.0.0",
    kind: "command-with-callback",
    target: "salesforce",
    purpose: "change",
    sheet: changeSheet,
    runbook: changeRunbook,
    answers: salesforceAnswers,
    style: writeStyle,
    errorMap: salesforceErrors,
    credentials: salesforceCredentials,
    budgets: budgetsOfOrg(allowed),
    input: Wanted,
    output: Said,
    factsFrom: ["entitlement"],
    facts: [planOrdered.type],
    request(fact) {
      const { orderId, wanted } = fact.data as PlanOrdered;
      // One org is one tenant's: another tenant's order never reaches it.
      if (tenantId !== undefined && fact.tenantId !== tenantId) return [];
      const subject = { aggregateType: "order", aggregateId: orderId, line: null };
      const identity = { tenantId: fact.tenantId, target: "salesforce", purpose: "change", ...subject };
      checkMarkFits(identity, commandKeyLength);
      return [{ ...subject, data: { orderId, wanted } }];
    },
    async send({ idempotencyKey, data }, means) {
      const { wanted } = data;
      const path = `${dataPath}/sobjects/Entitlement__c/Entente_Key__c/${encodeURIComponent(wanted.entitlementId)}`;
      const body = { ...fieldsOf(wanted), Command_Key__c: idempotencyKey };
      return callSignedIn(origin, { operation: "write-entitlement", method: "PATCH", path, body }, means);
    },
    async inquire({ idempotencyKey }, means) {
      const marked = `WHERE Command_Key__c = ${soqlText(idempotencyKey)}`;
      const soql = soqlQuery(["Id", "Version_Number__c"], "Entitlement__c", marked);
      const path = `${dataPath}/query?${new URLSearchParams({ q: soql })}`;
      return callSignedIn(origin, { operation: "look-for-order", method: "GET", path }, means);
    },
    translate({ body, status }, of) {
      if (status !== "200" && status !== "201")
        return { says: "code", code: codeOf(body) ?? `HTTP ${status}` };
      const said = body as Static<typeof Said>;
      if (of === "inquiry") {
        if (!("records" in said)) throw new Error("not the answer to a query");
        const [record] = said.records;
        // The mark stands with the record until a later order of ours, and that one waits until this one is settled.
        return record === undefined ? { says: "not-known" } : { says: "completed", reference: record.Id };
      }
      if (!("id" in said)) throw new Error("not the answer to an upsert");
      return { says: "completed", reference: said.id };
    },
    tells(news) {
      const outcome = outcomeOf(news);
      if (outcome === undefined) return [];
      const { handOff, code } = news;
      const { key: accountId, aggregateId: orderId } = handOff;
      const data: NoteOrderOutcome = { accountId, orderId, outcome, code };
      return [{ type: noteOrderOutcome.type, schemaVersion: "1.0.0", key: accountId, data }];
    },
    times: writeTimes,
    limits: writeLimits,
    order: "per-key",
  }) as HandOffTreaty;
}
