import type { FastifyRequest } from "fastify";
import type { Control } from "../control/control.ts";
import { malformedJson } from "../control/malformed-json.ts";
import type { Subject } from "../control/rule-book.ts";
import type { Answer, SimulatorSystem } from "../control/simulator-system.ts";
import { type RunningSimulator, type SimulatorOptions, startSimulator } from "../control/start-simulator.ts";
import { customerRoutes } from "./customer-routes.ts";
import { declines, description, refusals } from "./description.ts";
import { idempotencyKeyOf } from "./idempotency.ts";
import type { Parameters } from "./parameters.ts";
import { paymentIntentRoutes } from "./payment-intent-routes.ts";
import { paymentsControls } from "./payments-controls.ts";
import { openPaymentsWorld } from "./payments-world.ts";
import { recordRoutes } from "./record-routes.ts";
import { refundRoutes } from "./refund-routes.ts";
import { metadataSought } from "./search-query.ts";
import { speakStripe } from "./stripe-http.ts";
import { errorAnswer } from "./stripe-refusal.ts";
import { webhookEndpointRoutes } from "./webhook-endpoint-routes.ts";

/** Starts the payments simulator: Stripe's interface, checked with Stripe's own client. Errors: those of listening. */
export function startPayments(options: SimulatorOptions = {}): Promise<RunningSimulator> {
  return startSimulator({ description, open: openPayments }, options);
}

/** The metadata key under which our own systems name a payment; rules and logs know requests by it. */
const businessKey = "entente_key";

function openPayments(control: Control): SimulatorSystem {
  const world = openPaymentsWorld(control);
  return {
    answers: {
      rejection({ reason }, request) {
        // A decline leaves its trace in intent, charge and events: the handler makes it.
        if (Object.hasOwn(declines, reason)) return null;
        request.begun = true;
        const message = refusals[reason]?.message ?? reason;
        return errorAnswer(400, { type: "invalid_request_error", code: reason, message });
      },
      unauthorized: () =>
        errorAnswer(
          401,
          { type: "invalid_request_error", message: "Invalid API Key provided: sk_test_****" },
          null,
          {
            "www-authenticate": 'Bearer realm="Stripe"',
          },
        ),
      throttled: (seconds) =>
        errorAnswer(
          429,
          { type: "invalid_request_error", code: "rate_limit", message: "Request rate limit exceeded." },
          seconds !== null,
          seconds === null ? {} : { "retry-after": String(seconds) },
        ),
      // The same key would get the same answer again: the original advises against repeating.
      serverError: (status) =>
        errorAnswer(status ?? 500, { type: "api_error", message: "An unknown error occurred." }, false),
      unavailable: () =>
        errorAnswer(503, { type: "api_error", message: "The service is temporarily unavailable." }, true),
      unknownStatus: (status, answer) => withStatus(answer, status ?? "pending_review"),
      malformed: (variant, answer) => malformedJson(variant, answer, ["status", "id"]),
    },
    identify: (request) => ({
      operation: request.routeOptions.config.operation ?? null,
      keys: keysOf(request),
    }),
    routes: [
      async (app) => {
        speakStripe(app, world);
        paymentIntentRoutes(app, world);
        refundRoutes(app, world);
        customerRoutes(app, world);
        recordRoutes(app, world);
        webhookEndpointRoutes(app, world);
      },
    ],
    controls: paymentsControls(world),
    reset: () => world.reset(),
  };
}

/**
 * What a request is known by: the business key in its metadata, then its idempotency key. An inquiry is known by the business
 * key it searches for, or the id it reads, so that the log shows who asked before repeating.
 */
function keysOf(request: FastifyRequest): Subject["keys"] {
  if (request.method === "GET") return sought(request);
  const { metadata } = (request.body ?? {}) as Parameters;
  const key = typeof metadata === "object" ? (metadata as Parameters)[businessKey] : undefined;
  return [key, idempotencyKeyOf(request)].filter((one) => typeof one === "string");
}

function sought(request: FastifyRequest): Subject["keys"] {
  const { id } = request.params as { readonly id?: string };
  if (id !== undefined) return [id];
  const query = new URLSearchParams(request.url.split("?")[1] ?? "").get("query") ?? "";
  return metadataSought(query, businessKey);
}

/** The answer with another status: its own, or that of the first object of a list. */
function withStatus(answer: Answer, status: string): Answer {
  const body = JSON.parse(answer.body) as { status?: string; data?: { status?: string }[] };
  const object = body.status === undefined ? body.data?.[0] : body;
  if (object?.status === undefined) return answer;
  object.status = status;
  return { ...answer, body: JSON.stringify(body) };
}
