import type { Entry } from "../model/entry.ts";
import { int2Array, textArray } from "../postgres/arrays.ts";
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
  text: `select distinct on (p.consumer, p.tenant_id, p.key) p.consumer, p.tenant_id, p.key, p.lane, p.state,
      greatest(0, coalesce(extract(epoch from p.next_try_at - clock_timestamp()) * 1000, 0))::float8 as wait_ms
    from unnest($1::text[], $2::int2[]) as owned(consumer, lane)
    join entente.parked p on p.consumer = owned.consumer and p.lane = owned.lane
    where p.state not in ('done', 'discarded') and not (p.state = 'parked' and p.policy = 'step-aside')
    order by p.consumer, p.tenant_id, p.key, p.xid, p.seq`,
};

interface OpenKeyRow extends Record<string, unknown> {
  consumer: string;
  tenant_id: string;
  key: string;
  lane: number;
  state: string;
  wait_ms: number;
}

/** Loads the stalled keys of the lanes this worker owns, for each consumer asked for. Memory: one small object per stalled key. */
export async function loadStalls(
  connection: Connection,
  asked: readonly { readonly consumer: string; readonly lanes: readonly number[] }[],
): Promise<readonly OpenStalls[]> {
  const owned = asked.flatMap(({ consumer, lanes }) => lanes.map((lane) => ({ consumer, lane })));
  const rows = await connection.run<OpenKeyRow>(openKeys, [
    textArray(owned.map(({ consumer }) => consumer)),
    int2Array(owned.map(({ lane }) => lane)),
  ]);
  const loadedAt = performance.now();
  const ofConsumers = Map.groupBy(rows, ({ consumer }) => consumer);
  return asked.map(({ consumer }) => stallsOf(ofConsumers.get(consumer) ?? [], loadedAt));
}

function stallsOf(rows: readonly OpenKeyRow[], loadedAt: number): OpenStalls {
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
