import { Failure } from "../model/failure.ts";
import { int8Array, jsonArray, textArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";

/** States of decided keys: the fold of all facts of a key, kept so that deciding does not replay. */

export interface KeyState<State extends object> {
  readonly tenantId: string;
  readonly key: string;
  /** Number of facts folded in; 0 for a key without facts. */
  readonly version: number;
  readonly state: State;
}

const load: Statement = {
  name: "state-load",
  text: `select s.tenant_id, s.key, s.version, s.data
    from unnest($2::text[], $3::text[]) as wanted(tenant_id, key)
    join entente.state s on s.tenant_id = wanted.tenant_id and s.decider = $1 and s.key = wanted.key`,
};

/** Loads the states of many keys in one query. Keys without facts are absent. */
export async function loadStates<State extends object>(
  connection: Connection,
  decider: string,
  keys: readonly { readonly tenantId: string; readonly key: string }[],
): Promise<KeyState<State>[]> {
  if (keys.length === 0) return [];
  const rows = await connection.run<{ tenant_id: string; key: string; version: string; data: State }>(load, [
    decider,
    textArray(keys.map((k) => k.tenantId)),
    textArray(keys.map((k) => k.key)),
  ]);
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    key: row.key,
    version: Number(row.version),
    state: row.data,
  }));
}

const save: Statement = {
  name: "state-save",
  text: `with saved as (
      insert into entente.state as s (tenant_id, decider, key, version, data)
        select tenant_id, $1, key, version, data
        from unnest($2::text[], $3::text[], $4::int8[], $5::json[]) as n(tenant_id, key, version, data)
      on conflict (tenant_id, decider, key) do update set version = excluded.version, data = excluded.data
        where s.version < excluded.version
      returning 1)
    select count(*)::int as n from saved`,
};

/**
 * Saves the states of many keys with one statement.
 * Errors: `state-moved-on` (conflict) when a key is already at this version or beyond: somebody else decided it.
 */
export async function saveStates(
  connection: Connection,
  decider: string,
  states: readonly KeyState<object>[],
): Promise<void> {
  if (states.length === 0) return;
  const [row] = await connection.run<{ n: number }>(save, [
    decider,
    textArray(states.map((s) => s.tenantId)),
    textArray(states.map((s) => s.key)),
    int8Array(states.map((s) => s.version)),
    jsonArray(states.map((s) => JSON.stringify(s.state))),
  ]);
  if (row?.n !== states.length) {
    throw new Failure("conflict", "state-moved-on", "A key was decided by somebody else meanwhile.");
  }
}
