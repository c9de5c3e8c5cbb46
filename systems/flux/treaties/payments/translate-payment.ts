import type { Reply, Translation } from "@entente/core";
import { Value } from "typebox/value";
import { FoundPaymentIntents, PaymentEvent, PaymentIntent } from "./their-messages.ts";

/**
 * The provider's words in ours. Pure. A status or shape that is not documented throws: then nothing is known, and the provider is
 * asked; a code that is not documented is handed on as it is and meets the error map.
 */
export function translatePayment(
  { body, status }: Reply,
  of: "answer" | "inquiry" | "callback",
): Translation {
  if (of === "callback") return aboutIntent((Value.Parse(PaymentEvent, body) as PaymentEvent).data.object);
  if (status === "401" || status === "403") return asCode(status);
  if (hasError(body)) return of === "inquiry" && status === "404" ? { says: "not-known" } : aboutError(body);
  if (of === "answer" || Value.Check(PaymentIntent, body))
    return aboutIntent(Value.Parse(PaymentIntent, body));
  const { data } = Value.Parse(FoundPaymentIntents, body);
  // One key is one intent. Were there more, the one that took the money is what matters.
  const found = data.find((one) => one.status === "succeeded") ?? data[0];
  return found === undefined ? { says: "not-known" } : aboutIntent(found);
}

function aboutIntent(intent: PaymentIntent): Translation {
  const { id: reference, status, last_payment_error: failure } = intent;
  switch (status) {
    case "succeeded":
      return { says: "completed", reference };
    case "processing":
      return { says: "accepted", reference };
    case "requires_payment_method": {
      const theirs = failure?.decline_code ?? failure?.code;
      // Never attempted, so nobody declined it: not a state in which an intent of ours can be.
      if (theirs === undefined) break;
      return { ...asCode(theirs), reference };
    }
    case "requires_action":
    case "canceled":
      return { ...asCode(status), reference };
    default:
  }
  throw new Error("no documented status of a charge");
}

interface TheirError {
  readonly error: {
    readonly type?: unknown;
    readonly code?: unknown;
    readonly decline_code?: unknown;
    readonly payment_intent?: unknown;
    /** Added by the call from the header `Retry-After`. */
    readonly retry_after_seconds?: unknown;
  };
}

function hasError(body: unknown): body is TheirError {
  const error = (body as Partial<TheirError> | null)?.error;
  return typeof error === "object" && error !== null;
}

function aboutError({ error }: TheirError): Translation {
  const theirs = [error.decline_code, error.code, error.type].find((one) => typeof one === "string");
  if (theirs === undefined) throw new Error("an error without code and type");
  const intent = Value.Check(PaymentIntent, error.payment_intent) ? error.payment_intent : null;
  // An error about an intent that has taken the money says that the money was taken.
  if (intent?.status === "succeeded") return aboutIntent(intent);
  const seconds = error.retry_after_seconds;
  return {
    ...asCode(String(theirs)),
    ...(intent === null ? {} : { reference: intent.id }),
    ...(typeof seconds === "number" ? { retryAfterMs: seconds * 1_000 } : {}),
  };
}

function asCode(theirs: string): Translation {
  return { says: "code", code: theirs };
}
