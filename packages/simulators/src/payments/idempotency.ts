import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Control } from "../control/control.ts";
import type { AccountState } from "./account-state.ts";
import { canonical, type Parameters } from "./parameters.ts";
import { errorAnswer, type StripeError } from "./stripe-refusal.ts";

/** The first answer to an idempotency key. */
export interface StoredAnswer {
  /** Method, path and parameters; the key is bound to them. */
  readonly fingerprint: string;
  /** Milliseconds by the simulator's clock. */
  readonly at: number;
  readonly requestId: string;
  /** Null: the first request still runs. */
  answer: { readonly status: number; readonly body: string } | null;
}

/** Answers are kept for a day, the least that the original promises. Then a key is as new, and a repeat happens again. */
export const keptMs = 24 * 3_600_000;
export const keyLengthAllowed = 255;

declare module "fastify" {
  interface FastifyRequest {
    /** The key's entry that this request made and must fill or take back; null: it has none, or gave a stored answer. */
    stored: StoredAnswer | null;
    /** The operation began although it was refused: its answer is kept. */
    begun: boolean;
  }
}

/**
 * One answer per idempotency key, as the original describes it for its v1 interface: the first status and body are repeated,
 * server errors included; another request under the same key is 400 `idempotency_error`; one that arrives while the first
 * still runs is 409; and nothing is kept of what failed validation or met such a conflict.
 */
export function keepAnswers(app: FastifyInstance, { clock }: Pick<Control, "clock">): void {
  app.decorateRequest("stored", null);
  app.decorateRequest("begun", false);

  app.addHook("preHandler", async (request, reply) => {
    const key = idempotencyKeyOf(request);
    if (request.method !== "POST" || key === null) return;
    if (key.length > keyLengthAllowed) return refuse(reply, 400, keyTooLong);
    const { answers } = request.account;
    const before = answers.get(key);
    const fingerprint = fingerprintOf(request);
    if (before === undefined || clock.now() - before.at >= keptMs) {
      request.stored = { fingerprint, at: clock.now(), requestId: request.stripeId, answer: null };
      answers.set(key, request.stored);
      return;
    }
    if (before.fingerprint !== fingerprint) return refuse(reply, 400, otherRequest(key));
    if (before.answer === null) return refuse(reply, 409, stillRunning(key), true);
    reply.headers({ "idempotent-replayed": "true", "original-request": before.requestId });
    return reply.code(before.answer.status).type("application/json").send(before.answer.body);
  });

  app.addHook("onSend", async (request, reply, payload) => {
    const { stored } = request;
    if (stored === null) return payload;
    const { statusCode } = reply;
    if (request.begun || statusCode < 400 || statusCode >= 500) {
      stored.answer = { status: statusCode, body: String(payload) };
      request.account.answers.set(idempotencyKeyOf(request) as string, stored);
    } else {
      forget(request.account, stored, idempotencyKeyOf(request) as string);
    }
    reply.headers({ "original-request": stored.requestId });
    return payload;
  });
}

export function idempotencyKeyOf(request: FastifyRequest): string | null {
  const key = request.headers["idempotency-key"];
  return typeof key === "string" && key !== "" ? key : null;
}

function forget({ answers }: AccountState, stored: StoredAnswer, key: string): void {
  if (answers.get(key) === stored) answers.delete(key);
}

function fingerprintOf(request: FastifyRequest): string {
  const parameters = canonical((request.body ?? {}) as Parameters);
  return createHash("sha256").update(`${request.method} ${request.url}\n${parameters}`).digest("hex");
}

function refuse(reply: FastifyReply, status: number, error: StripeError, retry = false): FastifyReply {
  const { headers, body } = errorAnswer(status, error, retry);
  return reply.code(status).headers(headers).send(body);
}

const keyTooLong: StripeError = {
  type: "invalid_request_error",
  message: `Idempotency keys have at most ${keyLengthAllowed} characters.`,
};

function otherRequest(key: string): StripeError {
  return {
    type: "idempotency_error",
    message: `Keys for idempotent requests can only be used with the same parameters and endpoint they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
  };
}

function stillRunning(key: string): StripeError {
  return {
    type: "idempotency_error",
    code: "idempotency_key_in_use",
    message: `There is currently another in-progress request using this idempotency key: '${key}'. Please try again later.`,
  };
}
