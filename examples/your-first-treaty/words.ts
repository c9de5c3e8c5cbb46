/** What the treaty says in words: for whoever is called at night, and for whoever asks in a year why it is so. */
import type { Runbook, SheetText, TreatyAnswers } from "@entente/core";

export const sheet: SheetText = {
  purpose: "Takes the money for an order.",
  owner: "The shop owns the request, the payment provider the answer.",
  authority: "The provider's payment intent decides whether money moved.",
  direction: "From us to them; we ask again when an answer is missing.",
  protocol: "HTTPS with form bodies and JSON answers.",
  trigger: "The fact shop.order-placed.",
  correlationId:
    "The order's correlation id stays in our journal; they keep our idempotency key in the metadata.",
  tenantPropagation: "The tenant is part of the idempotency key.",
  stateImpact: "Completed: the order is paid. Rejected: it is not.",
  auditEvidence: "Every sending, answer and question is an entry in the shop's journal.",
  replayBehaviour: "Reading facts again opens nothing new: the key is the order.",
  reconciliationPath: "Search for the payment intent by our key.",
  securityControl: "A secret key per environment, sent as a bearer token.",
  dashboard: "Payments of the shop.",
};

export const runbook: Runbook = {
  integrationName: "Payments of orders",
  businessOwner: "finance-desk",
  technicalOwner: "shop-team",
  targetSystemOwner: "the provider's support",
  dataClassification: "Amounts and order numbers; no card data.",
  protocol: "HTTPS.",
  normalFlow: "Order placed, payment asked for, payment succeeded.",
  knownExternalStatuses: "succeeded, requires_payment_method.",
  retryPolicy: "What certainly did not happen is sent again, five times at most.",
  timeoutPolicy: "No answer in ten seconds is unknown; the provider is asked.",
  reconciliationJob: "Asks about everything open every minute.",
  dashboardLink: "Payments of the shop.",
  alertThresholds: "Anything unknown for an hour.",
  deadLetterHandling: "A case for the finance desk.",
  manualRecoveryActions: "Look the payment up at the provider, then decide the case.",
  securityCredentials: "api-key.",
  secretRotation: "Add the new key, then take the old one away; no restart.",
  commonIncidents: "The key was revoked: the treaty stops until it is renewed.",
  disableSwitch: "Stop the treaty; what is under way is heard to its end.",
  escalationContacts: "finance-desk, then shop-team.",
  auditEvidenceLocation: "The shop's journal.",
};

export const answers: TreatyAnswers = {
  whoOwnsTheFact: "The provider: only it knows whether money moved.",
  whoMayAsk: "The shop.",
  whatIsTheContract: "The provider's payment intents.",
  whatDoesSuccessMean: "The payment intent has succeeded.",
  whatDoesRejectionMean: "The card was declined; no money moved.",
  whatDoesTimeoutMean: "Nothing: money may have moved.",
  whatIsSafeToRetry: "What was refused by a connection or by a limit of requests.",
  howAreDuplicatesFound: "One idempotency key per order.",
  howIsDisagreementSettled: "The provider's record wins.",
  whatIsAudited: "Who asked, what was answered, who decided.",
  whoMayRepair: "The finance desk.",
};
