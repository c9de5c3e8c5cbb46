import type { Runbook, SheetText, TreatyAnswers } from "@entente/core";
import { parties, people, retriesOfReading } from "../salesforce-entitlement/salesforce-sheet.ts";

/** Contract sheets and runbooks of the three treaties that lead a top-up through Salesforce (stage A). What they have in common stands once. */

const own = {
  ...parties,
  owner: "The CRM team owns the process of a top-up; customer operations owns what customers are told.",
  authority: "Salesforce: an account may top up when its record of the request says that it was taken.",
  correlationId:
    "The process of the top-up is the external id Entente_Key__c, and stands in every entry of every journal.",
  securityControl:
    "OAuth 2.0 client credentials of the connected app that runs as the integration user, with rights on Top_Up_Request__c besides; TLS; connections to the org's host alone.",
} as const;

const dealings = {
  ...people,
  businessOwner: "Head of customer operations",
  dataClassification:
    "Personal data: account and condenser keys with units. No names, addresses or means of payment are read or written.",
  auditEvidenceLocation: "Journal of the context request, by the process of the top-up",
} as const;

export const requestAnswers: TreatyAnswers = {
  whoOwnsTheFact: "Salesforce owns whether a top-up was taken; the quota book and SAP own what it did.",
  whoMayAsk: "The request context of Flux, as the integration user of the tenant's org.",
  whatIsTheContract:
    "Top_Up_Request__c by its external id Entente_Key__c, two marks on it, and the change events of that object.",
  whatDoesSuccessMean:
    "The record stands over there with our mark. A top-up is carried out when their feed tells of it, and confirmed when its outcome is written.",
  whatDoesRejectionMean:
    "A rule of theirs said no: the account has no active entitlement. Nothing is carried out, and the customer is told.",
  whatDoesTimeoutMean: "It may be recorded. Before anything is sent again they are asked for our mark.",
  whatIsSafeToRetry:
    "Reading always. A write only after they said it was not done: UNABLE_TO_LOCK_ROW, REQUEST_LIMIT_EXCEEDED, or no record with our mark ten minutes later.",
  howAreDuplicatesFound:
    "One external id is one record. A request that the feed tells of twice is where it was: each step is taken once.",
  howIsDisagreementSettled:
    "Salesforce decides what is requested; a request that was carried out is closed by what really happened.",
  whatIsAudited:
    "Every hand-off with its answer and hash, every word of the feed with its place, every step.",
  whoMayRepair: "Requests: CRM staff, in Salesforce. Hand-offs: an operator of Flux with a reason.",
};

export const recordSheet: SheetText = {
  ...own,
  purpose: "A top-up that a customer asks for is checked and recorded at Salesforce before anything is done.",
  direction: "Flux to Salesforce",
  protocol: "HTTPS, REST API v67.0: PATCH sobjects/Top_Up_Request__c/Entente_Key__c/{process}",
  trigger: "The fact flux.top-up-submitted of the request context",
  stateImpact:
    "Completed: nothing yet, their feed brings the request. Rejected: the top-up has failed and nothing was debited. Unknown or waiting: it is queued.",
  auditEvidence:
    "Entries entente.hand-off-* of the request journal, purpose request, in the process of the top-up.",
  replayBehaviour: "Reading the journal again opens nothing twice: the process is the key.",
  reconciliationPath:
    "They are asked for the record whose Command_Key__c is our key: found is recorded, not found ten minutes after sending is not.",
  dashboard: "/ops/treaties: salesforce-top-up",
};

export const recordRunbook: Runbook = {
  ...dealings,
  integrationName: "salesforce-top-up",
  protocol: "REST API v67.0, one upsert per top-up",
  normalFlow: "Top-up, sign-in, upsert, 201; the change event of our own write follows and starts the work.",
  knownExternalStatuses:
    "200 changed, 201 made, 400 refused by record, 401, 403, 500, 503; codes on the error map.",
  retryPolicy:
    "At most 100 sendings, two seconds to five minutes apart. A top-up waits through an outage, queued; nothing is carried out without them.",
  timeoutPolicy:
    "20 s for an answer, then unknown; asked about after ten minutes, their longest transaction.",
  reconciliationJob: "Every five minutes over what is unknown; also started by an operator.",
  dashboardLink: "GET /ops/treaties and the metrics entente_treaty_* of treaty salesforce-top-up",
  alertThresholds: "Oldest top-up not recorded over 5 min; one blocked top-up; five top-ups in fallout.",
  deadLetterHandling:
    "A case with the head of customer operations. A refusal for a missing entitlement is one, too: it is closed once the customer was told.",
  manualRecoveryActions:
    "Look for the record by its external id, the process. It is there with our mark: 'it was done'. It is not: 'send anew' or 'give up'; a request given up is never carried out.",
  commonIncidents:
    "Salesforce is away: everything is queued and catches up by itself. FIELD_CUSTOM_VALIDATION_EXCEPTION in numbers: entitlements were suspended by mistake. REQUEST_LIMIT_EXCEEDED: a top-up costs four calls of the day.",
  disableSwitch: "Operator stops the treaty salesforce-top-up with a reason; top-ups queue, nothing is lost.",
};

