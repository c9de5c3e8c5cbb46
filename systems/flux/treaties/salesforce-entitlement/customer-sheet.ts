import type { Runbook, SheetText, TreatyAnswers } from "@entente/core";
import { parties, people } from "./salesforce-sheet.ts";

/** Contract sheets and runbooks of the two treaties by which cases are opened and prospects become customers. */

const whose = {
  ...parties,
  tenantPropagation:
    "One org is one tenant's. The tenant is part of the treaty and of every key; no call names another's records.",
  replayBehaviour: "Reading the journal again opens nothing twice: the id of the wish is the key.",
} as const;

const who = {
  ...people,
  retryPolicy:
    "At most 50 sendings, five seconds to 15 minutes apart. A wish waits through an outage; it is never confirmed without them.",
  timeoutPolicy:
    "20 s for an answer, then unknown; asked about after ten minutes, which is their longest transaction.",
  reconciliationJob: "Every 15 minutes over what is unknown; also started by an operator.",
  alertThresholds:
    "One blocked hand-off; five in fallout; an unknown one older than an hour; API calls from 80 % of the day's.",
  deadLetterHandling:
    "A case with the head of customer operations as owner. Codes that are not on the map arrive here, too.",
} as const;

export const customerAnswers: TreatyAnswers = {
  whoOwnsTheFact:
    "Salesforce owns support cases and who is a customer. Flux holds what was wished and what Salesforce said of it.",
  whoMayAsk: "The entitlement context of Flux, as the integration user of the tenant's org.",
  whatIsTheContract:
    "Case by its external id Entente_Key__c; Lead by Lead_Key__c and SOAP's convertLead, with Account_Key__c mapped from lead to account.",
  whatDoesSuccessMean:
    "The case is there and has a number, or the lead is converted into an account. Only then is the wish confirmed.",
  whatDoesRejectionMean:
    "A rule of theirs said no. Nothing was opened and nobody became a customer; who asked is told and may ask again.",
  whatDoesTimeoutMean:
    "It may have happened. Before anything is sent again they are asked for the record with our key.",
  whatIsSafeToRetry:
    "Only what they said was not done: UNABLE_TO_LOCK_ROW, REQUEST_LIMIT_EXCEEDED, or nothing done under our key ten minutes later.",
  howAreDuplicatesFound:
    "A case is upserted by our external id, which is unique over there; a lead that is converted refuses to be converted again.",
  howIsDisagreementSettled: "Salesforce wins: what it has under our key is what became of the wish.",
  whatIsAudited: "Every wish with its hand-off, answer and hash, and their number or id of what came of it.",
  whoMayRepair:
    "Cases and leads: CRM staff, in Salesforce. Hand-offs: an operator of Flux with a reason; many at once need two.",
};

export const caseSheet: SheetText = {
  ...whose,
  authority: "Salesforce: a support case is open when it has it.",
  correlationId:
    "The process of the wish, in every entry of the journal; over there our key in Command_Key__c.",
  purpose: "A support case that a customer asks for is opened at Salesforce and is open nowhere before that.",
  direction: "Flux to Salesforce",
  protocol:
    "HTTPS, REST API v67.0: POST composite with allOrNone, of PATCH sobjects/Case/Entente_Key__c/{key} and the reading of CaseNumber",
  trigger: "The fact flux.support-case-requested of the entitlement context",
  stateImpact:
    "Completed: the case is open and its number is shown. Rejected: the process has failed. Unknown: the case is shown as on its way.",
  auditEvidence:
    "Entries entente.hand-off-* of the entitlement journal: key, hashes of request and answer, CaseNumber.",
  reconciliationPath:
    "They are asked for the case whose Command_Key__c is our key: found is done, not found ten minutes after sending is not done.",
  dashboard: "/ops/treaties: salesforce-case",
};

