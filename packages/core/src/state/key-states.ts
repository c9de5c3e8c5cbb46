import { Failure } from "../model/failure.ts";
import { int8Array, jsonArray, textArray } from "../postgres/arrays.ts";
import { type Column, ColumnBatch } from "../postgres/column-batch.ts";
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

type State = KeyState<object>;

const tenantId: Column<State> = {
  name: "tenant_id",
  type: "text",
  of: (state) => state.tenantId,
  array: (states) => textArray(states.map((state) => state.tenantId)),
};
const key: Column<State> = {
  name: "key",
  type: "text",
  of: (state) => state.key,
  array: (states) => textArray(states.map((state) => state.key)),
};
const version: Column<State> = {
  name: "version",
  type: "int8",
  of: (state) => state.version,
  array: (states) => int8Array(states.map((state) => state.version)),
};
const data: Column<State> = {
  name: "data",
  type: "json",
  of: (state) => state.state,
  array: (states) => jsonArray(states.map((state) => JSON.stringify(state.state))),
};

const batchOf = (states: readonly State[]) =>
  new ColumnBatch(states, 2).often(tenantId).each(key).often(version).each(data);

function insert(connection: Connection, decider: string, states: readonly State[]): Promise<unknown> {
  const batch = batchOf(states);
  const text = `insert into entente.state (decider, ${columns}) select $1, ${columns} from ${batch.from("n")}`;
  return connection.run({ name: `state-insert-${batch.shape}`, text }, [decider, ...batch.values]);
}

/** Two statements instead of an upsert: which keys are new is known, and an update alone costs half. */
async function update(connection: Connection, decider: string, states: readonly State[]): Promise<number> {
  const batch = batchOf(states);
  const text = `with saved as (
      update entente.state s set version = n.version, data = n.data from ${batch.from("n")}
      where s.tenant_id = n.tenant_id and s.decider = $1 and s.key = n.key and s.version < n.version returning 1)
    select count(*)::int as n from saved`;
  const statement = { name: `state-update-${batch.shape}`, text };
  const [row] = await connection.run<{ n: number }>(statement, [decider, ...batch.values]);
  return row?.n ?? 0;
}

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
    fresh.length > 0 ? insert(connection, decider, fresh) : undefined,
    known.length > 0 ? update(connection, decider, known) : 0,
  ]);
  if (updated !== known.length) {
    throw new Failure("conflict", "state-moved-on", "A key was decided by somebody else meanwhile.");
  }
}
