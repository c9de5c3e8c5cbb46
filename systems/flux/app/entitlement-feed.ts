import type { System } from "@entente/core";
import { entitlementFreshMs } from "../contexts/entitlement/contract/entitlement.ts";
import { feedTreaty } from "./entitlement-copy.ts";

/** How far the authority for entitlements has been heard. Times in business time. */
export interface EntitlementFeed {
  /** Epoch milliseconds up to which everything it had to say was heard; null: not known. */
  readonly asOf: number | null;
  readonly ageMs: number | null;
  /** It is followed, and was heard within the time for which its word may be taken for news: what it said last still holds. */
  readonly isCurrent: boolean;
}

/** Errors: those of reading the database of the context that follows it. */
export async function readEntitlementFeed(system: System): Promise<EntitlementFeed> {
  const feed = (await system.treaties.feeds("entitlement")).find((one) => one.treaty === feedTreaty);
  const isFollowed = feed?.state === "following" || feed?.state === "reading";
  return feedOf(system, feed?.heardAt ?? null, isFollowed);
}

/**
 * The same for readers that have other things to tell and must not wait for it: read again each second, at most 200 ms waited for. When it
 * cannot be read, what was read last counts, until it is too old by itself.
 */
export function followEntitlementFeed(system: System): () => Promise<EntitlementFeed> {
  let last: { readonly asOf: number | null; readonly isFollowed: boolean } = {
    asOf: null,
    isFollowed: false,
  };
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | null = null;
  const read = async (): Promise<void> => {
    try {
      const { asOf, isCurrent } = await readEntitlementFeed(system);
      last = { asOf, isFollowed: isCurrent };
    } catch {
      // Its store is away, which the status of the system tells.
    }
    readAt = performance.now();
    reading = null;
  };
  return async () => {
    if (performance.now() - readAt > readEveryMs) {
      reading ??= read();
      await Promise.race([reading, pause(waitsMs)]);
    }
    return feedOf(system, last.asOf, last.isFollowed);
  };
}

const readEveryMs = 1_000;
const waitsMs = 200;

function feedOf(system: System, asOf: number | null, isFollowed: boolean): EntitlementFeed {
  const ageMs = asOf === null ? null : Math.max(0, Math.round(system.clock.now() - asOf));
  return { asOf, ageMs, isCurrent: isFollowed && ageMs !== null && ageMs <= entitlementFreshMs };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
