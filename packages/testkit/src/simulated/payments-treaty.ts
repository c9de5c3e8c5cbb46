import {
  defineTreaty,
  type HandOffTreaty,
  type Reply,
  type TreatyLimits,
  type TreatyTimes,
} from "@entente/core";
import { Type } from "typebox";
import { askOverHttp, KeepingAgent, treatyTexts } from "./treaty-http.ts";

export interface SimulatedTreatyOptions {
  /** Origin of the simulator, or of what stands before it; with `localhost`. */
  readonly url: string;
  readonly times?: Partial<TreatyTimes>;
  readonly limits?: Partial<TreatyLimits>;
}

export interface SimulatedPaymentsOptions extends SimulatedTreatyOptions {
  /** Default `payments`; the treaty is named `<target>-take`. */
  readonly target?: string;
  /** Type of the facts that ask for a payment; default `shop.paid`. */
  readonly fact?: string;
}

/** Times for counterparties that answer in milliseconds, so that everything that takes time takes seconds. */
export const quickTimes: TreatyTimes = {
  answerWithinMs: 800,
  retryFirstMs: 50,
  retryLongestMs: 500,
  inFlightMs: 4_000,
  resultWithinMs: 6_000,
  reconcileEveryMs: 1_000,
  personAfterMs: 120_000,
};

interface Intent {
  readonly id: string;
  readonly status: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly last_payment_error?: { readonly code?: string; readonly decline_code?: string } | null;
}

const form = { "content-type": "application/x-www-form-urlencoded" };
const declines = ["generic_decline", "insufficient_funds", "lost_card", "expired_card", "incorrect_cvc"];

/**
 * Takes payments at the payments simulator, one by one: fact `shop.paid` `{paymentId, amountMinor, method}`, withdrawn by
 * `shop.cancelled` `{paymentId}`. Secrets: `token`, `callback-secret`. Loaded by tests and measurements.
 */
export function simulatedPayments(options: SimulatedPaymentsOptions): HandOffTreaty {
  const { url, times, limits, target = "payments", fact = "shop.paid" } = options;
  const agent = new KeepingAgent();
  const about = (data: { readonly [name: string]: unknown }) => ({
    aggregateType: "payment",
    aggregateId: String(data.paymentId),
    line: null,
  });
  return defineTreaty({
    name: `${target}-take`,
    version: "1.0.0",
    kind: "command-with-callback",
    target,
    purpose: "take",
    ...treatyTexts("Takes a payment"),
    credentials: ["token", "callback-secret"],
    input: Type.Object({ amountMinor: Type.Integer(), method: Type.String() }),
    output: Type.Object({}),
    errorMap: {
      ...Object.fromEntries(
        declines.map((code) => [code, { class: "BUSINESS_REJECTED", means: "Declined." } as const]),
      ),
      // A bank debit that came back.
      account_closed: { class: "BUSINESS_REJECTED", means: "The bank account was not charged." },
      // The same key is at work there: its outcome is not known yet.
      idempotency_key_in_use: { class: "UNKNOWN", means: "The first request still runs." },
      "http-401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "Key refused." },
      "http-429": { class: "TECHNICAL_RETRYABLE", means: "Too many requests; nothing was kept." },
      "http-500": { class: "UNKNOWN", means: "Their trouble, before the payment or after it." },
      "http-503": { class: "UNKNOWN", means: "Their trouble." },
    },
    factsFrom: ["shop"],
    facts: [fact, "shop.cancelled"],
    request: ({ type, data }) =>
      type === fact
        ? [{ ...about(data), data: { amountMinor: data.amountMinor as number, method: String(data.method) } }]
        : [],
    withdraws: ({ type, data }) => (type === "shop.cancelled" ? [about(data)] : []),
    async send({ idempotencyKey, tenantId, data }, means) {
      const body = new URLSearchParams({
        amount: String(data.amountMinor),
        currency: data.method.startsWith("pm_us") ? "usd" : "eur",
        payment_method: data.method,
        "payment_method_types[0]": data.method.startsWith("pm_us") ? "us_bank_account" : "card",
        confirm: "true",
        "metadata[entente_key]": idempotencyKey,
        "metadata[tenant]": tenantId,
      }).toString();
      const authorization = `Bearer ${await means.secret("token")}`;
      const headers = { ...form, authorization, "idempotency-key": idempotencyKey };
      const ask = { method: "POST", url: `${url}/v1/payment_intents`, headers, body, agent } as const;
      return parsed(await askOverHttp(ask, means));
    },
    async inquire({ idempotencyKey }, means) {
      const query = new URLSearchParams({ query: `metadata['entente_key']:'${idempotencyKey}'` });
      const headers = { authorization: `Bearer ${await means.secret("token")}` };
      const found = `${url}/v1/payment_intents/search?${query}`;
      return parsed(await askOverHttp({ method: "GET", url: found, headers, agent }, means));
    },
    translate({ status, body }, of) {
      const said = body as { error?: { code?: string; decline_code?: string }; data?: unknown };
      if (of !== "callback" && status !== "200") {
        const code = said.error?.decline_code ?? said.error?.code ?? `http-${status}`;
        return { says: "code", code };
      }
      const [intent] =
        of === "inquiry"
          ? (said.data as Intent[])
          : of === "callback"
            ? [(said.data as { object: Intent }).object]
            : [body as Intent];
      // A page with nothing on it is their "no"; anything else that holds no intent cannot be read.
      if (intent === undefined && Array.isArray(said.data)) return { says: "not-known" };
      if (typeof intent?.id !== "string") throw new Error("no payment intent");
      const { id: reference, last_payment_error: error } = intent;
      if (intent.status === "succeeded") return { says: "completed", reference };
      if (intent.status === "processing") return { says: "accepted", reference };
      const code = error?.decline_code ?? error?.code;
      if (intent.status !== "requires_payment_method" || code === undefined)
        throw new Error("no such status");
      return { says: "code", code, reference };
    },
    callback: {
      schema: Type.Object({
        id: Type.String(),
        data: Type.Object({ object: Type.Object({ id: Type.String() }) }),
      }),
      // The simulator's clock runs ahead of ours when a drill moves it.
      verification: {
        scheme: "timestamped-hmac",
        header: "stripe-signature",
        secrets: ["callback-secret"],
        toleranceMs: 7 * 86_400_000,
      },
      identify(body) {
        const event = body as { id: string; data: { object: Intent } };
        const { tenant = "", entente_key: reference = "" } = event.data.object.metadata;
        return { tenantId: tenant, reference, messageId: event.id };
      },
    },
    times: { ...quickTimes, ...times },
    limits: {
      concurrency: 64,
      ratePerSecond: 5_000,
      triesAllowed: 4,
      circuitFailures: 40,
      circuitOpenMs: 50,
      ...limits,
    },
    order: "none",
  }) as HandOffTreaty;
}

function parsed(reply: Reply<string>): Reply {
  try {
    return { ...reply, body: JSON.parse(reply.body) as unknown };
  } catch {
    return reply;
  }
}
