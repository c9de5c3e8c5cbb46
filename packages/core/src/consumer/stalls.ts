import type { Entry } from "../model/entry.ts";
import type { Connection, Statement } from "../postgres/database.ts";

/**
 * Keys whose next entry cannot be executed now. While a key is stalled its later entries are put aside in order,
 * so that the lane flows and the key keeps its order. Life-cycle of one entry: docs/states/parked-entry.md.
 */
export interface OpenStalls {
  has(entry: Entry): boolean;
  /** The entry's key is stalled from now on; its first entry may be tried at `tryAt`. */
  add(entry: Entry, tryAt: number): void;
  remove(key: StalledKey): void;
  /** Keys whose first entry may be tried now, at most `limit`. */
  due(now: number, limit: number): StalledKey[];
  readonly size: number;
}

export interface StalledKey {
  readonly tenantId: string;
  readonly key: string;
  readonly lane: number;
  /** When to look at the key again, in milliseconds of performance.now(); Infinity: when an operator has acted. */
  tryAt: number;
}

const openKeys: Statement = {
  name: "parked-open-keys",
  // The first open entry of each key decides when the key may go on. Index: parked_key.
  text: `select distinct on (tenant_id, key) tenant_id, key, lane, state,
      greatest(0, coalesce(extract(epoch from next_try_at - clock_timestamp()) * 1000, 0))::float8 as wait_ms
    from entente.parked
    where consumer = $1 and lane = any($2::int2[]) and state not in ('done', 'discarded')
      and not (state = 'parked' and policy = 'step-aside')
    order by tenant_id, key, xid, seq`,
};

interface OpenKeyRow extends Record<string, unknown> {
  tenant_id: string;
  key: string;
  lane: number;
  state: string;
  wait_ms: number;
}

/** Loads the stalled keys of the lanes this worker owns. Memory: one small object per stalled key. */
export async function loadStalls(
  connection: Connection,
  consumer: string,
  lanes: readonly number[],
): Promise<OpenStalls> {
  const rows = await connection.run<OpenKeyRow>(openKeys, [consumer, lanes]);
  const loadedAt = performance.now();
  const keys = new Map<string, StalledKey>();
  const name = (tenantId: string, key: string) => `${tenantId}\u0000${key}`;
  for (const { tenant_id: tenantId, key, lane, state, wait_ms: waitMs } of rows) {
    const tryAt = state === "parked" ? Number.POSITIVE_INFINITY : loadedAt + waitMs;
    keys.set(name(tenantId, key), { tenantId, key, lane, tryAt });
  }
  return {
    has: (entry) => keys.size > 0 && keys.has(name(entry.tenantId, entry.key)),
    add: ({ tenantId, key, lane }, tryAt) => {
      keys.set(name(tenantId, key), { tenantId, key, lane, tryAt });
    },
    remove: (key) => {
      keys.delete(name(key.tenantId, key.key));
    },
    due(now, limit) {
      const due: StalledKey[] = [];
      for (const key of keys.values()) {
        if (key.tryAt > now) continue;
        due.push(key);
        if (due.length === limit) break;
      }
      return due;
    },
    get size() {
      return keys.size;
    },
  };
}
