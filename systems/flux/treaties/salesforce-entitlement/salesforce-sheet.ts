import type { Runbook, SheetText, TreatyAnswers } from "@entente/core";

/** Contract sheets and runbooks of the treaties with Salesforce about entitlements. What all treaties with it have in common stands once. */

export const parties = {
  owner: "Customer operations owns the request; the CRM team owns the answer.",
  authority: "Salesforce: its record decides who a customer is and what an account is entitled to.",
  correlationId:
    "The process of the order, in every entry of the journal; over there our key in Command_Key__c.",
  tenantPropagation:
    "One org is one tenant's. The tenant is part of the treaty and of every key; no call names another's records.",
  securityControl:
    "OAuth 2.0 client credentials of a connected app that runs as an integration user with rights on Account, Entitlement__c, Case, Lead and Contact only; TLS; connections to the org's host alone.",
} as const;

export const people = {
  businessOwner: "Head of customer operations",
  technicalOwner: "Integration Platform",
  targetSystemOwner: "Salesforce CRM",
  dataClassification:
    "Personal data: account keys and entitlements. No names, addresses or means of payment are read or written.",
  dashboardLink: "GET /ops/treaties and the metrics entente_treaty_* of treaty salesforce-entitlement",
  securityCredentials:
    "clientId and clientSecret of the connected app, from ENTENTE_SALESFORCE_CLIENT_ID and ENTENTE_SALESFORCE_CLIENT_SECRET.",
  secretRotation:
    "Every 90 days: make a second secret in the connected app, put it into the environment, restart, withdraw the first. Both are good meanwhile.",
  escalationContacts:
    "CRM on-call, then the Salesforce administrator on duty, then Salesforce support with the org id.",
} as const;

export const retriesOfReading =
  "After trouble a new connection, first after one second, then twice as late each time up to a minute, with a quarter of jitter. Refused credentials are not tried again: they stop the treaty and open a case.";

export const salesforceAnswers: TreatyAnswers = {
  whoOwnsTheFact: "Salesforce owns customers and entitlements. Flux holds copies that say how old they are.",
  whoMayAsk: "The entitlement context of Flux, as the integration user of the tenant's org.",
  whatIsTheContract:
    "Entitlement__c by its external id Entente_Key__c with a version that must rise, Account by Account_Key__c, and the change events of both.",
  whatDoesSuccessMean:
    "The record over there has the content and carries our key. Only then is an order confirmed.",
  whatDoesRejectionMean:
    "A rule of theirs said no, most often because the entitlement moved on after the order. Nothing has changed; the customer is told and may order again.",
  whatDoesTimeoutMean:
    "It may have happened. Before anything is sent again they are asked for the record with our key.",
  whatIsSafeToRetry:
    "Reading always. A write only after they said it was not done: UNABLE_TO_LOCK_ROW, REQUEST_LIMIT_EXCEEDED, or no record with our key ten minutes later.",
  howAreDuplicatesFound:
    "A write under the same external id, version and content changes nothing over there; events are told apart by what the record then says, so that an event told twice is no news.",
  howIsDisagreementSettled:
    "Salesforce wins. A reading of everything, daily and after every gap, replaces what we hold.",
  whatIsAudited:
    "Every order with its hand-off, answer and hash; every observation with the place in their feed; every reading with what it corrected.",
  whoMayRepair:
    "Entitlements: CRM staff, in Salesforce. Hand-offs: an operator of Flux with a reason; many at once need two.",
};

export const changeSheet: SheetText = {
  ...parties,
  purpose: "A change of plan that a customer orders is written at Salesforce before it is in force anywhere.",
  direction: "Flux to Salesforce",
  protocol: "HTTPS, REST API v67.0: PATCH sobjects/Entitlement__c/Entente_Key__c/{key}",
  trigger: "The fact flux.plan-ordered of the entitlement context",
  stateImpact:
    "Completed: the order is confirmed and the plan in force. Rejected: the order has failed. Unknown: the order is shown as under way.",
  auditEvidence:
    "Entries entente.hand-off-* of the entitlement journal: key, hashes of request and answer, their record id.",
  replayBehaviour: "Reading the journal again opens nothing twice: the order's id is the key.",
  reconciliationPath:
    "They are asked for the record whose Command_Key__c is our key: found is done, not found ten minutes after sending is not done.",
  dashboard: "/ops/treaties: salesforce-entitlement",
};

