import type { ErrorMap, Translation } from "@entente/core";

/** Errors as the payment provider tells them, whatever it was asked for. */
export interface ProviderError {
  readonly error: {
    readonly type?: unknown;
    readonly code?: unknown;
    readonly decline_code?: unknown;
    readonly payment_intent?: unknown;
    /** Added by the call from the header `Retry-After`. */
    readonly retry_after_seconds?: unknown;
  };
}

export function hasError(body: unknown): body is ProviderError {
  const error = (body as Partial<ProviderError> | null)?.error;
  return typeof error === "object" && error !== null;
}

/** The most exact of its codes, for the error map. Errors: thrown for an error without any. */
export function codeOf({ error }: ProviderError): Translation {
  const theirs = [error.decline_code, error.code, error.type].find((one) => typeof one === "string");
  if (theirs === undefined) throw new Error("an error without code and type");
  const seconds = error.retry_after_seconds;
  return {
    says: "code",
    code: String(theirs),
    ...(typeof seconds === "number" ? { retryAfterMs: seconds * 1_000 } : {}),
  };
}

/** A status that says all there is to know: our key is not accepted. */
export function isLogonRefused(status: string): boolean {
  return status === "401" || status === "403";
}

/**
 * Codes that are about the call and not about the money. None is `IDEMPOTENT_SUCCESS`: a repeat gets the first answer once more, and that
 * says what became of it. A server error may have happened, and is remembered under the key: it is asked about, never just repeated.
 */
export const callErrors: ErrorMap = {
  rate_limit: { class: "TECHNICAL_RETRYABLE", means: "Too many requests; this one was not looked at." },
  lock_timeout: { class: "TECHNICAL_RETRYABLE", means: "Another request held the same object." },
  idempotency_key_in_use: {
    class: "UNKNOWN",
    means: "An earlier sending of ours is still being worked on.",
  },
  api_error: { class: "UNKNOWN", means: "A fault of the provider, before or after it moved money." },
  idempotency_error: {
    class: "DUPLICATE_CONFLICT",
    means: "They hold another request under our key; a person compares the two.",
  },
  "401": { class: "SECURITY_CONFIGURATION_FAILURE", means: "They do not know our API key." },
  "403": { class: "SECURITY_CONFIGURATION_FAILURE", means: "Our API key may not do this." },
};
