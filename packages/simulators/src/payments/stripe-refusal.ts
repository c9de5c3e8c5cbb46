import type { Answer } from "../control/simulator-system.ts";

/** The `error` object of an answer. */
export interface StripeError {
  readonly type: "api_error" | "card_error" | "idempotency_error" | "invalid_request_error";
  readonly message: string;
  readonly code?: string;
  readonly decline_code?: string;
  readonly param?: string;
  readonly charge?: string;
  readonly payment_intent?: object;
}

/**
 * A refusal on its way out of a handler. It is thrown, unlike refusals elsewhere in this repository, because it can come from
 * any depth of reading a request and always ends the same way: as this answer.
 */
export class StripeRefusal extends Error {
  readonly statusCode: number;
  readonly error: StripeError;
  /** The operation had begun: its answer is kept under the idempotency key. What fails validation has not begun. */
  readonly begun: boolean;

  constructor(statusCode: number, error: StripeError, begun: boolean) {
    super(error.message);
    this.name = "StripeRefusal";
    this.statusCode = statusCode;
    this.error = error;
    this.begun = begun;
  }
}

/** The request itself is wrong: 400, and nothing began. */
export function invalid(message: string, param?: string, code?: string): StripeRefusal {
  const about = { ...(code === undefined ? {} : { code }), ...(param === undefined ? {} : { param }) };
  return new StripeRefusal(400, { type: "invalid_request_error", message, ...about }, false);
}

/** There is no such object: 404 for the object of the path, 400 for one that a parameter names. */
export function missing(kind: string, id: string, param: string): StripeRefusal {
  const message = `No such ${kind}: '${id}'`;
  const status = param === "id" || param === "intent" ? 404 : 400;
  return new StripeRefusal(
    status,
    { type: "invalid_request_error", code: "resource_missing", message, param },
    false,
  );
}

/** The state of things does not allow it: 400, and the answer is kept. */
export function notNow(code: string | null, message: string, more: Partial<StripeError> = {}): StripeRefusal {
  const coded = code === null ? {} : { code };
  return new StripeRefusal(400, { type: "invalid_request_error", ...coded, message, ...more }, true);
}

/** An answer with an error in it. `retry`: what `Stripe-Should-Retry` says; null: it is not sent. */
export function errorAnswer(
  status: number,
  error: StripeError,
  retry: boolean | null = null,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: {
      "content-type": "application/json",
      ...(retry === null ? {} : { "stripe-should-retry": String(retry) }),
      ...headers,
    },
    body: JSON.stringify({ error }, null, 2),
  };
}
