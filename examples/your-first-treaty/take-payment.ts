import { defineTreaty } from "@entente/core";
import { Type } from "typebox";
import { askPayments } from "./payments-api.ts";
import { answers, runbook, sheet } from "./words.ts";

export const takePayment = defineTreaty({
  name: "take-payment",
  version: "1.0.0",
  kind: "command-with-callback",
  target: "payments",
  purpose: "take",
  sheet,
  runbook,
  answers,
  style: {
    userWaitsForTheAnswer: false,
    runsLong: false,
    counterpartyMayBeAway: true,
    hasAnEffect: true,
    staleAnswerWillDo: false,
    flowNeedsTheResult: true,
  },
  credentials: ["api-key"],

  // From a fact of ours to an act of theirs: one payment for each order.
  factsFrom: ["shop"],
  facts: ["shop.order-placed"],
  input: Type.Object({ amountMinor: Type.Integer({ minimum: 50 }) }),
  request: (fact) => [
    {
      aggregateType: "order",
      aggregateId: String(fact.data.orderId),
      line: null,
      data: { amountMinor: fact.data.amountMinor as number },
    },
  ],

  // Do it once; and find out what became of it.
  send: ({ idempotencyKey, data }, means) => {
    const form = new URLSearchParams({
      amount: String(data.amountMinor),
      currency: "eur",
      payment_method: "pm_card_visa",
      confirm: "true",
      "metadata[entente_key]": idempotencyKey,
    });
    return askPayments({ method: "POST", path: "/v1/payment_intents", form, idempotencyKey }, means);
  },
  inquire: ({ idempotencyKey }, means) => {
    const query = new URLSearchParams({ query: `metadata['entente_key']:'${idempotencyKey}'` });
    return askPayments({ method: "GET", path: `/v1/payment_intents/search?${query}` }, means);
  },

  // Their words in ours. What is not understood is thrown for: then it is unknown, and asked about.
  output: Type.Object({}),
  translate: ({ status, body }, of) => {
    const said = body as { error?: { code?: string; decline_code?: string }; data?: unknown[] };
    if (status !== "200")
      return { says: "code", code: said.error?.decline_code ?? said.error?.code ?? `http-${status}` };
    if (of === "inquiry" && said.data?.length === 0) return { says: "not-known" };
    const intent = (of === "inquiry" ? said.data?.[0] : body) as { id?: unknown; status?: unknown };
    if (intent?.status !== "succeeded" || typeof intent.id !== "string") throw new Error("not understood");
    return { says: "completed", reference: intent.id };
  },
  errorMap: {
    insufficient_funds: { class: "BUSINESS_REJECTED", means: "The card has not enough money." },
    expired_card: { class: "BUSINESS_REJECTED", means: "The card has expired." },
    "http-401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "They do not accept our key." },
    "http-429": { class: "TECHNICAL_RETRYABLE", means: "Too many requests; nothing was kept." },
    "http-500": { class: "UNKNOWN", means: "Their trouble, before the payment or after it." },
  },

  times: {
    answerWithinMs: 10_000,
    retryFirstMs: 1_000,
    retryLongestMs: 60_000,
    inFlightMs: 30_000,
    resultWithinMs: 5 * 60_000,
    reconcileEveryMs: 60_000,
    personAfterMs: 60 * 60_000,
  },
  limits: { concurrency: 8, ratePerSecond: 50, triesAllowed: 5, circuitFailures: 5, circuitOpenMs: 10_000 },
  order: "none",
});
