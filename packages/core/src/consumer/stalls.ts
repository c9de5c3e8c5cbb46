import type { Entry } from "../model/entry.ts";
import type { Connection, Statement } from "../postgres/database.ts";

/**
 * Keys whose next entry cannot be executed now. While a key is stalled its later entries are put aside in order,
 * so that the lane flows and the key keeps its order. Life-cycle of one entry: docs/states/parked-entry.md.
 */
export interface Stalls {
  has(entry: Entry): boolean;
  add(entry: Entry): void;
  remove(key: StalledKey): void;
  readonly size: number;
}

export interface StalledKey {
  readonly tenantId: string;
  readonly key: string;
  readonly lane: number;
}

const openKeys: Statement = {
  name: "parked-open-keys",
  text: `select distinct tenant_id, key, lane from entente.parked
    where consumer = $1 and lane = any($2::int2[]) and state not in ('done', 'discarded')
      and not (state = 'parked' and policy = 'step-aside')`,
};

export interface OpenStalls extends Stalls {
  keys(): Iterable<StalledKey>;
}

/** Loads the stalled keys of the lanes this worker owns. Memory: one small object per stalled key. */
export async function loadStalls(
  connection: Connection,
  consumer: string,
  lanes: readonly number[],
): Promise<OpenStalls> {
  const rows = await connection.run<{ tenant_id: string; key: string; lane: number }>(openKeys, [
    consumer,
    lanes,
  ]);
  const keys = new Map<string, StalledKey>();
  const name = (tenantId: string, key: string) => `${tenantId}\u0000${key}`;
  for (const row of rows) {
    keys.set(name(row.tenant_id, row.key), { tenantId: row.tenant_id, key: row.key, lane: row.lane });
  }
  return {
    has: (entry) => keys.size > 0 && keys.has(name(entry.tenantId, entry.key)),
    add: (entry) => {
      keys.set(name(entry.tenantId, entry.key), {
        tenantId: entry.tenantId,
        key: entry.key,
        lane: entry.lane,
      });
    },
    remove: (key) => {
      keys.delete(name(key.tenantId, key.key));
    },
    get size() {
      return keys.size;
    },
    keys: () => keys.values(),
  };
}
