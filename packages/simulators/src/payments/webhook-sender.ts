import type { Control } from "../control/control.ts";
import type { PaymentEvent } from "./payment-event.ts";
import { type WebhookEndpoint, type WebhookSecret, wants } from "./webhook-endpoint.ts";
import { signatureHeader } from "./webhook-signature.ts";

/**
 * When an attempt has failed, the next one follows after so many milliseconds of the simulator's clock: growing gaps, within
 * three days, as the original says of itself. Without jitter, so that a test can tell when.
 */
export const retryGapsMs: readonly number[] = [
  60_000,
  5 * 60_000,
  30 * 60_000,
  2 * 3_600_000,
  5 * 3_600_000,
  10 * 3_600_000,
  12 * 3_600_000,
  12 * 3_600_000,
  12 * 3_600_000,
  12 * 3_600_000,
];

/** How long a receiver may take, by the machine's clock: it is the receiver's own time that passes. */
const answerWithinMs = 10_000;

export interface WebhookSender {
  /** Tells an event to every endpoint that wants it. Resolves after each endpoint's first attempt. */
  deliver(event: PaymentEvent, endpoints: Iterable<WebhookEndpoint>): Promise<void>;
  /** Sends one request as it is, and tells the status answered; null: none came. */
  post(url: string, rawBody: string, signature: string | null): Promise<number | null>;
  /** The secrets that sign now, newest first. */
  secretsOf(endpoint: WebhookEndpoint): readonly string[];
  /** Gives an endpoint a secret; those it had sign on for `overlapMs`. */
  addSecret(endpoint: WebhookEndpoint, secret: string, overlapMs: number): void;
  reset(): void;
}

export function openWebhookSender({ clock }: Pick<Control, "clock">): WebhookSender {
  let secrets = new Map<string, WebhookSecret[]>();

  async function post(url: string, rawBody: string, signature: string | null): Promise<number | null> {
    try {
      const response = await fetch(url, {
        method: "POST",
        body: rawBody,
        redirect: "manual",
        headers: {
          "content-type": "application/json; charset=utf-8",
          "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
          ...(signature === null ? {} : { "stripe-signature": signature }),
        },
        signal: AbortSignal.timeout(answerWithinMs),
      });
      await response.body?.cancel();
      return response.status;
    } catch {
      // Whatever kept the receiver from answering: to the sender it is one thing, an attempt that failed.
      return null;
    }
  }

  function secretsOf({ id }: WebhookEndpoint): readonly string[] {
    return (secrets.get(id) ?? [])
      .filter(({ until }) => until === null || until > clock.now())
      .map(({ secret }) => secret);
  }

  async function attempt(event: PaymentEvent, endpoint: WebhookEndpoint, failed: number): Promise<void> {
    if (!wants(endpoint, event.type)) return;
    const rawBody = JSON.stringify(event, null, 2);
    const seconds = Math.floor(clock.now() / 1000);
    const status = await post(endpoint.url, rawBody, signatureHeader(rawBody, seconds, secretsOf(endpoint)));
    if (status !== null && status >= 200 && status < 300) {
      event.pending_webhooks = Math.max(0, event.pending_webhooks - 1);
      return;
    }
    const gapMs = retryGapsMs[failed];
    if (gapMs !== undefined) clock.at(clock.now() + gapMs, () => attempt(event, endpoint, failed + 1));
  }

  return {
    async deliver(event, endpoints) {
      await Promise.all([...endpoints].map((endpoint) => attempt(event, endpoint, 0)));
    },
    post,
    secretsOf,
    addSecret({ id }, secret, overlapMs) {
      const until = clock.now() + overlapMs;
      const before = (secrets.get(id) ?? []).map((one) => ({
        ...one,
        until: Math.min(one.until ?? until, until),
      }));
      secrets.set(id, [{ secret, until: null }, ...before]);
    },
    reset() {
      secrets = new Map();
    },
  };
}
