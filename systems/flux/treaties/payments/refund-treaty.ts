import {
  type Dispatch,
  defineTreaty,
  type HandOffTreaty,
  type Means,
  type Question,
  type Reply,
} from "@entente/core";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { topUpPaidBack } from "../../contexts/subscription/contract/pay-back.ts";
import { callPayments } from "./call-payments.ts";
import { refundErrorMap } from "./refund-errors.ts";
import { notWantedAfter, paymentsRefund, RefundRequest, tellOfRefund, tellOfReturn } from "./refund-news.ts";
import { refundRunbook } from "./refund-runbook.ts";
import { refundAnswers, refundSheet } from "./refund-sheet.ts";
import { metadataNames } from "./their-messages.ts";
import { FoundRefunds, Refund, RefundEvent } from "./their-refunds.ts";
import { translateRefund } from "./translate-refund.ts";

/**
 * What was charged for a top-up that is undone goes back, once and whole. No fact asks for it: it is what undoes a charge that was made
 * and is not wanted (`undoes` of payments-treaty.ts). What people paid back another way withdraws it. Kept by the subscription, as the charge is.
 * `url`: origin of the provider's interface. Credentials: `apiKey`, `refundWebhookSecret`.
 */
export function refundTreaty({ url }: { readonly url: string }): HandOffTreaty {
  return defineTreaty({
    name: paymentsRefund,
    version: "1.0.0",
    kind: "command-with-callback",
    target: "payments",
    purpose: "refund",
    sheet: refundSheet,
    runbook: refundRunbook,
    answers: refundAnswers,
    style: {
      userWaitsForTheAnswer: false,
      runsLong: true,
      counterpartyMayBeAway: true,
      hasAnEffect: true,
      staleAnswerWillDo: false,
      flowNeedsTheResult: true,
    },
    errorMap: refundErrorMap,
    credentials: ["apiKey", "refundWebhookSecret"],
    input: RefundRequest,
    output: Type.Union([Refund, FoundRefunds]),
    factsFrom: ["subscription"],
    facts: [topUpPaidBack.type],
    request: () => [],
    withdraws: notWantedAfter,
    send: (dispatch, means) => giveBack(url, dispatch, means),
    inquire: (question, means) => lookFor(url, question, means),
    translate: translateRefund,
    callback: {
      schema: RefundEvent,
      verification: {
        scheme: "timestamped-hmac",
        header: "stripe-signature",
        secrets: ["refundWebhookSecret"],
      },
      identify(body) {
        const { id: messageId, data } = body as RefundEvent;
        const { [metadataNames.tenant]: tenantId = "", [metadataNames.key]: reference = "" } =
          data.object.metadata ?? {};
        return { tenantId, reference, messageId };
      },
    },
    tells: tellOfRefund,
    tellsTakenBack: tellOfReturn,
    times: {
      answerWithinMs: 30_000,
      retryFirstMs: 2_000,
      retryLongestMs: 10 * 60_000,
      // Their lists show a refund at once: what may take a while is a sending that is still under way.
      inFlightMs: 2 * 60_000,
      // Refunds of bank debits take days, over holidays a fortnight.
      resultWithinMs: 14 * 86_400_000,
      reconcileEveryMs: 15 * 60_000,
      // Well within the 24 hours for which they remember a key.
      personAfterMs: 12 * 3_600_000,
    },
    limits: {
      concurrency: 8,
      ratePerSecond: 25,
      triesAllowed: 100,
      circuitFailures: 5,
      circuitOpenMs: 30_000,
    },
    order: "none",
  }) as HandOffTreaty;
}

function giveBack(url: string, dispatch: Dispatch<RefundRequest>, means: Means): Promise<Reply> {
  const { idempotencyKey, tenantId, data } = dispatch;
  const form = new URLSearchParams({
    payment_intent: data.chargeReference,
    // Said, although the whole is what they would give back anyway: after a part was given back by hand a person decides.
    amount: String(data.amountMinor),
    [`metadata[${metadataNames.key}]`]: idempotencyKey,
    [`metadata[${metadataNames.tenant}]`]: tenantId,
    [`metadata[${metadataNames.process}]`]: data.processId,
    [`metadata[${metadataNames.account}]`]: data.accountId,
  });
  return callPayments(url, { method: "POST", path: "/v1/refunds", form, idempotencyKey }, means);
}

/** Refunds of one charge that one question reads. There is one of ours, and what people gave back by hand. */
const refundsRead = 100;

/** Reads what they hold of the charge, and of that what stands under our key. */
async function lookFor(url: string, question: Question, means: Means): Promise<Reply> {
  const { externalReference, aggregateId: chargeReference, idempotencyKey } = question;
  if (externalReference !== null) {
    const path = `/v1/refunds/${encodeURIComponent(externalReference)}`;
    return callPayments(url, { method: "GET", path }, means);
  }
  const query = new URLSearchParams({ payment_intent: chargeReference, limit: String(refundsRead) });
  const reply = await callPayments(url, { method: "GET", path: `/v1/refunds?${query}` }, means);
  if (!Value.Check(FoundRefunds, reply.body)) return reply;
  const own = reply.body.data.filter(({ metadata }) => metadata?.[metadataNames.key] === idempotencyKey);
  return { ...reply, body: { ...reply.body, data: own } };
}
