import type { Batch } from "../consumer/batch.ts";
import type { ConsumerDefinition, ConsumerSource } from "../consumer/consumer.ts";
import { appendEntries } from "../journal/append.ts";
import { type Decider, type Fact, isRefusal, type Refusal } from "../model/decider.ts";
import type { Entry, JsonObject, NewEntry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { deriveId } from "../model/id.ts";
import type { Connection } from "../postgres/database.ts";
import { loadStates, type SavedState, saveStates } from "../state/key-states.ts";
import { type ScheduledTimer, scheduleTimers } from "../timer/timers.ts";

export interface DeciderConsumerOptions {
  readonly context: string;
  readonly sources: readonly ConsumerSource[];
  readonly now: () => number;
  /** Facts were committed. */
  readonly onFacts: (facts: readonly NewEntry<object>[]) => void;
  /** Commands to this context that no decider lists are put aside by this consumer instead of passed over (default true). */
  readonly claimsUnlisted?: boolean;
  /** Command types that other deciders of the context list: none of this one's business. */
  readonly listedElsewhere?: ReadonlySet<string>;
  /** States kept in memory between batches (default 20,000). */
  readonly rememberedStates?: number;
}

interface Known<State extends object> {
  version: number;
  state: State;
  /** Version found in the store; 0 when the key has no row yet. */
  loaded: number;
}

/**
 * Runs a decider over journals: many commands, one transaction. States of all keys of a batch are loaded in one query,
 * commands are decided in memory in order, and facts, states, timers and cursors are written with one statement each.
 * A refusal is a business outcome and becomes a fact. A command that makes the decider throw is put aside alone.
 */
export function deciderConsumer<State extends object>(
  decider: Decider<State>,
  options: DeciderConsumerOptions,
): ConsumerDefinition {
  // Valid while this worker owns the lanes: nobody else may decide these keys. Forgotten whenever that is in doubt.
  const remembered = new Map<string, Known<State>>();
  const claimsUnlisted = options.claimsUnlisted ?? true;
  const limit = options.rememberedStates ?? 20_000;
  /** States as this batch would leave them; they are remembered only once it is committed. */
  let pending = new Map<string, Known<State>>();
  let pendingFacts: readonly NewEntry<object>[] = [];

  const nameOf = (entry: Entry) => `${entry.tenantId}\u0000${entry.key}`;

  async function statesFor(
    connection: Connection,
    entries: readonly Entry[],
  ): Promise<Map<string, Known<State>>> {
    const states = new Map<string, Known<State>>();
    const missing = new Map<string, Entry>();
    for (const entry of entries) {
      const name = nameOf(entry);
      if (states.has(name) || missing.has(name)) continue;
      const known = remembered.get(name);
      if (known === undefined) missing.set(name, entry);
      else states.set(name, { ...known });
    }
    for (const row of await loadStates<State>(connection, decider.name, [...missing.values()])) {
      states.set(`${row.tenantId}\u0000${row.key}`, {
        version: row.version,
        state: row.state,
        loaded: row.version,
      });
    }
    for (const name of missing.keys()) {
      if (!states.has(name)) states.set(name, { version: 0, state: decider.initial, loaded: 0 });
    }
    return states;
  }

  async function apply(connection: Connection, batch: Batch): Promise<void> {
    const states = await statesFor(connection, batch.entries);
    const facts: NewEntry<object>[] = [];
    const timers: ScheduledTimer[] = [];
    const changed = new Map<string, Entry>();
    const now = options.now();
    for (const command of batch.entries) {
      if (batch.blocked(command)) continue;
      const name = nameOf(command);
      const known = states.get(name);
      if (known === undefined) throw new Error("every key of the batch has a state");
      try {
        if (decider.commands[command.type] === undefined) {
          throw new Failure(
            "defect",
            "command-type-unknown",
            `No decider knows the command type ${command.type}.`,
          );
        }
        const decision = decider.decide(known.state, command, {
          now,
          tenantId: command.tenantId,
          key: command.key,
          processId: command.processId,
          commandId: command.id,
          version: known.version,
        });
        const decided = isRefusal(decision) ? [refusalFact(decider.refusalType, decision)] : decision.facts;
        let state = known.state;
        for (const fact of decided) state = decider.evolve(state, fact);
        const entries = decided.map((fact, i) =>
          factEntry(options.context, command, fact, known.version + i + 1, i, now),
        );
        const { tenantId, key, id: causationId } = command;
        const scheduled = isRefusal(decision)
          ? []
          : (decision.timers ?? []).map((timer) => ({ ...timer, tenantId, key, causationId }));
        // Nothing of a command that threw anywhere above has been kept.
        facts.push(...entries);
        timers.push(...scheduled);
        if (decided.length > 0) changed.set(name, command);
        known.state = state;
        known.version += decided.length;
      } catch (error) {
        batch.stall(command, error);
      }
    }
    const saved: SavedState[] = [];
    for (const [name, command] of changed) {
      const known = states.get(name);
      if (known === undefined) throw new Error("every key of the batch has a state");
      const { tenantId, key } = command;
      saved.push({ tenantId, key, version: known.version, state: known.state, isNew: known.loaded === 0 });
    }
    // Issued together, so that they travel together.
    await Promise.all([
      appendEntries(connection, facts),
      saveStates(connection, decider.name, saved),
      scheduleTimers(connection, timers),
    ]);
    for (const known of states.values()) known.loaded = known.version;
    pending = states;
    pendingFacts = facts;
  }

  return {
    name: decider.name,
    sources: options.sources,
    wants: (entry) =>
      entry.kind === "command" &&
      entry.target === options.context &&
      (decider.commands[entry.type] !== undefined ||
        (claimsUnlisted && options.listedElsewhere?.has(entry.type) !== true)),
    policy: (entry) => decider.commands[entry.type]?.parking ?? "step-aside",
    apply,
    committed() {
      for (const [name, known] of pending) {
        remembered.delete(name);
        remembered.set(name, known);
      }
      pending = new Map();
      for (const name of remembered.keys()) {
        if (remembered.size <= limit) break;
        remembered.delete(name);
      }
      options.onFacts(pendingFacts);
      pendingFacts = [];
    },
    forget() {
      remembered.clear();
      pending = new Map();
      pendingFacts = [];
    },
  };
}

function refusalFact(type: string, refusal: Refusal): Fact {
  const data: JsonObject = { code: refusal.code, reason: refusal.reason, ...refusal.fields };
  return { type, data };
}

function factEntry(
  context: string,
  command: Entry,
  fact: Fact,
  keyVersion: number,
  ordinal: number,
  now: number,
): NewEntry<object> {
  return {
    id: deriveId(command.id, ordinal),
    kind: "event",
    type: fact.type,
    schemaVersion: "1.0.0",
    source: context,
    target: null,
    tenantId: command.tenantId,
    key: command.key,
    keyVersion,
    processId: command.processId,
    correlationId: command.correlationId,
    causationId: command.id,
    customerId: fact.customerId ?? command.customerId,
    ttlMs: fact.ttlMs ?? null,
    traceparent: command.traceparent,
    occurredAt: now,
    data: fact.data,
  };
}
