import type { Runbook, SheetText, TreatyAnswers, TreatyStyle } from "@entente/core";

/** Contract sheet and runbook of the questions to SAP's quota logic, while that is taken apart (stage 2). */

export const quotaSheet: SheetText = {
  purpose:
    "While quota decisions move from SAP to the subscription, each account's quota is decided in one place: SAP is asked for those it still keeps, and told which it keeps no more.",
  owner:
    "SAP Core owns the quota of an account that is lent to it; the subscription squad owns all others and the share.",
  authority:
    "SAP for the accounts it keeps: what it has released it answers with not-here, whatever anybody believes.",
  direction: "Outbound: Flux asks, lends, restores and recalls. SAP calls nothing of ours.",
  protocol: "HTTPS, JSON: POST and GET /sap/bc/flux/quota, a service of our own at SAP.",
  trigger:
    "The facts flux.quota-asked (a top-up of an account that SAP keeps), flux.quota-lent, flux.quota-restored and flux.quota-recalled.",
  correlationId:
    "The key of the hand-off is the key of the decision over there; the process is that of the top-up.",
  tenantPropagation: "The tenant is a field of every question, and part of every key.",
  stateImpact:
    "taken: the top-up is debited as SAP split it. exceeded: it is refused. not-here: it is decided here. released: the account is decided here from then on.",
  auditEvidence:
    "Entries entente.hand-off-* and flux.quota-* of the subscription's journal, in the process of the top-up or of the move.",
  replayBehaviour: "A fact read again finds its hand-off; a question sent again is answered as before.",
  reconciliationPath:
    "SAP is asked for the decision under our key: found it counts, not found it is sent again.",
  securityControl:
    "Basic authentication of the communication user that posts; TLS; connections to SAP's host only.",
  dashboard: "GET /ops/treaties and the metrics entente_treaty_* of treaty sap-quota; GET /quota-share.",
};

export const quotaRunbook: Runbook = {
  integrationName: "sap-quota: quota decisions of accounts not moved yet",
  businessOwner: "Head of product, subscription",
  technicalOwner: "Integration Platform",
  targetSystemOwner: "SAP Core",
  dataClassification: "Account ids and units; no names and no money.",
  protocol: "JSON over HTTPS, one question a message.",
  normalFlow:
    "Top-up, question, answer with the split, debit. A move of the share: a recall per account, released, decided here from then on.",
  knownExternalStatuses:
    "200 with says: taken, exceeded, not-here, kept, released, restored. 404 not-known: never decided. 422 ZQ/010 blocked.",
  retryPolicy:
    "Not reached or throttled (429): again after 1 s, doubling to 1 min, up to 100 times. Anything that may have been decided is asked for first.",
  timeoutPolicy: "10 s for an answer, then unknown; asked about after 30 s.",
  reconciliationJob: "Every minute over what is unknown; also started by an operator.",
  dashboardLink: "GET /ops/treaties; metrics entente_treaty_* of treaty sap-quota.",
  alertThresholds: "Oldest question or recall without an answer over 1 min; any case of sap-quota.",
  deadLetterHandling:
    "A blocked account and a question that stays unknown become cases of the subscription's product owner; the top-up is queued meanwhile.",
  manualRecoveryActions:
    "ZQ/010: have the quota unblocked, then send anew. Unknown over 4 h: look for the key in SAP's decisions; is it not there, send anew. Giving a question up refuses its top-up. A recall must not be given up: send it anew.",
  securityCredentials:
    "user and password of the communication user (ENTENTE_SAP_USER, ENTENTE_SAP_PASSWORD).",
  secretRotation:
    "Create the second communication user, change both variables, restart, lock the first. A refused logon stops the treaty and pages once.",
  commonIncidents:
    "SAP is away: top-ups of the accounts it keeps are queued, those of moved accounts go on. This is why the share is moved.",
  disableSwitch:
    "Stop the treaty sap-quota (POST /ops/treaties/sap-quota/stop). Top-ups of accounts that SAP keeps wait; a move of the share waits, too.",
  escalationContacts: "SAP Core on duty for outages, integration platform for everything else.",
  auditEvidenceLocation: "Journal of the subscription context (flux.quota-*, entente.hand-off-*).",
};

export const quotaAnswersOfTreaty: TreatyAnswers = {
  whoOwnsTheFact:
    "SAP the decision about an account it keeps, the subscription the debit that follows from it.",
  whoMayAsk: "The subscription context, for facts of its own; persons through cases.",
  whatIsTheContract: "The JSON of /sap/bc/flux/quota, and quota-keeper.ts.",
  whatDoesSuccessMean:
    "SAP has answered: taken, exceeded, not-here, or that it keeps, has restored or has released.",
  whatDoesRejectionMean: "The account's quota is blocked over there. Nothing was decided; a person looks.",
  whatDoesTimeoutMean: "It may be decided. They are asked for our key before anything is sent again.",
  whatIsSafeToRetry: "Everything: the same key is decided once.",
  howAreDuplicatesFound: "By the key of the hand-off, which is the key of the decision.",
  howIsDisagreementSettled:
    "SAP's figures count until it has released the account, and are taken over when it does.",
  whatIsAudited: "Every question and answer, every move of the share and of an account, with who and when.",
  whoMayRepair: "The subscription's product owner decides cases; sending many anew takes a second person.",
};

export const quotaStyle: TreatyStyle = {
  userWaitsForTheAnswer: false,
  runsLong: false,
  counterpartyMayBeAway: true,
  hasAnEffect: true,
  staleAnswerWillDo: false,
  flowNeedsTheResult: true,
};
