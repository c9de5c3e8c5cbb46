import { newId } from "../journal/new-id.ts";
import type { JsonObject, NewEntry } from "../model/entry.ts";

/**
 * The control entry of what an operator did to a whole context: the start of a process of its own, on the context's own key.
 * `data` says who and why; `now` is business time. Append it in the transaction of the act, so that neither is without the other.
 */
export function contextAct(
  context: string,
  now: number,
  tenantId: string,
  type: string,
  data: JsonObject,
): NewEntry {
  const id = newId(now);
  return {
    id,
    kind: "control",
    type,
    schemaVersion: "1.0.0",
    source: context,
    target: null,
    tenantId,
    key: `context:${context}`,
    keyVersion: null,
    processId: id,
    correlationId: id,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: now,
    data,
  };
}
