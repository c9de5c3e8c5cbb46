import {
  type Dispatch,
  defineTreaty,
  type Entry,
  type HandOffTreaty,
  type Means,
  type Question,
} from "@entente/core";
import { Type } from "typebox";
import { type BalanceDebited, balanceDebited } from "../../contexts/subscription/contract/balance-debited.ts";
import { type Charging, isCharged } from "../../contexts/subscription/contract/charge.ts";
import {
  type QuotaDebitUndone,
  quotaDebitUndone,
} from "../../contexts/subscription/contract/quota-debit-undone.ts";
import { callPayments } from "./call-payments.ts";
import { ChargeRequest, tellOfCharge } from "./charge-news.ts";
import { noPaymentMethod, paymentsErrorMap } from "./declines.ts";
import type { PayerOf } from "./payers.ts";
import { paymentsRunbook } from "./payments-runbook.ts";
import { paymentsAnswers, paymentsSheet } from "./payments-sheet.ts";
import { refundOf } from "./refund-news.ts";
import { FoundPaymentIntents, metadataNames, PaymentEvent, PaymentIntent } from "./their-messages.ts";
import { translatePayment } from "./translate-payment.ts";

export interface PaymentsSetting {
  /** Origin of the provider's interface, such as `https://api.stripe.com`. */
  readonly url: string;
  readonly payerOf: PayerOf;
  readonly charging: Charging;
}

/** Name of the treaty: its callbacks go to `/callbacks/payments-charge`. */
export const paymentsCharge = "payments-charge";

/**
 * The on-demand part of a top-up is charged to the account's payment method. Kept by the subscription, which owns the debit that the
 * charge pays for and the undo of it. A top-up paid by quota alone asks for nothing here. A charge that was made and is not wanted any
 * more is given back by refund-treaty.ts.
 * Credentials: `apiKey`, `webhookSecret`.
 */
export function paymentsTreaty({ url, payerOf, charging }: PaymentsSetting): HandOffTreaty {
  return defineTreaty({
    name: paymentsCharge,
    version: "1.1.0",
    kind: "command-with-callback",
    target: "payments",
    purpose: "charge",
    sheet: paymentsSheet,
    runbook: paymentsRunbook,
    answers: paymentsAnswers,
    style: {
      userWaitsForTheAnswer: false,
      runsLong: true,
      counterpartyMayBeAway: true,
      hasAnEffect: true,
      staleAnswerWillDo: false,
      flowNeedsTheResult: true,
    },
    errorMap: paymentsErrorMap,
    credentials: ["apiKey", "webhookSecret"],
    input: ChargeRequest,
    output: Type.Union([PaymentIntent, FoundPaymentIntents]),
    factsFrom: ["subscription"],
    facts: [balanceDebited.type, quotaDebitUndone.type],
    request: (fact) => (fact.type === balanceDebited.type ? chargeOf(fact, payerOf, charging) : []),
    withdraws: (fact) =>
      fact.type === quotaDebitUndone.type ? [topUp((fact.data as QuotaDebitUndone).undoneProcessId)] : [],
    send: (dispatch, means) => charge(url, dispatch, means),
    inquire: (question, means) => lookFor(url, question, means),
    translate: translatePayment,
    callback: {
      schema: PaymentEvent,
      verification: { scheme: "timestamped-hmac", header: "stripe-signature", secrets: ["webhookSecret"] },
      identify(body) {
        const { id: messageId, data } = body as PaymentEvent;
        const { [metadataNames.tenant]: tenantId = "", [metadataNames.key]: reference = "" } =
          data.object.metadata;
        return { tenantId, reference, messageId };
      },
    },
    tells: tellOfCharge,
    undoes: refundOf,
    times: {
      answerWithinMs: 30_000,
      retryFirstMs: 2_000,
      retryLongestMs: 10 * 60_000,
      // Their search finds a new charge within a minute: an earlier "not here" proves nothing.
      inFlightMs: 2 * 60_000,
      // Debits of bank accounts take days.
      resultWithinMs: 7 * 86_400_000,
      reconcileEveryMs: 15 * 60_000,
      // Well within the 24 hours for which they remember a key.
      personAfterMs: 12 * 3_600_000,
    },
    limits: {
      concurrency: 8,
      ratePerSecond: 25,
      // An outage uses tries up, one per rest of the circuit: with these times it may last most of a day.
      triesAllowed: 100,
      circuitFailures: 5,
      circuitOpenMs: 30_000,
    },
    order: "none",
  }) as HandOffTreaty;
}

const topUp = (processId: string) => ({ aggregateType: "top-up", aggregateId: processId, line: null });

function chargeOf({ tenantId, occurredAt, data }: Entry, payerOf: PayerOf, charging: Charging) {
  const debited = data as BalanceDebited;
  if (!isCharged(charging, debited, occurredAt)) return [];
  const { accountId, processId, currency } = debited;
  const { cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor } = debited;
  const payer = payerOf(tenantId, accountId);
  const request: ChargeRequest = {
    accountId,
    processId,
    currency,
    customer: payer?.customer ?? null,
    paymentMethod: payer?.paymentMethod ?? null,
    debit: { cycle, fundedFromQuota, fundedOnDemand, onDemandAmountMinor },
  };
  return [{ ...topUp(processId), data: request }];
}

async function charge(url: string, dispatch: Dispatch<ChargeRequest>, means: Means) {
  const { idempotencyKey, tenantId, data } = dispatch;
  const { customer, paymentMethod, debit, currency, processId, accountId } = data;
  if (paymentMethod === null) return nothingToPayWith;
  const form = new URLSearchParams({
    amount: String(debit.onDemandAmountMinor),
    currency: currency.toLowerCase(),
    payment_method: paymentMethod,
    // The customer is not there to confirm anything: what needs that is declined.
    confirm: "true",
    off_session: "true",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
    description: `Top-up: ${debit.fundedOnDemand} units on demand`,
    [`metadata[${metadataNames.key}]`]: idempotencyKey,
    [`metadata[${metadataNames.tenant}]`]: tenantId,
    [`metadata[${metadataNames.process}]`]: processId,
    [`metadata[${metadataNames.account}]`]: accountId,
  });
  if (customer !== null) form.set("customer", customer);
  return callPayments(url, { method: "POST", path: "/v1/payment_intents", form, idempotencyKey }, means);
}

const refusal = { error: { type: "invalid_request_error", decline_code: noPaymentMethod } };
/** Nobody was asked, so nothing can have happened. */
const nothingToPayWith = { status: "400", body: refusal, raw: JSON.stringify(refusal) };

/** Reads what they hold under our key. A repeat of the sending would answer too, and would charge where nothing had happened. */
function lookFor(url: string, { externalReference, idempotencyKey }: Question, means: Means) {
  if (externalReference !== null) {
    const path = `/v1/payment_intents/${encodeURIComponent(externalReference)}`;
    return callPayments(url, { method: "GET", path }, means);
  }
  const sought = idempotencyKey.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  const query = new URLSearchParams({ query: `metadata['${metadataNames.key}']:'${sought}'` });
  return callPayments(url, { method: "GET", path: `/v1/payment_intents/search?${query}` }, means);
}
