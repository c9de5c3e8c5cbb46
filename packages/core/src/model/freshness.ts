import type { NewEntry } from "./entry.ts";

/**
 * How long an entry may be taken for news. What a system of record decided does not expire: a debit is true for ever. What was observed
 * elsewhere does: it says how things stood when somebody looked. Milliseconds (> 0), or `never`.
 */
export type Freshness = number | "never";

type Aging = Pick<NewEntry<object>, "occurredAt" | "ttlMs">;

/**
 * What an entry declared so may claim when it follows from another one: never more than what is left of its cause. What follows from
 * something stale is stale from its first millisecond on, however new it is. Null: it never goes stale.
 */
export function ttlOf(declared: Freshness | undefined, cause: Aging | null, now: number): number | null {
  if (declared === undefined || declared === "never") return null;
  const until = cause === null ? null : freshUntil(cause);
  return until === null ? declared : Math.min(declared, Math.max(1, until - now));
}

/** Up to when, inclusive, it may be taken for news: epoch milliseconds, business time. Null: for ever. */
export function freshUntil({ occurredAt, ttlMs }: Aging): number | null {
  return ttlMs === null ? null : occurredAt + ttlMs;
}

/** Past its time: still in its place and still applied in order, but to be marked. `now`: business time. */
export function isStale(entry: Aging, now: number): boolean {
  const until = freshUntil(entry);
  return until !== null && now > until;
}
