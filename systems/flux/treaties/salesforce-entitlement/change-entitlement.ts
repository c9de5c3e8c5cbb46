import type { HandOffTreaty } from "@entente/core";
import { Type } from "typebox";
import { entitlementMembers } from "../../contexts/entitlement/contract/entitlement.ts";
import {
  type NoteOrderOutcome,
  noteOrderOutcome,
  type PlanOrdered,
  planOrdered,
} from "../../contexts/entitlement/contract/order-plan.ts";
import { fieldsOf } from "./entitlement-record.ts";
import { salesforceErrors } from "./salesforce-errors.ts";
import { dataPath, replyOf } from "./salesforce-session.ts";
import { changeRunbook, changeSheet, salesforceAnswers } from "./salesforce-sheet.ts";
import { doneAs, salesforceWrite, UpsertSaid, upserted, type WrittenOrg } from "./salesforce-write.ts";
import { outcomeOf, writeLimits, writeTimes } from "./write-terms.ts";

/**
 * A change of entitlement that a customer has ordered lands at Salesforce before it is in force anywhere. The upsert names the record by
 * our external id and carries our key as its mark; its version is one above the one the customer saw, so that an order made on
 * old knowledge is refused over there and not merged.
 */
export function changeEntitlement(org: WrittenOrg): HandOffTreaty {
  return salesforceWrite<Pick<PlanOrdered, "orderId" | "wanted">>(org, {
    name: "salesforce-entitlement",
    purpose: "change",
    sheet: changeSheet,
    runbook: changeRunbook,
    answers: salesforceAnswers,
    errorMap: salesforceErrors,
    context: "entitlement",
    facts: [planOrdered.type],
    input: Type.Object({ orderId: Type.String(), wanted: Type.Object(entitlementMembers) }),
    output: UpsertSaid,
    mark: { object: "Entitlement__c", field: "Command_Key__c", longest: 80 },
    wanted(fact) {
      const { orderId, wanted } = fact.data as PlanOrdered;
      return { aggregateType: "order", aggregateId: orderId, data: { orderId, wanted } };
    },
    async write({ wanted }, ourKey, ask) {
      const path = `${dataPath}/sobjects/Entitlement__c/Entente_Key__c/${encodeURIComponent(wanted.entitlementId)}`;
      const body = { ...fieldsOf(wanted), Command_Key__c: ourKey };
      return replyOf(await ask({ operation: "write-entitlement", method: "PATCH", path, body }));
    },
    written: upserted,
    // The mark stands with the record until a later order of ours, and that one waits until this one is settled.
    lookFor: { operation: "look-for-order", fields: ["Id"] },
    found: doneAs("Id"),
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
  });
}
