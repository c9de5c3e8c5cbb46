import type { Runbook, SheetText, TreatyAnswers, TreatyStyle } from "@entente/core";

/** What the treaty says in words; what code says is not repeated. */
export const sheet: SheetText = {
  purpose:
    "Every confirmed top-up and every undo of one stands in the general ledger, once, in double entry.",
  owner: "Flux's ledger context owns the entry that is owed; SAP finance owns the document and its number.",
  authority:
    "SAP: an entry is posted when the books have a document with its reference, whatever any answer said.",
  direction: "Outbound: Flux posts and reads back. SAP calls nothing of ours.",
  protocol:
    "SOAP Journal Entry Post, synchronous (SAP_COM_0002), many entries a message; read back by OData v2 API_OPLACCTGDOCITEMCUBE_SRV.",
  trigger:
    "The facts flux.balance-debited and flux.quota-debit-undone, gathered into batches of up to 100 entries per tenant.",
  correlationId:
    "The process id of the top-up stands in the text of every line; the reference is derived from the row's key.",
  tenantPropagation:
    "The tenant is part of every key and so of every reference; a batch never mixes tenants.",
  stateImpact:
    "None on top-ups: they are confirmed before anything is posted. A row becomes completed or rejected here.",
  auditEvidence:
    "Opening entry with every row, each move with code and hash of the answer, comparisons of reconciliation; in SAP the document itself.",
  replayBehaviour:
    "A fact read again finds its row and opens nothing. A sending without an answer is read back before anything is repeated.",
  reconciliationPath:
    "Open rows are looked for by reference in the item cube; found is completed, not found is sent again. Each closed day's sums are compared by company code, currency and account.",
  securityControl:
    "Basic authentication of a communication user that may post and read in one company code; TLS; connections to SAP's host only.",
  dashboard: "GET /ops/treaties and the metrics entente_treaty_* of treaty sap-ledger.",
};

export const runbook: Runbook = {
  integrationName: "sap-ledger: top-ups to the general ledger",
  businessOwner: "Accounting, general ledger",
  technicalOwner: "Integration Platform",
  targetSystemOwner: "SAP Core",
  dataClassification: "Financial, with account ids and no names. Texts and amounts are never logged.",
  protocol: "SOAP Journal Entry Post (synchronous) and OData v2 over HTTPS.",
  normalFlow:
    "Facts gather into a batch, one message posts it, the confirmation names a document per entry, the batch is completed.",
  knownExternalStatuses:
    "605(RW) posted; 609(RW) and the message after it: not posted, and why. Severity 1 and 2 are success, 3 is refusal; another one is a case. 117(F5) and 611(RW), duplicate: their document is compared with the entry.",
  retryPolicy:
    "Not reached, throttled (429) or refused outside the batch window (SAP's own fault, 503 with Retry-After): again after 10 s, doubling to 10 min. Anything that may have posted, such as a gateway's 503, is read back first, never repeated blindly.",
  timeoutPolicy:
    "20 s for an answer. Then the batch is unknown, and the books are asked after two minutes, in which a late posting would have come.",
  reconciliationJob:
    "Every five minutes: open rows against the item cube by reference. An hour after each day (UTC): sums of the last seven posting days on accounts 11002000, 23200000, 41000000, 41100000, ours against the cube's; entries entente.reconciliation-run in the ledger's journal.",
  dashboardLink: "GET /ops/treaties; metrics entente_treaty_* of treaty sap-ledger.",
  alertThresholds:
    "Oldest unposted batch over 1 h; any rejected row; any day whose sums differ; any case of this treaty.",
  deadLetterHandling:
    "Rejected rows and unknown batches become cases of accounting; nothing is dropped and nothing is posted by hand without its reference.",
  manualRecoveryActions:
    "Sums differ: the case names the documents; explain and close it, or reverse what is wrong and post what is missing. 201(F5): have the period opened, then rework. 507(F5), 351(F5): mend the account, then rework. Unknown over 4 h: look for the references in FB03 by reference, then decide the case.",
  securityCredentials:
    "user and password of the communication user (ENTENTE_SAP_USER, ENTENTE_SAP_PASSWORD).",
  secretRotation:
    "Create the second communication user, change both variables, restart, lock the first. A refused logon stops the treaty and pages once.",
  commonIncidents:
    "Month end: the old period closes before the last entries of its last day are posted. Batch window: SAP's fault with 503 and Retry-After; the same from a gateway is doubt. Locked account 042(MC): passes by itself.",
  disableSwitch:
    "Stop the treaty sap-ledger (POST /ops/treaties/sap-ledger/stop). Top-ups go on; batches wait.",
  escalationContacts:
    "Accounting on duty for rejected entries, SAP Core on duty for outages, integration platform for everything else.",
  auditEvidenceLocation:
    "Journal of the ledger context (entente.hand-off-*), and the documents in the company code of the tenant by reference.",
};

