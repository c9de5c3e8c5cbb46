import type { Runbook } from "@entente/core";

/** For whoever is called at night because charges do not go through. */
export const paymentsRunbook: Runbook = {
  integrationName: "payments-charge: on-demand charges of top-ups",
  businessOwner: "payments-operations",
  technicalOwner: "Subscription",
  targetSystemOwner:
    "The payment provider's support, through the provider's dashboard; quote the Request-Id of its log.",
  dataClassification:
    "Confidential: account, process and amount go out, with the provider's name for a payment method. No card data, no names, no addresses.",
  protocol: "HTTPS, form-encoded requests, JSON answers; webhooks signed with Stripe-Signature.",
  normalFlow:
    "Debit, charge sent and answered with succeeded within a second or two, top-up confirmed; the webhook that follows says the same and changes nothing. Debits of bank accounts answer processing and are settled by webhook, days later.",
  knownExternalStatuses:
    "succeeded: done. processing: taken in. requires_payment_method: declined, last_payment_error says why. requires_action, canceled: refused. Any other status is asked about and then a person's.",
  retryPolicy:
    "2 s doubling to 10 min, at most 100 sendings under one key, and only of what certainly did not happen. Five failures in a row open the circuit; then one request every 30 s tries whether they are back.",
  timeoutPolicy:
    "30 s for an answer, then unknown: asked after 2 min and every 15 min. After 12 h a person decides; the provider remembers keys for 24 h.",
  reconciliationJob:
    "Every 15 min over all that is accepted or unknown; a report per run in the subscription journal.",
  dashboardLink:
    "treaties.figures() and treaties.cases() for payments-charge: docs/operations/hand-offs.md, section 1.",
  alertThresholds:
    "Any case of kind credentials-refused, contradiction, unwanted-effect or unclassified; more than 20 unknown; the oldest charge that nobody has taken in above 15 min; declines above a fifth of all charges in an hour.",
  deadLetterHandling:
    "Fallout with a case owned by payments-operations. A command that cannot be executed is parked in the subscription; its top-up stays in processing.",
  manualRecoveryActions:
    "Case unknown: search the provider's dashboard for metadata entente_key; then prove-completed or prove-not-done, with the intent's id as evidence. Not done: try-anew, or give-up, which undoes the debit. Case contradiction after an undo: ask-again; what was charged goes back by payments-refund. Case unwanted-effect: their name for the charge is not known: find the intent by its metadata, refund it in the dashboard, tell it with the refund's id as the receipt (POST /ops/top-ups/{id}/paid-back), then close the case. Case unclassified: add the code to declines.ts.",
  securityCredentials:
    "apiKey: a restricted key that may write payment intents and read them. webhookSecret: the signing secret of the endpoint /callbacks/payments-charge. Use a provider account of Flux's own: messages about other systems' payments are refused as unreadable.",
  secretRotation:
    "Both are read at every use, without a restart. API key: make the new one, replace, revoke the old one. Webhook secret: roll it in the provider's dashboard with an overlap, in which both sign, and replace it here within the overlap.",
  commonIncidents:
    "Provider away: charges wait, customers read processing, then delayed; nothing to do. Key revoked: the treaty stops with one case; put the new key in place and let it go on. Webhooks lost: reconciliation finds the results within 15 min. Many declines: usually one bank.",
  disableSwitch:
    "Stop the treaty payments-charge (setStopped): nothing is sent, charges wait in order, questions and webhooks go on. Top-ups paid by quota alone are not touched.",
  escalationContacts:
    "payments-operations on call, then the Flux subscription team, then the provider's support.",
  auditEvidenceLocation:
    "Journal of the subscription: entries entente.hand-off-* with treaty payments-charge, callbacks, flux.top-up-charged and flux.charge-declined.",
};
