import type { Reply, Translation } from "@entente/core";
import { Value } from "typebox/value";
import { codeOf, hasError, isLogonRefused, type ProviderError } from "./provider-errors.ts";
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
  if (isLogonRefused(status)) return asCode(status);
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

function aboutError(body: ProviderError): Translation {
  const told = codeOf(body);
  const { payment_intent: theirs } = body.error;
  const intent = Value.Check(PaymentIntent, theirs) ? theirs : null;
  // An error about an intent that has taken the money says that the money was taken.
  if (intent?.status === "succeeded") return aboutIntent(intent);
  return intent === null ? told : { ...told, reference: intent.id };
}

function asCode(theirs: string): Translation {
  return { says: "code", code: theirs };
}
