import type { Runbook } from "@entente/core";

/** For whoever is called because money that is owed does not go back. */
export const refundRunbook: Runbook = {
  integrationName: "payments-refund: charges given back after their top-up was undone",
  businessOwner: "payments-operations",
  technicalOwner: "Subscription",
  targetSystemOwner:
    "The payment provider's support, through the provider's dashboard; quote the Request-Id of its log.",
  dataClassification:
    "Confidential: account, process, amount and the provider's names for charge and refund. No card data, no names, no addresses.",
  protocol: "HTTPS, form-encoded requests, JSON answers; webhooks signed with Stripe-Signature.",
  normalFlow:
    "Rare: the undo of a charged top-up, or the late news of a charge, opens it; sent and answered with succeeded within a second or two, top-up refunded. Refunds of bank debits answer pending and are settled by webhook, days later.",
  knownExternalStatuses:
    "succeeded: done. pending, requires_action: taken in. failed: refused, failure_reason says why. canceled: refused. Any other status is asked about and then a person's.",
  retryPolicy:
    "2 s doubling to 10 min, at most 100 sendings under one key, and only of what certainly did not happen. Five failures in a row open the circuit of the provider; then one request every 30 s tries whether they are back.",
  timeoutPolicy:
    "30 s for an answer, then unknown: asked after 2 min and every 15 min. After 12 h a person decides; the provider remembers keys for 24 h.",
  reconciliationJob:
    "Every 15 min over all that is accepted or unknown; a report per run in the subscription journal.",
  dashboardLink:
    "treaties.figures() and treaties.cases() for payments-refund: docs/operations/hand-offs.md, section 1.",
  alertThresholds:
    "Any case, because each is money owed to a customer; more than 10 refunds in an hour, because something undoes top-ups that were charged.",
  deadLetterHandling:
    "Fallout with a case owned by payments-operations. A command that cannot be executed is parked in the subscription; its top-up goes on reading that the money is owed.",
  manualRecoveryActions:
    "Case unknown: look up the payment intent in the provider's dashboard; then prove-completed or prove-not-done, with the refund's id as evidence. Case rejected, balance_insufficient: put money into the balance, then try-anew. Rejected by a bank: pay the customer another way, then tell it with the receipt (POST /ops/top-ups/{id}/paid-back), which closes the case and lets nobody try anew. Case contradiction, a refund that failed after it had succeeded: pay another way, tell it likewise, then close. Case unwanted-effect: it was paid another way and the provider gave it back, too: get one of the two back, then close with its receipt. Case unclassified: add the code to refund-errors.ts.",
  securityCredentials:
    "apiKey: the one of payments-charge, which must also be allowed to write refunds and read them. refundWebhookSecret: the signing secret of the endpoint /callbacks/payments-refund.",
  secretRotation:
    "Both are read at every use, without a restart. API key: make the new one, replace, revoke the old one. Webhook secret: roll it in the provider's dashboard with an overlap, in which both sign, and replace it here within the overlap.",
  commonIncidents:
    "Provider away: refunds wait, customers read that the money is owed; nothing to do. Key without the right to refund: the treaty stops with one case; give it the right and let it go on. Webhooks lost: reconciliation finds the results within 15 min.",
  disableSwitch:
    "Stop the treaty payments-refund (setStopped): nothing is given back, refunds wait in order, questions and webhooks go on. Charges are not touched.",
  escalationContacts:
    "payments-operations on call, then the Flux subscription team, then the provider's support.",
  auditEvidenceLocation:
    "Journal of the subscription: entries entente.hand-off-* with treaty payments-refund, callbacks, flux.top-up-refunded and flux.top-up-paid-back.",
};