/** Where somebody waits for the books: one entry a message. What is not said here is as in the ledger's. */
export const postingSheet: SheetText = {
  ...sheet,
  purpose: "A top-up is confirmed when the general ledger has its document, and not before.",
  protocol:
    "SOAP Journal Entry Post, synchronous (SAP_COM_0002), one entry a message; read back by OData v2 API_OPLACCTGDOCITEMCUBE_SRV.",
  trigger: "The facts flux.balance-debited and flux.quota-debit-undone, each in a message of its own.",
  stateImpact:
    "Completed: the top-up is posted, its request is closed, and it is confirmed. Rejected or unknown: it is shown as under way. Given up: its debit is undone and it has failed.",
  auditEvidence:
    "Opening entry and each move in the process of the top-up, with code and hash of the answer; in SAP the document itself.",
  dashboard: "GET /ops/treaties and the metrics entente_treaty_* of treaty sap-posting.",
};

export const postingRunbook: Runbook = {
  ...runbook,
  integrationName: "sap-posting: top-ups to the general ledger, one by one",
  normalFlow:
    "Debit, one message, the confirmation names a document, flux.top-up-posted, the request is closed at Salesforce, the top-up is confirmed.",
  dashboardLink: "GET /ops/treaties; metrics entente_treaty_* of treaty sap-posting.",
  alertThresholds:
    "Oldest unposted top-up over 15 min; any rejected entry; any day on which the sums differ; any case of sap-posting.",
  deadLetterHandling:
    "A rejected entry or an unknown one becomes a case of accounting; its top-up stays under way meanwhile. Nothing is posted by hand without its reference.",
  manualRecoveryActions:
    "201(F5): have the period opened, then send anew. 507(F5), 351(F5): mend the account, then send anew. Cannot be posted at all: give up, and the debit is undone. Unknown over 4 h: look for the reference in FB03, then decide the case.",
  disableSwitch:
    "Stop the treaty sap-posting (POST /ops/treaties/sap-posting/stop). Top-ups are debited and wait, unconfirmed.",
};

export const answers: TreatyAnswers = {
  whoOwnsTheFact: "The subscription owns the debit; the books own the document.",
  whoMayAsk: "The ledger context, for facts of the subscription; persons through cases.",
  whatIsTheContract: "Contract journal-entry.ts and SAP's JournalEntryBulkCreateRequest.",
  whatDoesSuccessMean: "The entry has a document in the company code of its tenant.",
  whatDoesRejectionMean: "That one entry is not posted; the others of its batch are judged by themselves.",
  whatDoesTimeoutMean: "Nothing: entries may be posted or not, some or all. The books are asked.",
  whatIsSafeToRetry:
    "What never left, what was throttled or met a closed window by SAP's own word, and rows that the books do not have two minutes after the sending.",
  howAreDuplicatesFound:
    "By the reference. SAP's own checks (117(F5), 611(RW)) are a second net where they are switched on: the document is read, and the same content is a success, other content a conflict.",
  howIsDisagreementSettled:
    "SAP's documents count; what is missing is posted, what is wrong is countered by another entry.",
  whatIsAudited: "Every row, sending, answer (as a hash), comparison and act of a person.",
  whoMayRepair: "Accounting decides cases; sending many anew takes a second person.",
};

export const style: TreatyStyle = {
  userWaitsForTheAnswer: false,
  runsLong: false,
  counterpartyMayBeAway: true,
  hasAnEffect: true,
  staleAnswerWillDo: false,
  flowNeedsTheResult: false,
};
