import type { Decider } from "../model/decider.ts";
import type { Entry, JsonObject } from "../model/entry.ts";
import { int2Array, textArray } from "../postgres/arrays.ts";
import type { Connection, Statement } from "../postgres/database.ts";
import { loadStates, type SavedState, saveStates } from "./key-states.ts";

/**
 * States of a decider's keys in the memory of the worker that owns their lanes. The facts in the journal are the truth;
 * rows of `entente.state` are written now and then, so that a busy account costs a row a second and not a row a command.
 * Whoever takes a lane over folds the facts since the lane's mark into what the rows say. Decision 0013.
 */
export interface KeptStates<State extends object> {
  /**
   * The keys of a batch, each once, with their states: `of` has a command's key in the command's place.
   */
  of(
    connection: Connection,
    commands: readonly Entry[],
  ): Promise<{ readonly keys: readonly KeyInHand<State>[]; readonly of: readonly KeyInHand<State>[] }>;
  /** The batch leaves the keys as they are now. Writes down one lane when one is due. */
  write(connection: Connection, keys: readonly KeyInHand<State>[]): Promise<void>;
  /** Lanes with states that have waited long enough to be written in a quiet moment; `all`: that have waited at all. */
  unwritten(all: boolean): readonly number[];
  /** Writes down these lanes. In a transaction that moves their cursors, like `write`: nobody else may own them. */
  writeLanes(connection: Connection, lanes: readonly number[]): Promise<void>;
  /** What was written, and what the batch left, is committed. */
  committed(): void;
  /** Lanes changed hands, or a transaction was undone: memory may be wrong. */
  forget(): void;
}

/** A key of a batch under way and its state, which the batch changes in place. */
export interface KeyInHand<State extends object> {
  readonly name: string;
  readonly tenantId: string;
  readonly key: string;
  readonly lane: number;
  /** Version of the row; 0 when there is none. */
  readonly stored: number;
  /** Version before the batch. */
  readonly before: number;
  version: number;
  state: State;
}

export interface KeptStatesOptions {
  /** States kept at most, without those that wait to be written (default 20,000). */
  readonly remembered?: number;
  /** Facts of a lane that may be ahead of its rows, about (default 2,048): a takeover folds so many. */
  readonly unwrittenFacts?: number;
  /** Milliseconds after which a lane is written down though it has fewer (default 2,000). */
  readonly unwrittenMs?: number;
}

interface Kept<State extends object> {
  readonly tenantId: string;
  readonly key: string;
  readonly version: number;
  readonly state: State;
  readonly stored: number;
}

/** What of a lane waits to be written. */
interface Unwritten {
  readonly names: Set<string>;
  readonly since: number;
  facts: number;
}