export const caseRunbook: Runbook = {
  ...who,
  integrationName: "salesforce-case",
  protocol: "REST API v67.0, one composite per case",
  dataClassification:
    "Personal data: account keys, and subject and description in the customer's own words. They are stored in the journal of the entitlement context and in no log.",
  dashboardLink: "GET /ops/treaties and the metrics entente_treaty_* of treaty salesforce-case",
  normalFlow:
    "Wish, sign-in, composite, 200, case open; its number is the external reference of the hand-off.",
  knownExternalStatuses:
    "200 with two parts, each 200, 201 or refused with 400, 403, 404; whole: 400, 401, 403, 500, 503; codes on the error map.",
  manualRecoveryActions:
    "Look in Salesforce: is there a case with the key in Command_Key__c? Then 'it was done' with its number, else 'send anew' or 'give up'.",
  commonIncidents:
    "INVALID_FIELD: the account is not known over there, or a field was taken out of the object; see the account, then 'send anew' or 'give up'. FIELD_CUSTOM_VALIDATION_EXCEPTION: a rule of the org refuses the case. REQUEST_LIMIT_EXCEEDED: the callers are in GET /ops/treaties under budgets.",
  disableSwitch: "Operator stops the treaty salesforce-case with a reason; cases wait, nothing is lost.",
  auditEvidenceLocation: "Journal of the context entitlement, by the process of the wish",
};

export const leadSheet: SheetText = {
  ...whose,
  authority: "Salesforce: a prospect is a customer when the lead is converted.",
  correlationId:
    "The process of the wish, in every entry of the journal; over there our key in Command_Key__c of the lead.",
  purpose: "A prospect becomes a customer at Salesforce and is one nowhere before that.",
  direction: "Flux to Salesforce",
  protocol:
    "HTTPS: REST API v67.0, PATCH sobjects/Lead/Lead_Key__c/{key}?updateOnly=true, then SOAP Partner API v67.0, convertLead. REST has no call for it.",
  trigger: "The fact flux.prospect-conversion-requested of the entitlement context",
  stateImpact:
    "Completed: the prospect is a customer with an account. Rejected: the process has failed. Unknown: it is shown as on its way.",
  auditEvidence:
    "Entries entente.hand-off-* of the entitlement journal: key, hashes of request and answer, their account id.",
  reconciliationPath:
    "They are asked for the lead whose Command_Key__c is our key: converted is done; marked only, or not found, ten minutes after sending is not done.",
  dashboard: "/ops/treaties: salesforce-lead",
};

export const leadRunbook: Runbook = {
  ...who,
  integrationName: "salesforce-lead",
  protocol: "REST API v67.0 for the mark, SOAP Partner API v67.0 for the conversion",
  dataClassification:
    "Personal data: keys of prospects and accounts. No names or addresses are read or written.",
  dashboardLink: "GET /ops/treaties and the metrics entente_treaty_* of treaty salesforce-lead",
  normalFlow:
    "Wish, sign-in, mark on the lead, convertLead, success; the change event of the new account follows.",
  knownExternalStatuses:
    "REST: 200, 400, 401, 403, 404, 500, 503. SOAP: 200 with success or the errors of the lead, 500 with a fault; codes on the error map.",
  manualRecoveryActions:
    "Look at the lead in Salesforce: is it converted, with the key in Command_Key__c? Then 'it was done' with the account id, else 'send anew' or 'give up'.",
  commonIncidents:
    "CANNOT_UPDATE_CONVERTED_LEAD: sales converted it by hand, nothing to do. DUPLICATE_VALUE: another account has this key. INVALID_STATUS: the status Closed - Converted is not set up as converted. INSUFFICIENT_ACCESS_OR_READONLY: the integration user lacks 'Convert Leads'. An account without its key: Account_Key__c is not mapped from lead to account in the org's setup.",
  disableSwitch: "Operator stops the treaty salesforce-lead with a reason; prospects wait, nothing is lost.",
  auditEvidenceLocation: "Journal of the context entitlement, by the process of the wish",
};
