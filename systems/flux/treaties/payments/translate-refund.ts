import type { Reply, Translation } from "@entente/core";
import { Value } from "typebox/value";
import { codeOf, hasError, isLogonRefused } from "./provider-errors.ts";
import { FoundRefunds, Refund, RefundEvent } from "./their-refunds.ts";

/**
 * The provider's words about a refund in ours. Pure. A status or shape that is not documented throws: then nothing is known, and the
 * provider is asked; a code that is not documented is handed on as it is and meets the error map.
 */
export function translateRefund({ body, status }: Reply, of: "answer" | "inquiry" | "callback"): Translation {
  if (of === "callback") return aboutRefund((Value.Parse(RefundEvent, body) as RefundEvent).data.object);
  if (isLogonRefused(status)) return { says: "code", code: status };
  if (hasError(body)) return of === "inquiry" && status === "404" ? { says: "not-known" } : codeOf(body);
  if (of === "answer" || Value.Check(Refund, body)) return aboutRefund(Value.Parse(Refund, body) as Refund);
  const { data, has_more: hasMore } = Value.Parse(FoundRefunds, body) as FoundRefunds;
  const [found] = data;
  if (found !== undefined) return aboutRefund(found);
  if (hasMore) throw new Error("more refunds of one charge than one page");
  return { says: "not-known" };
}

function aboutRefund({ id: reference, status, failure_reason: why }: Refund): Translation {
  switch (status) {
    case "succeeded":
      return { says: "completed", reference };
    case "pending":
    // Their customer has to say where the money may go.
    case "requires_action":
      return { says: "accepted", reference };
    case "failed":
    case "canceled":
      return { says: "code", code: why ?? status, reference };
    default:
      throw new Error("no documented status of a refund");
  }
}