export function keepStates<State extends object>(
  decider: Decider<State>,
  options: KeptStatesOptions = {},
): KeptStates<State> {
  const { remembered: limit = 20_000, unwrittenFacts = 2_048, unwrittenMs = 2_000 } = options;
  const kept = new Map<string, Kept<State>>();
  const unwritten = new Map<number, Unwritten>();
  /** Lanes whose facts are all in memory or in the rows. */
  const whole = new Set<number>();
  let inHand: readonly KeyInHand<State>[] = [];
  let written: readonly number[] = [];

  async function takeOver(connection: Connection, lanes: readonly number[]): Promise<void> {
    const facts = await factsSinceMarks(connection, decider, lanes);
    const names = new Map(facts.map((fact) => [nameOf(fact), fact]));
    const rows = await loadStates<State>(connection, decider.name, [...names.values()]);
    const known = new Map(rows.map((row) => [nameOf(row), { ...row, stored: row.version }]));
    for (const { lane, version, type, data, tenantId, key } of facts) {
      const name = nameOf({ tenantId, key });
      const before = known.get(name) ?? { tenantId, key, version: 0, state: decider.initial, stored: 0 };
      if (version <= before.version) continue;
      known.set(name, { ...before, version, state: decider.evolve(before.state, { type, data }) });
      wait(lane, name, 1);
    }
    for (const [name, one] of known) kept.set(name, one);
    for (const lane of lanes) whole.add(lane);
  }

  function wait(lane: number, name: string, facts: number): void {
    let one = unwritten.get(lane);
    if (one === undefined) {
      one = { names: new Set(), since: performance.now(), facts: 0 };
      unwritten.set(lane, one);
    }
    one.names.add(name);
    one.facts += facts;
  }

  const isDue = (one: Unwritten): boolean =>
    one.facts >= unwrittenFacts || performance.now() - one.since >= unwrittenMs;

  /** One lane a batch, because all at once would keep the batch waiting; and one whose cursor the batch moves. */
  function dueLane(keys: readonly KeyInHand<State>[]): number | null {
    let longest: number | null = null;
    let since = Number.POSITIVE_INFINITY;
    for (const lane of new Set(keys.map((one) => one.lane))) {
      const one = unwritten.get(lane);
      if (one === undefined || !isDue(one) || one.since >= since) continue;
      longest = lane;
      since = one.since;
    }
    return longest;
  }

  async function writeDown(
    connection: Connection,
    lanes: readonly number[],
    moved: readonly KeyInHand<State>[],
  ): Promise<void> {
    written = lanes;
    if (lanes.length === 0) return;
    const rows = new Map<string, SavedState>();
    for (const lane of lanes) {
      for (const name of unwritten.get(lane)?.names ?? []) {
        const one = kept.get(name);
        if (one !== undefined) rows.set(name, { ...one, isNew: one.stored === 0 });
      }
    }
    for (const { name, tenantId, key, lane, version, state, stored } of moved)
      if (lanes.includes(lane)) rows.set(name, { tenantId, key, version, state, isNew: stored === 0 });
    await Promise.all([
      saveStates(connection, decider.name, [...rows.values()]),
      connection.run(moveMarks, [decider.name, int2Array(lanes)]),
    ]);
  }

  function forgetOldest(): void {
    let over = kept.size - limit;
    if (over <= 0) return;
    for (const [name, { version, stored }] of kept) {
      if (over === 0) break;
      // What waits to be written is nowhere else at hand.
      if (version !== stored) continue;
      kept.delete(name);
      over--;
    }
  }

  return {
    async of(connection, commands) {
      const taken = new Set<number>();
      for (const { lane } of commands) if (!whole.has(lane)) taken.add(lane);
      if (taken.size > 0) await takeOver(connection, [...taken]);
      const byName = new Map<string, KeyInHand<State>>();
      const missing: KeyInHand<State>[] = [];
      const of = commands.map(({ tenantId, key, lane }) => {
        const name = nameOf({ tenantId, key });
        let one = byName.get(name);
        if (one === undefined) {
          const known = kept.get(name);
          const { version, state, stored } = known ?? { version: 0, state: decider.initial, stored: 0 };
          one = { name, tenantId, key, lane, stored, before: version, version, state };
          byName.set(name, one);
          if (known === undefined) missing.push(one);
        }
        return one;
      });
      for (const row of await loadStates<State>(connection, decider.name, missing)) {
        const one = byName.get(nameOf(row));
        const { version, state } = row;
        if (one !== undefined) Object.assign(one, { stored: version, before: version, version, state });
      }
      return { keys: [...byName.values()], of };
    },
    async write(connection, keys) {
      inHand = keys;
      const moved = keys.filter((one) => one.version !== one.before);
      const lane = dueLane(keys);
      await writeDown(connection, lane === null ? [] : [lane], moved);
    },
    unwritten: (all) =>
      [...unwritten]
        .filter(([, one]) => all || performance.now() - one.since >= unwrittenMs)
        .map(([lane]) => lane),
    async writeLanes(connection, lanes) {
      inHand = [];
      await writeDown(connection, lanes, []);
    },
    committed() {
      for (const lane of written) {
        for (const name of unwritten.get(lane)?.names ?? []) {
          const one = kept.get(name);
          if (one !== undefined) kept.set(name, { ...one, stored: one.version });
        }
        unwritten.delete(lane);
      }
      for (const { name, tenantId, key, lane, before, version, state, stored } of inHand) {
        const isMoved = version !== before;
        const isWritten = written.includes(lane);
        const row = isMoved && isWritten ? version : (kept.get(name)?.stored ?? stored);
        // Used last is forgotten last, which only matters once not all fit.
        if (kept.size * 2 > limit) kept.delete(name);
        kept.set(name, { tenantId, key, version, state, stored: row });
        if (isMoved && !isWritten) wait(lane, name, version - before);
      }
      inHand = [];
      written = [];
      forgetOldest();
    },
    forget() {
      kept.clear();
      unwritten.clear();
      whole.clear();
      inHand = [];
      written = [];
    },
  };
}

function nameOf({ tenantId, key }: { readonly tenantId: string; readonly key: string }): string {
  return `${tenantId}\u0000${key}`;
}

const moveMarks: Statement = {
  name: "state-move-marks",
  text: `update entente.state_mark set xid = pg_current_xact_id() where decider = $1 and lane = any($2::int2[])`,
};

/**
 * A decider that never decided has no facts before this transaction, which may write its first. Marks that are there are left
 * out by looking, because an insert that meets one would wait for a last owner who sleeps while moving it.
 */
const makeMarks: Statement = {
  name: "state-make-marks",
  text: `insert into entente.state_mark (decider, lane, xid)
    select $1, lane, (pg_current_xact_id()::text::bigint - 1)::text::xid8 from unnest($2::int2[]) lane
    where not exists (select from entente.state_mark m where m.decider = $1 and m.lane = lane.lane)
    on conflict do nothing`,
};

const sinceMarks: Statement = {
  name: "state-facts-since-marks",
  text: `select f.lane, f.tenant_id, f.key, f.key_version, f.type, f.data from entente.state_mark m
    cross join lateral (
      select j.lane, j.xid, j.seq, j.tenant_id, j.key, j.key_version, j.type, j.data from entente.journal j
      where j.lane = m.lane and j.xid > m.xid and j.kind = 'event' and j.key_version is not null
        and j.type = any($3::text[])) f
    where m.decider = $1 and m.lane = any($2::int2[]) order by f.lane, f.xid, f.seq`,
};

interface FactSinceMark {
  readonly lane: number;
  readonly tenantId: string;
  readonly key: string;
  readonly version: number;
  readonly type: string;
  readonly data: JsonObject;
}

async function factsSinceMarks(
  connection: Connection,
  decider: Pick<Decider<object>, "name" | "facts" | "refusalType">,
  lanes: readonly number[],
): Promise<FactSinceMark[]> {
  const values = [decider.name, int2Array(lanes)];
  const types = [decider.refusalType, ...decider.facts.map(({ type }) => type)];
  const [, rows] = await Promise.all([
    connection.run(makeMarks, values),
    connection.run<{
      lane: number;
      tenant_id: string;
      key: string;
      key_version: string;
      type: string;
      data: JsonObject;
    }>(sinceMarks, [...values, textArray(types)]),
  ]);
  return rows.map(({ lane, tenant_id, key, key_version, type, data }) => {
    return { lane, tenantId: tenant_id, key, version: Number(key_version), type, data };
  });
}
