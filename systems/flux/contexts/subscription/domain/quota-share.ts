import type { Decider, Decision, Entry, Refusal } from "@entente/core/model";
import {
  type MoveQuotaShare,
  moveQuotaShare,
  quotaShareMoved,
  quotaShareRefused,
} from "../contract/quota-keeper.ts";
import { refuse } from "./refuse.ts";

/** The one ordering key of a tenant's share. */
export const quotaShareKey = "quota-share";

/** The share as last moved; null: it was never said, and every account is decided here. */
export interface QuotaShare {
  readonly sharePercent: number | null;
}

/**
 * The share of a tenant's accounts whose quota is decided here. It only rises: what was taken from the books is not given back to them.
 * The first word may be any, and lends the books what it leaves them. Refuses: quota-share-falls.
 */
export const quotaShareDecider: Decider<QuotaShare> = {
  name: "quota-share",
  commands: { [moveQuotaShare.type]: { parking: "hold-key", schemaVersion: moveQuotaShare.schemaVersion } },
  facts: [quotaShareMoved, quotaShareRefused],
  refusalType: quotaShareRefused.type,
  initial: { sharePercent: null },
  decide(state: QuotaShare, command: Entry): Decision | Refusal {
    const { sharePercent } = command.data as MoveQuotaShare;
    const present = state.sharePercent;
    if (present !== null && sharePercent < present)
      return refuse("quota-share-falls", { sharePercent: present });
    // Said again it is told to every account again: that mends what an interruption left.
    return { facts: [{ type: quotaShareMoved.type, data: { sharePercent } }] };
  },
  evolve: (state, { type, data }) =>
    type === quotaShareMoved.type ? { sharePercent: (data as MoveQuotaShare).sharePercent } : state,
};

/**
 * True when a share of `sharePercent` takes the account in. Stable for ever, and monotone: a larger share takes in whatever a smaller one does.
 * FNV-1a over UTF-16 code units of `tenant NUL account NUL quota-share`, modulo 100; salted, so that it has nothing to do with lanes.
 */
export function isInShare(tenantId: string, accountId: string, sharePercent: number): boolean {
  let hash = 0x811c9dc5;
  const text = `${tenantId}\u0000${accountId}\u0000${quotaShareKey}`;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return (hash >>> 0) % 100 < sharePercent;
}
