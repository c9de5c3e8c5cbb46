import type { SheetText, TreatyAnswers } from "@entente/core";

/** What the treaty with the payment provider says in words; the rest of its contract sheet is read from payments-treaty.ts. */
export const paymentsSheet: SheetText = {
  purpose:
    "Charge the on-demand part of a top-up to the account's payment method, once, and give the top-up back when that fails.",
  owner:
    "Subscription owns the request and what follows from the answer. The payment provider owns the answer.",
  authority:
    "The payment provider, by the status of the payment intent under our key. Its webhooks and our logs are only hints at it.",
  direction: "Outbound request; answers at once, and signed webhooks inbound to /callbacks/payments-charge.",
  protocol:
    "Stripe's interface, version 2026-10-28.endive: POST /v1/payment_intents with Idempotency-Key, confirmed off session; GET /v1/payment_intents/search and /:id to ask.",
  trigger:
    "flux.balance-debited with an on-demand amount above zero. Withdrawn by flux.quota-debit-undone of the same top-up.",
  correlationId:
    "Our key in metadata.entente_key, the top-up's process id in metadata.process_id; their payment intent id is kept as external reference.",
  tenantPropagation:
    "metadata.tenant of the payment intent; a webhook is looked up under that tenant only. The tenant is also the first part of the key.",
  stateImpact:
    "Completed: flux.top-up-charged, the top-up is confirmed. Refused or given up: flux.charge-declined and flux.undo-quota-debit, the top-up has failed and the quota is back. Anything else: the top-up stays in processing with the step charged open. Made although the top-up is undone: payments-refund gives it back.",
  auditEvidence:
    "Every move is an entry of the subscription journal with hashes of key, request and answer, their code and their reference; webhooks are entries of their own.",
  replayBehaviour:
    "Reading the journal again opens nothing twice, because the key is made of tenant, top-up, target, purpose and attempt. The provider answers a repeated key with its first answer for 24 hours.",
  reconciliationPath:
    "Ask by their reference, or search by metadata.entente_key, two minutes after the answer failed to come and every 15 minutes after that, never by repeating the charge.",
  securityControl:
    "TLS and a secret API key outbound; webhooks by Stripe-Signature (HMAC over time and raw body, five minutes, one reading per event id). No card data passes through us, only the provider's names for payment methods.",
  dashboard:
    "The twelve figures of the treaty payments-charge (treaties.figures) and its open cases: docs/operations/hand-offs.md, section 1.",
};

export const paymentsAnswers: TreatyAnswers = {
  whoOwnsTheFact:
    "That money moved is the provider's fact. What it was for, and what follows, is the subscription's.",
  whoMayAsk:
    "Only the subscription, by a debit in its own journal. No person and no other context can ask for a charge.",
  whatIsTheContract:
    "One payment intent per top-up with an on-demand part, for its amount in its currency, charged at once without the customer being there.",
  whatDoesSuccessMean:
    "The payment intent has the status succeeded: the money is taken. It is final here; giving it back is an act of its own, payments-refund.",
  whatDoesRejectionMean:
    "The bank or the provider said no, and no money moved. The debit is undone and the customer is told why, as far as a customer may be told.",
  whatDoesTimeoutMean:
    "Nothing. It may have been charged, and the provider is asked before anything is sent again.",
  whatIsSafeToRetry:
    "What never left, and what they answer with rate_limit or lock_timeout: under the same key. A decline is never tried again under any key by itself.",
  howAreDuplicatesFound:
    "By the idempotency key on both sides: a unique index here, the first answer repeated there for 24 hours, and metadata.entente_key for ever.",
  howIsDisagreementSettled:
    "The provider's payment intent wins. Money taken for a top-up that was undone is given back by payments-refund; by a person only where their name for the charge is not known.",
  whatIsAudited:
    "Each sending, answer, webhook, question and decision, with who and why where it was a person.",
  whoMayRepair:
    "Payments operations: through the safe acts of the case. Sending many anew takes a second person.",
};
