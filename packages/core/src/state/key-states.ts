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

export interface SavedState extends KeyState<object> {
  /** True when the key has no row yet. */
  readonly isNew: boolean;
}

const columns = "tenant_id, key, version, data";
const unnestStates = `unnest($2::text[], $3::text[], $4::int8[], $5::json[]) as n(${columns})`;

const insert: Statement = {
  name: "state-insert",
  text: `insert into entente.state (decider, ${columns}) select $1, ${columns} from ${unnestStates}`,
};

/** Two statements instead of an upsert: which keys are new is known, and an update alone costs half. */
const update: Statement = {
  name: "state-update",
  text: `with saved as (
      update entente.state s set version = n.version, data = n.data from ${unnestStates}
      where s.tenant_id = n.tenant_id and s.decider = $1 and s.key = n.key and s.version < n.version returning 1)
    select count(*)::int as n from saved`,
};

/**
 * Saves the states of many keys.
 * Errors: `state-moved-on` (conflict) when a key is already at this version or beyond, or `data-rejected` when a key thought
 * new has a row: somebody else decided it.
 */
export async function saveStates(
  connection: Connection,
  decider: string,
  states: readonly SavedState[],
): Promise<void> {
  const fresh = states.filter((state) => state.isNew);
  const known = states.filter((state) => !state.isNew);
  const [, updated] = await Promise.all([
    fresh.length > 0 ? connection.run(insert, stateArrays(decider, fresh)) : undefined,
    known.length > 0 ? connection.run<{ n: number }>(update, stateArrays(decider, known)) : undefined,
  ]);
  if (updated !== undefined && updated[0]?.n !== known.length) {
    throw new Failure("conflict", "state-moved-on", "A key was decided by somebody else meanwhile.");
  }
}

function stateArrays(decider: string, states: readonly KeyState<object>[]): unknown[] {
  return [
    decider,
    textArray(states.map((s) => s.tenantId)),
    textArray(states.map((s) => s.key)),
    int8Array(states.map((s) => s.version)),
    jsonArray(states.map((s) => JSON.stringify(s.state))),
  ];
}
