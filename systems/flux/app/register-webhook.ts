import { Type } from "typebox";
import { Value } from "typebox/value";
import { eventsWanted } from "../treaties/payments/their-messages.ts";

export interface WebhookRegistration {
  /** Origin of the provider's interface. */
  readonly url: string;
  readonly apiKey: string;
  /** Where the provider is to send its messages. */
  readonly callbackUrl: string;
}

const Endpoint = Type.Object({ secret: Type.String({ minLength: 1 }) });

/**
 * Registers our webhook endpoint with the provider and returns the secret that it signs with, which is told this once.
 * For development, where the provider is a simulator that forgets; elsewhere a person does it once, in the provider's dashboard.
 * Errors: thrown when the provider refuses or cannot be reached. A second call makes a second endpoint.
 */
export async function registerWebhook({ url, apiKey, callbackUrl }: WebhookRegistration): Promise<string> {
  const form = new URLSearchParams({ url: callbackUrl });
  eventsWanted.forEach((event, n) => {
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