export const feedSheet: SheetText = {
  ...own,
  purpose: "Flux hears of every top-up that Salesforce has recorded, and carries it out.",
  direction: "Salesforce to Flux",
  protocol:
    "HTTPS, Change Data Capture over CometD v67.0 on /data/Top_Up_Request__ChangeEvent with replay ids; records by SOQL queryAll",
  trigger: "Any committed change of Top_Up_Request__c, whoever made it",
  stateImpact:
    "An open request is carried out as its record says. One that was cancelled before has failed. Later changes change nothing here.",
  auditEvidence:
    "The commands flux.note-request with the replay id as place, in the process of the top-up; entries entente.feed-read for every reading.",
  replayBehaviour: "A request told again is where it was, and is not carried out twice.",
  reconciliationPath:
    "The open requests are read and compared, hourly, at the first start, and whenever the place in the feed is not kept any more.",
  dashboard: "/ops/treaties: salesforce-top-up-requests, with how long ago it was heard",
};

export const feedRunbook: Runbook = {
  ...dealings,
  integrationName: "salesforce-top-up-requests",
  protocol: "CometD long polling; SOQL for the records",
  normalFlow: "Subscription after the stored replay id; for each batch of events one query, one transaction.",
  knownExternalStatuses:
    "Bayeux: 400 the replay id is not kept, 401 the session has ended, 403 limit or unknown client, 404 no such channel.",
  retryPolicy: retriesOfReading.replace("one second", "half a second").replace("a minute", "15 s"),
  timeoutPolicy: "A poll that says nothing for 135 s is given up and made anew from the stored place.",
  reconciliationJob:
    "A reading of the open requests every hour; by hand: stop the treaty, set its place to null.",
  dashboardLink: "GET /ops/treaties and the metrics entente_treaty_* of treaty salesforce-top-up-requests",
  alertThresholds: "Requests not followed for one minute; requests heard more than five minutes ago.",
  deadLetterHandling: "A record that is not as agreed is left out, opens a case, and holds up no other.",
  manualRecoveryActions: "Correct the record in Salesforce: its change event brings it again.",
  commonIncidents:
    "No events though requests are made: the object is not selected for Change Data Capture. Delivered events run out: a top-up costs two here, and two more where /data/ChangeEvents is followed besides.",
  disableSwitch: "Operator stops the treaty salesforce-top-up-requests; recorded top-ups wait, queued.",
};

export const closeSheet: SheetText = {
  ...own,
  purpose:
    "What became of a top-up stands in Salesforce's record before the customer is told that it is confirmed.",
  direction: "Flux to Salesforce",
  protocol:
    "HTTPS, REST API v67.0: PATCH sobjects/Top_Up_Request__c/Entente_Key__c/{process}?updateOnly=true",
  trigger: "The fact flux.request-settled of the request context",
  stateImpact:
    "Completed, or given up by a person: the top-up is confirmed, if it was posted. Else it stays under way.",
  auditEvidence:
    "Entries entente.hand-off-* of the request journal, purpose outcome, in the process of the top-up.",
  replayBehaviour: "Reading the journal again opens nothing twice: the process is the key.",
  reconciliationPath:
    "They are asked for the record whose Outcome_Key__c is our key: found is written, not found ten minutes after sending is not.",
  dashboard: "/ops/treaties: salesforce-top-up-outcome",
};

export const closeRunbook: Runbook = {
  ...dealings,
  integrationName: "salesforce-top-up-outcome",
  protocol: "REST API v67.0, one update per top-up",
  normalFlow: "Posted, sign-in, update, 200, the top-up is confirmed.",
  knownExternalStatuses:
    "200 changed, 400 refused by record, 401, 403, 404 removed, 500, 503; codes on the error map.",
  retryPolicy:
    "At most 100 sendings, two seconds to five minutes apart; a top-up is not confirmed meanwhile.",
  timeoutPolicy:
    "20 s for an answer, then unknown; asked about after ten minutes, their longest transaction.",
  reconciliationJob: "Every five minutes over what is unknown; also started by an operator.",
  dashboardLink: "GET /ops/treaties and the metrics entente_treaty_* of treaty salesforce-top-up-outcome",
  alertThresholds: "Oldest outcome not written over 5 min; any refused outcome.",
  deadLetterHandling:
    "A case with the head of customer operations: what was carried out differs from what the record says.",
  manualRecoveryActions:
    "Cancelled over there after it was carried out: correct the record by hand and say 'it was done', or 'give up'. Both confirm the top-up, which did happen.",
  commonIncidents:
    "FIELD_CUSTOM_VALIDATION_EXCEPTION: an agent closed the request by hand. NOT_FOUND: removed by hand.",
  disableSwitch:
    "Operator stops the treaty salesforce-top-up-outcome; top-ups stay under way, nothing is lost.",
};
