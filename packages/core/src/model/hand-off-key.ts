/** What a hand-off is about, in words of the business. Nothing in it changes from one sending to the next. */
export interface BusinessIdentity {
  readonly tenantId: string;
  /** What it concerns, such as an order: `order`, `ord-9`. */
  readonly aggregateType: string;
  readonly aggregateId: string;
  /** Part of the aggregate; null when it concerns the whole. */
  readonly line: string | null;
  /** The system asked. */
  readonly target: string;
  /** What for: two purposes never share a key. */
  readonly purpose: string;
}

/** What the key is made of, in this order. Another order, or another part, is another key: repeats would be done twice. */
export const handOffKeyParts = [
  "tenantId",
  "aggregateType",
  "aggregateId",
  "line",
  "target",
  "purpose",
  "attempt",
] as const;

/**
 * The idempotency key: tenant, aggregate, line, target, purpose, attempt. The same business act has the same key however often it
 * is sent, and another one never has it: separators inside a part are escaped.
 * Bounds: attempt 1 and up.
 */
export function handOffKey(identity: BusinessIdentity, attempt: number): string {
  const { line } = identity;
  // A missing line is not an empty one.
  const values = { ...identity, line: line === null ? "" : `=${line}`, attempt: String(attempt) };
  return handOffKeyParts.map((part) => escaped(values[part])).join(":");
}

/** Visible ASCII without the separator, so that the key fits into a header as it is. */
function escaped(part: string): string {
  return encodeURIComponent(part.toWellFormed()).replaceAll("%3D", "=");
}