export const changeRunbook: Runbook = {
  ...people,
  integrationName: "salesforce-entitlement",
  protocol: "REST API v67.0, one upsert per order",
  normalFlow:
    "Order, sign-in, upsert, 200, order confirmed; the change event of our own write follows and says the same.",
  knownExternalStatuses:
    "200 changed, 201 made, 300 several matches, 400 refused by record, 401, 403, 404, 500, 503; codes on the error map.",
  retryPolicy:
    "At most 50 sendings, five seconds to 15 minutes apart. An order waits through an outage; it is never confirmed without them.",
  timeoutPolicy:
    "20 s for an answer, then unknown; asked about after ten minutes, which is their longest transaction.",
  reconciliationJob: "Every 15 minutes over what is unknown; also started by an operator.",
  alertThresholds:
    "One blocked hand-off; five in fallout; an unknown one older than an hour; API calls or delivered events from 80 % of the day's.",
  deadLetterHandling:
    "A case with the head of customer operations as owner. Codes that are not on the map arrive here, too.",
  manualRecoveryActions:
    "Look at the record in Salesforce: does it carry the key in Command_Key__c? Then 'it was done' with the record id, else 'send anew' or 'give up'.",
  commonIncidents:
    "FIELD_CUSTOM_VALIDATION_EXCEPTION: an agent changed the entitlement meanwhile, nothing to do. INVALID_SESSION_ID or invalid_client: the secret was rotated on one side only. REQUEST_LIMIT_EXCEEDED, or a case budget-nearly-used before it: the callers are in GET /ops/treaties under budgets; if none of ours stands out, another integration of the org used up the day.",
  disableSwitch:
    "Operator stops the treaty salesforce-entitlement with a reason; orders wait, nothing is lost.",
  auditEvidenceLocation: "Journal of the context entitlement, by the process of the order",
};

export const changesSheet: SheetText = {
  ...parties,
  purpose: "Flux knows what accounts are entitled to, also while Salesforce is away.",
  direction: "Salesforce to Flux",
  protocol:
    "HTTPS, Change Data Capture over CometD v67.0 on /data/ChangeEvents with replay ids; records by SOQL queryAll",
  trigger: "Any committed change of Account or Entitlement__c, whoever made it",
  stateImpact:
    "The entitlement of the account is replaced by what the record says; nothing of ours can keep it from that.",
  auditEvidence:
    "The commands flux.note-entitlement with the replay id as place; entries entente.feed-read for every reading.",
  replayBehaviour:
    "An event told again brings the record as it is now; the same content is not told to the context again.",
  reconciliationPath:
    "Every record is read and compared, daily, at the first start, and whenever the place in the feed is not kept any more.",
  dashboard: "/ops/treaties: salesforce-entitlement-changes, with how long ago it was heard",
};

export const changesRunbook: Runbook = {
  ...people,
  integrationName: "salesforce-entitlement-changes",
  protocol: "CometD long polling; SOQL for the records",
  normalFlow:
    "Handshake, subscription after the stored replay id, polls of up to 110 s; for each batch of events one query per object, one transaction.",
  knownExternalStatuses:
    "Bayeux: 400 the replay id is not kept, 401 the session has ended, 403 limit or unknown client, 404 no such channel.",
  retryPolicy: retriesOfReading,
  timeoutPolicy: "A poll that says nothing for 135 s is given up and made anew from the stored place.",
  reconciliationJob:
    "A reading of all records every 24 hours; by hand: stop the treaty, set its place to null, let it go on.",
  alertThresholds:
    "State away for five minutes; heard more than ten minutes ago; a reading that corrected anything although the feed was never away in a day.",
  deadLetterHandling: "A record that is not as agreed is left out, opens a case, and holds up no other.",
  manualRecoveryActions: "Correct the record in Salesforce: its change event brings it again.",
  commonIncidents:
    "Away for more than 72 hours: the place is not kept, everything is read, nothing to do. No events though records change: the object is not selected for Change Data Capture in the org's setup. A case credentials-refused: the secret was rotated on one side only; mend it, then resume-treaty.",
  disableSwitch:
    "Operator stops the treaty salesforce-entitlement-changes; answers go on from the projection and are marked stale.",
  auditEvidenceLocation:
    "Journal of the context entitlement; table entente.followed_feed for where it stands",
};

export const nowSheet: SheetText = {
  ...parties,
  purpose: "Whoever must not decide on a copy is told what Salesforce says at this moment.",
  direction: "Flux asks Salesforce",
  protocol: "HTTPS, SOQL over REST API v67.0",
  trigger: "GET /accounts/{id}/entitlement?fresh=true",
  stateImpact: "None.",
  auditEvidence: "None is written: nothing is decided by it.",
  replayBehaviour: "Asking again is harmless.",
  reconciliationPath: "None is needed: it reads.",
  dashboard: "/ops/treaties: salesforce-entitlement-now",
};

export const nowRunbook: Runbook = {
  ...people,
  integrationName: "salesforce-entitlement-now",
  protocol: "One SOQL query per question",
  normalFlow: "Query, answer within three seconds, told as fresh.",
  knownExternalStatuses: "200, 400 malformed query, 401, 403 limit, 500, 503",
  retryPolicy:
    "None: somebody waits. The last answer of at most 24 hours, else the projection, both marked with their age. Refused credentials stop the treaty and open a case.",
  timeoutPolicy: "Three seconds in all, sign-in included.",
  reconciliationJob: "None.",
  alertThresholds:
    "None of its own: a stale answer says that it is one, and salesforce-entitlement-changes tells that Salesforce is away.",
  deadLetterHandling: "None: nothing is kept.",
  manualRecoveryActions: "After refused credentials: renew the secret, then resume-treaty on the case.",
  commonIncidents:
    "Stale answers: Salesforce is away or slow; see the status of the org. Busy: more than eight questions at once, or ten in a second, in one process. A case credentials-refused: the secret was rotated on one side only.",
  disableSwitch:
    "Operator stops the treaty salesforce-entitlement-now with a reason; nobody asks Salesforce, and fresh=true is answered at once by the last answer or the projection, marked stale with its age.",
  auditEvidenceLocation: "None is written.",
};
