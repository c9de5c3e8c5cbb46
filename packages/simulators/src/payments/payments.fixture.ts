import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Stripe from "stripe";
import { type ControlClient, openControlClient } from "../control/control-client.ts";
import type { RunningSimulator } from "../control/start-simulator.ts";
import { startPayments } from "./start-payments.ts";

/** The simulator with the vendor's own client beside it. */
export interface Payments extends RunningSimulator {
  readonly stripe: Stripe;
  readonly client: ControlClient;
  /** Another client, e.g. one that repeats by itself, or one of the other account. */
  clientWith(options: { apiKey?: string; maxNetworkRetries?: number; timeout?: number }): Stripe;
  /** A request as it stands, for what the client would not send. */
  raw(method: string, path: string, form?: string, headers?: Record<string, string>): Promise<Response>;
  /** Calls `/_control/payments<path>`. */
  tell(path: string, body: object): Promise<{ status: number; body: Record<string, unknown> }>;
}

export async function startPaymentsForTest(seed = 7): Promise<Payments> {
  const simulator = await startPayments({ seed });
  const { port } = new URL(simulator.url);
  const clientWith: Payments["clientWith"] = ({ apiKey = "sk_test_entente", ...options }) =>
    new Stripe(apiKey, {
      host: "127.0.0.1",
      port: Number(port),
      protocol: "http",
      maxNetworkRetries: 0,
      telemetry: false,
      ...options,
    });
  return {
    ...simulator,
    stripe: clientWith({}),
    client: openControlClient(simulator.url),
    clientWith,
    raw: (method, path, form, headers = {}) =>
      fetch(`${simulator.url}${path}`, {
        method,
        headers: {
          authorization: "Bearer sk_test_entente",
          ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
          ...headers,
        },
        ...(form === undefined ? {} : { body: form }),
      }),
    async tell(path, body) {
      const response = await fetch(`${simulator.url}/_control/payments${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
  };
}

/** A payment that succeeds at once. */
export const aPayment = {
  amount: 1_250,
  currency: "eur",
  payment_method: "pm_card_visa",
  confirm: true,
} as const;

export interface ReceivedWebhook {
  readonly rawBody: string;
  readonly signature: string;
  readonly event: {
    readonly id: string;
    readonly type: string;
    readonly data: { readonly object: { id: string } };
  };
}

/** A receiver of webhooks that keeps what came, and answers as told. */
export interface WebhookReceiver {
  readonly url: string;
  readonly received: ReceivedWebhook[];
  readonly types: () => readonly string[];
  /** Status of the next answers; the last one stays. */
  answers: number[];
  /** Resolves when so many have come in all. */
  came(count: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedWebhook[] = [];
  let waiting: (() => void)[] = [];
  const receiver = { answers: [200] };
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const rawBody = Buffer.concat(chunks).toString("utf8");
    const signature = String(request.headers["stripe-signature"] ?? "");
    received.push({ rawBody, signature, event: JSON.parse(rawBody) });
    const status = receiver.answers.length > 1 ? receiver.answers.shift() : receiver.answers[0];
    response.writeHead(status as number).end();
    for (const tell of waiting.splice(0)) tell();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    received,
    types: () => received.map(({ event }) => event.type),
    async came(count: number) {
      while (received.length < count) {
        await new Promise<void>((resolve) => {
          waiting = [...waiting, resolve];
        });
      }
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

/** The error a call ends with. */
export async function errorOf(
  call: Promise<unknown>,
): Promise<InstanceType<typeof Stripe.errors.StripeError>> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error("the call succeeded");
}
