import type { SheetText, TreatyAnswers } from "@entente/core";

/** What the refund treaty says in words; the rest of its contract sheet is read from refund-treaty.ts. */
export const refundSheet: SheetText = {
  purpose:
    "Give back, once and whole, what was charged for a top-up that was undone or had failed by the time its charge was known.",
  owner:
    "Subscription owns the request and what follows from the answer. The payment provider owns the answer.",
  authority:
    "The payment provider, by the status of the refund under our key. Its webhooks and our logs are only hints at it.",
  direction: "Outbound request; answers at once, and signed webhooks inbound to /callbacks/payments-refund.",
  protocol:
    "Stripe's interface, version 2026-10-28.endive: POST /v1/refunds with payment_intent, amount and Idempotency-Key; GET /v1/refunds?payment_intent and /:id to ask.",
  trigger:
    "A charge of payments-charge that is completed and withdrawn: undone after it was made, or made although it had been withdrawn. No fact of its own. Withdrawn by flux.top-up-paid-back: people paid the money back another way.",
  correlationId:
    "Our key in metadata.entente_key, the top-up's process id in metadata.process_id; their payment intent id is what it is about, their refund id is kept as external reference.",
  tenantPropagation:
    "metadata.tenant of the refund; a webhook is looked up under that tenant only. The tenant is also the first part of the key.",
  stateImpact:
    "Completed: flux.top-up-refunded, the failed top-up reads refunded. Anything else: it stays failed with the step refunded open, until flux.top-up-paid-back says that it was paid another way. No balance moves: the undo had credited it.",
  auditEvidence:
    "Every move is an entry of the subscription journal with hashes of key, request and answer, their code and their reference; webhooks are entries of their own.",
  replayBehaviour:
    "Reading the journal again opens nothing twice, because the key is made of tenant, payment intent, target, purpose and attempt. The provider answers a repeated key with its first answer for 24 hours, and never gives back more than it took.",
  reconciliationPath:
    "Ask by their reference, or read the refunds of the payment intent and look for metadata.entente_key, two minutes after the answer failed to come and every 15 minutes after that, never by repeating the refund.",
  securityControl:
    "TLS and a secret API key outbound; webhooks by Stripe-Signature (HMAC over time and raw body, five minutes, one reading per event id), with a secret of their own. No card data passes through us.",
  dashboard:
    "The twelve figures of the treaty payments-refund (treaties.figures) and its open cases: docs/operations/hand-offs.md, section 1.",
};

export const refundAnswers: TreatyAnswers = {
  whoOwnsTheFact:
    "That money went back is the provider's fact. What it was for, and what follows, is the subscription's.",
  whoMayAsk:
    "Only the charge of the same context, once it is made and not wanted. A person asks through it: by proving the charge made, or by undoing its debit.",
  whatIsTheContract:
    "One refund per payment intent, for the amount that was charged in its currency, to where it came from.",
  whatDoesSuccessMean:
    "The refund has the status succeeded: the money has left us. The customer's bank may show it days later. A refund that was made by somebody else already counts the same.",
  whatDoesRejectionMean:
    "No money went back by this refund: they would not make it, or a bank returned it. It is still owed, and a person decides how to pay it.",
  whatDoesTimeoutMean:
    "Nothing. It may have been given back, and the provider is asked before anything is sent again.",
  whatIsSafeToRetry:
    "What never left, and what they answer with rate_limit or lock_timeout: under the same key. A refund that was refused or failed is tried anew by a person only.",
  howAreDuplicatesFound:
    "By the idempotency key on both sides, by metadata.entente_key for ever, and by their own sum: a charge given back whole is charge_already_refunded.",
  howIsDisagreementSettled:
    "The provider's refund wins. One that fails after it had succeeded is a case, and a person pays it another way. One that is made after it was paid another way is a case, too, and a person gets it back.",
  whatIsAudited:
    "Each sending, answer, webhook, question and decision, with who and why where it was a person.",
  whoMayRepair:
    "Payments operations: through the safe acts of the case. Sending many anew takes a second person.",
};
