import type { Identity } from "./tokens.ts";

interface Remembered {
  readonly identity: Identity;
  readonly until: number;
}

/**
 * Verified tokens, bounded. Two generations instead of a list: when the young one is full it becomes the old one and the
 * former old one is dropped, so a token used within the last half of the capacity stays, and a hit costs one look-up.
 */
export interface TokenCache {
  /** Undefined when unknown, forgotten or past its time. */
  get(token: string, now: number): Identity | undefined;
  put(token: string, identity: Identity, until: number): void;
  size(): number;
}

export function openTokenCache(capacity: number): TokenCache {
  const half = Math.max(1, Math.floor(capacity / 2));
  let young = new Map<string, Remembered>();
  let old = new Map<string, Remembered>();
  const keep = (token: string, one: Remembered): void => {
    if (young.size >= half) {
      old = young;
      young = new Map();
    }
    young.set(token, one);
  };
  return {
    get(token, now) {
      let one = young.get(token);
      if (one === undefined) {
        one = old.get(token);
        if (one === undefined) return undefined;
        old.delete(token);
        if (one.until > now) keep(token, one);
      }
      if (one.until > now) return one.identity;
      young.delete(token);
      return undefined;
    },
    put(token, identity, until) {
      old.delete(token);
      keep(token, { identity, until });
    },
    size: () => young.size + old.size,
  };
}
