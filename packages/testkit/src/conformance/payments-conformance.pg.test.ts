/** The suite against a simulator, over its own interface: taking a payment. */
import assert from "node:assert/strict";
import { after } from "node:test";
import type { HandOffTreaty } from "@entente/core";
import { simulators } from "@entente/simulators";
import { Type } from "typebox";
import { conformance } from "./conformance.ts";
import { controlledCounterparty } from "./controlled-counterparty.ts";
import { call, oddTreaty } from "./odd-treaty.fixture.ts";

const startPayments = await simulators.payments();
const payments = await startPayments({ seed: 7 });
after(() => payments.stop());
const url = payments.url.replace("127.0.0.1", "localhost");
const secrets: Record<string, string> = { token: "sk_test_entente", "callback-secret": "" };
const form = { "content-type": "application/x-www-form-urlencoded" };

interface Intent {
  readonly id: string;
  readonly status: string;
  readonly metadata: Readonly<Record<string, string>>;
}

const says: Readonly<Record<string, "completed" | "accepted">> = {
  succeeded: "completed",
  processing: "accepted",
};

const treaty: HandOffTreaty = {
  ...oddTreaty(url),
  name: "payments-take",
  target: "payments",
  purpose: "take",
  output: Type.Object({}),
  errorMap: {
    insufficient_funds: { class: "BUSINESS_REJECTED", means: "Not enough money." },
    expired_card: { class: "BUSINESS_REJECTED", means: "The card has expired." },
    "401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "Key refused." },
  },
  send({ idempotencyKey, tenantId, data }, means) {
    const body = new URLSearchParams({
      amount: String((data as { units: number }).units),
      currency: "eur",
      payment_method: "pm_card_visa",
      confirm: "true",
      "metadata[entente_key]": idempotencyKey,
      "metadata[tenant]": tenantId,
    });
    const headers = { ...form, "idempotency-key": idempotencyKey };
    return call(url, "POST", "/v1/payment_intents", body.toString(), means, headers);
  },
  inquire({ idempotencyKey }, means) {
    const query = new URLSearchParams({ query: `metadata['entente_key']:'${idempotencyKey}'` });
    return call(url, "GET", `/v1/payment_intents/search?${query}`, null, means);
  },
  translate({ body, status }, of) {
    if (status === "401") return { says: "code", code: "401" };
    const said = body as {
      error?: { code?: string; decline_code?: string };
      data?: unknown;
    } & Partial<Intent>;
    const code = said.error?.decline_code ?? said.error?.code;
    if (typeof code === "string") return { says: "code", code };
    const found =
      of === "inquiry"
        ? (said.data as Intent[])
        : of === "callback"
          ? [(said.data as { object: Intent }).object]
          : [said as Intent];
    const [intent] = found;
    if (intent === undefined && Array.isArray(found)) return { says: "not-known" };
    const meaning = says[intent?.status ?? ""];
    if (meaning === undefined || typeof intent?.id !== "string") throw new Error("no such status");
    return { says: meaning, reference: intent.id };
  },
  callback: {
    schema: Type.Object({
      id: Type.String(),
      data: Type.Object({ object: Type.Object({ id: Type.String() }) }),
    }),
    verification: { scheme: "timestamped-hmac", header: "stripe-signature", secrets: ["callback-secret"] },
    identify(body) {
      const event = body as { id: string; data: { object: Intent } };
      const { tenant = "", entente_key: reference = "" } = event.data.object.metadata;
      return { tenantId: tenant, reference, messageId: event.id };
    },
  },
};

const counterparty = await controlledCounterparty(payments.url, {
  operation: "create-payment-intent",
  rejections: ["insufficient_funds", "expired_card"],
  async sendCallbacksTo(callbackUrl) {
    const response = await fetch(`${payments.url}/v1/webhook_endpoints`, {
      method: "POST",
      headers: { ...form, authorization: `Bearer ${secrets.token}` },
      body: new URLSearchParams({ url: callbackUrl, "enabled_events[0]": "payment_intent.succeeded" }),
    });
    const endpoint = (await response.json()) as { secret?: string };
    assert.ok(endpoint.secret, `no endpoint: ${JSON.stringify(endpoint)}`);
    secrets["callback-secret"] = endpoint.secret;
  },
});

conformance(treaty, counterparty, {
  example: (id) => ({ type: "shop.paid", key: id, data: { orderId: id, units: 300 } }),
  secrets,
});
