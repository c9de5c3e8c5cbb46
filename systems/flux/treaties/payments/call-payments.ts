import type { Means, Reply } from "@entente/core";
import { type HttpAnswer, httpCall } from "../http-call.ts";

/** The version of the interface that this treaty was written against. */
const interfaceVersion = "2026-10-28.endive";

export interface PaymentsCall {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly form?: URLSearchParams;
  readonly idempotencyKey?: string;
}

/**
 * One request to the payment provider. Errors: `request-not-sent` (unavailable) when certainly nothing left; anything else thrown
 * means that it may have.
 */
export async function callPayments(baseUrl: string, call: PaymentsCall, means: Means): Promise<Reply> {
  const url = new URL(call.path, baseUrl);
  const apiKey = await means.secret("apiKey");
  const { method, form, idempotencyKey } = call;
  const answer = await httpCall(
    {
      url: url.href,
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        "stripe-version": interfaceVersion,
        ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
        ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
      },
      ...(form === undefined ? {} : { body: form.toString() }),
    },
    means,
  );
  return { status: String(answer.status), raw: answer.text, body: bodyOf(answer) };
}

/** The JSON, or the text when it is none. How long to wait stands in a header and is put beside the error it belongs to. */
function bodyOf({ text, headers }: HttpAnswer): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return text;
  }
  const seconds = Number(headers["retry-after"]);
  const error = (body as { readonly error?: unknown } | null)?.error;
  if (!Number.isFinite(seconds) || typeof error !== "object" || error === null) return body;
  return { error: { ...error, retry_after_seconds: seconds } };
}
