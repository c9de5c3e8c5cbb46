import { Type } from "typebox";
import { Value } from "typebox/value";
import { paymentsCharge } from "../treaties/payments/payments-treaty.ts";
import { paymentsRefund } from "../treaties/payments/refund-news.ts";
import { chargeEvents } from "../treaties/payments/their-messages.ts";
import { refundEvents } from "../treaties/payments/their-refunds.ts";

/** What each treaty with the payment provider wants to hear, and the secret that it is signed with. */
export const paymentsWebhooks = {
  [paymentsCharge]: { secret: "webhookSecret", events: chargeEvents },
  [paymentsRefund]: { secret: "refundWebhookSecret", events: refundEvents },
} as const;

export type PaymentsTreaty = keyof typeof paymentsWebhooks;

export interface WebhookRegistration {
  /** Origin of the provider's interface. */
  readonly url: string;
  readonly apiKey: string;
  readonly treaty: PaymentsTreaty;
  /** Where the provider is to send its messages. */
  readonly callbackUrl: string;
}

const Endpoint = Type.Object({ secret: Type.String({ minLength: 1 }) });

/**
 * Registers the webhook endpoint of a treaty with the provider and returns the secret that it signs with, which is told this once.
 * For development, where the provider is a simulator that forgets; elsewhere a person does it once, in the provider's dashboard.
 * Errors: thrown when the provider refuses or cannot be reached. A second call makes a second endpoint.
 */
export async function registerWebhook(registration: WebhookRegistration): Promise<string> {
  const { url, apiKey, treaty, callbackUrl } = registration;
  const form = new URLSearchParams({ url: callbackUrl });
  paymentsWebhooks[treaty].events.forEach((event, n) => {
    form.set(`enabled_events[${n}]`, event);
  });
  const response = await fetch(new URL("/v1/webhook_endpoints", url), {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}` },
    body: form,
  });
  if (!response.ok) throw new Error(`the payment provider registers no webhook: status ${response.status}`);
  return Value.Parse(Endpoint, await response.json()).secret;
}
