import type { FastifyInstance, FastifyRequest } from "fastify";
import type { EffectOfCall } from "../control/received-call.ts";
import type { AccountState } from "./account-state.ts";
import type { PaymentsOperation } from "./description.ts";
import { expanded } from "./expand.ts";
import { idempotencyKeyOf, keepAnswers } from "./idempotency.ts";
import { list, type Parameters, readParameters } from "./parameters.ts";
import { defaultApiVersion } from "./payment-event.ts";
import type { Act, PaymentsWorld } from "./payments-world.ts";
import { errorAnswer, invalid, StripeRefusal } from "./stripe-refusal.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Whose key it came with. */
    account: AccountState;
    /** `req_…`, as in the answer's `Request-Id`. */
    stripeId: string;
  }
  interface FastifyContextConfig {
    operation?: string;
  }
}

/** What every call of the interface has in common: key, version, request id, form bodies, errors, idempotency. */
export function speakStripe(app: FastifyInstance, world: PaymentsWorld): void {
  app.decorateRequest("account", null as never);
  app.decorateRequest("stripeId", "");

  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string" },
    (_request, body, done) => {
      try {
        done(null, readParameters(String(body)));
      } catch (error) {
        done(error as Error);
      }
    },
  );

  app.addHook("onRequest", async (request) => {
    request.stripeId = world.newRequestId();
    checkVersion(request);
    request.account = accountOf(request, world);
  });

  keepAnswers(app, world.control);

  app.addHook("onSend", async (request, reply, payload) => {
    reply.headers({
      "request-id": request.stripeId === "" ? world.newRequestId() : request.stripeId,
      "stripe-version": versionOf(request),
    });
    const key = idempotencyKeyOf(request);
    if (key !== null) reply.header("idempotency-key", key);
    return payload;
  });

  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const refusal = error instanceof StripeRefusal ? error : refusalOf(error);
    request.begun = refusal.begun;
    const headers = refusal.statusCode === 401 ? { "www-authenticate": 'Bearer realm="Stripe"' } : {};
    const answer = errorAnswer(refusal.statusCode, refusal.error, null, headers);
    reply.code(answer.status).headers(answer.headers).send(answer.body);
  });

  app.setNotFoundHandler((request) => {
    const message = `Unrecognized request URL (${request.method}: ${request.url.split("?", 1)[0]}).`;
    throw new StripeRefusal(404, { type: "invalid_request_error", message }, false);
  });
}

/** Errors of the server's own: an unreadable body, a wrong media type; anything else is a defect, and says so as the original would. */
function refusalOf({ message, statusCode = 500 }: Error & { statusCode?: number }): StripeRefusal {
  return statusCode < 500
    ? new StripeRefusal(statusCode, { type: "invalid_request_error", message }, false)
    : new StripeRefusal(500, { type: "api_error", message: "An unknown error occurred." }, false);
}

function versionOf(request: FastifyRequest): string {
  const version = request.headers["stripe-version"];
  return typeof version === "string" ? version : defaultApiVersion;
}

/** Errors: 400 for what is no version. Every version is answered in the newest shape. */
function checkVersion(request: FastifyRequest): void {
  const version = versionOf(request);
  if (!/^\d{4}-\d{2}-\d{2}(?:\.[a-z]+)?$/.test(version))
    throw invalid(`Invalid Stripe API version: ${version}`);
}

/** Errors: 401 without a key, or with one that nobody has. */
function accountOf(request: FastifyRequest, world: PaymentsWorld): AccountState {
  const key = keyOf(request.headers.authorization ?? "");
  if (key === null) {
    throw unauthorized(
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    );
  }
  const account = world.stateOf(key);
  if (account === null) throw unauthorized(`Invalid API Key provided: ${key.slice(0, 8)}****`);
  return account;
}

function unauthorized(message: string): StripeRefusal {
  return new StripeRefusal(401, { type: "invalid_request_error", message }, false);
}

/** The key stands behind `Bearer`, or is the user name of Basic. */
function keyOf(header: string): string | null {
  const [, scheme = "", value = ""] = /^(bearer|basic)\s+(\S+)$/i.exec(header) ?? [];
  if (scheme.toLowerCase() === "bearer") return value;
  if (scheme === "") return null;
  return Buffer.from(value, "base64").toString("utf8").split(":", 1)[0] ?? null;
}

export function queryOf(request: FastifyRequest): Parameters {
  const cut = request.url.indexOf("?");
  return readParameters(cut === -1 ? "" : request.url.slice(cut + 1));
}

export function bodyOf(request: FastifyRequest): Parameters {
  return (request.body as Parameters | undefined) ?? {};
}

type Method = "GET" | "POST" | "DELETE";

export interface Registered {
  readonly method: Method;
  readonly url: string;
  readonly operation: PaymentsOperation;
}

/** A route that reads: parameters stand in the query. */
export function reads(
  app: FastifyInstance,
  operation: PaymentsOperation,
  url: string,
  answer: (state: AccountState, query: Parameters, id: string) => object,
): void {
  app.get<{ Params: { id?: string } }>(url, { config: { operation } }, async (request) => {
    const query = queryOf(request);
    const object = answer(request.account, query, request.params.id ?? "");
    return expanded(object, list(query, "expand") ?? [], request.account);
  });
}

/**
 * A route that changes something. Events are sent when it is over, even when it was refused: a decline is an event.
 * The ground truth is what `answer` writes by `act.effect`.
 */
export function changes(
  app: FastifyInstance,
  world: PaymentsWorld,
  { method, url, operation }: Registered,
  answer: (act: Act, parameters: Parameters, id: string) => object,
): void {
  app.route<{ Params: { id?: string } }>({
    method,
    url,
    config: { operation },
    handler: async (request) => {
      const parameters = bodyOf(request);
      const expand = list(parameters, "expand") ?? [];
      const act = world.act({
        state: request.account,
        behaviour: request.call.behaviour,
        requestId: request.stripeId,
        idempotencyKey: idempotencyKeyOf(request),
        effect: (effect: EffectOfCall) => request.call.effect(effect),
      });
      try {
        return expanded(answer(act, parameters, request.params.id ?? ""), expand, request.account);
      } finally {
        act.over();
      }
    },
  });
}
