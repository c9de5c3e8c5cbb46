import type { Batch } from "../consumer/batch.ts";
import type { ConsumerDefinition, ConsumerSource } from "../consumer/consumer.ts";
import { type AppendedAt, appendEntries } from "../journal/append.ts";
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
  /** Facts were committed, there; null when there were none. */
  readonly onFacts: (facts: readonly NewEntry<object>[], at: AppendedAt | null) => void;
  /** Commands to this context that no decider lists are put aside by this consumer instead of passed over (default true). */
  readonly claimsUnlisted?: boolean;
  /** Command types that other deciders of the context list: none of this one's business. */
  readonly listedElsewhere?: ReadonlySet<string>;
  /** Commands of the context's other deciders with their versions, for timers that set them. */
  readonly commandsElsewhere?: Readonly<Record<string, { readonly schemaVersion: string }>>;
  /** States kept in memory between batches (default 20,000). */
  readonly rememberedStates?: number;
}

/** A key's state as the store has it. */
interface Known<State extends object> {
  /** 0 when the key has no row yet. */
  readonly version: number;
  readonly state: State;
}

/** A key of the batch under way, and its state as the batch would leave it. */
interface Slot<State extends object> {
  readonly name: string;
  readonly tenantId: string;
  readonly key: string;
  before: Known<State> | null;
  version: number;
  state: State;
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
  const factVersions = new Map(decider.facts.map(({ type, schemaVersion }) => [type, schemaVersion]));
  const claimsUnlisted = options.claimsUnlisted ?? true;
  const limit = options.rememberedStates ?? 20_000;
  /** What the batch would leave; it is remembered only once it is committed. */
  let pending: readonly Slot<State>[] = [];
  let pendingFacts: readonly NewEntry<object>[] = [];
  let pendingAt: AppendedAt | null = null;

  /** The batch's keys, each once, with their states: `of` has a command's slot in the command's place. */
  async function slotsFor(
    connection: Connection,
    commands: readonly Entry[],
  ): Promise<{ readonly slots: readonly Slot<State>[]; readonly of: readonly Slot<State>[] }> {
    const byName = new Map<string, Slot<State>>();
    const missing: Slot<State>[] = [];
    const of = commands.map(({ tenantId, key }) => {
      const name = `${tenantId}\u0000${key}`;
      let slot = byName.get(name);
      if (slot === undefined) {
        const before = remembered.get(name) ?? null;
        slot = { name, tenantId, key, before, ...(before ?? { version: 0, state: decider.initial }) };
        byName.set(name, slot);
        if (before === null) missing.push(slot);
      }
      return slot;
    });
    for (const { tenantId, key, version, state } of await loadStates<State>(
      connection,
      decider.name,
      missing,
    )) {
      const slot = byName.get(`${tenantId}\u0000${key}`);
      if (slot !== undefined) Object.assign(slot, { before: { version, state }, version, state });
    }
    return { slots: [...byName.values()], of };
  }

  function commandVersion(type: string): string {
    const rule = decider.commands[type] ?? options.commandsElsewhere?.[type];
    if (rule === undefined) throw commandUnknown(type);
    return rule.schemaVersion;
  }

  async function apply(connection: Connection, batch: Batch): Promise<void> {
    const { slots, of } = await slotsFor(connection, batch.entries);
    const facts: NewEntry<object>[] = [];
    const timers: ScheduledTimer[] = [];
    const now = options.now();
    for (const [n, command] of batch.entries.entries()) {
      if (batch.blocked(command)) continue;
      const slot = of[n] as Slot<State>;
      try {
        if (decider.commands[command.type] === undefined) throw commandUnknown(command.type);
        const decision = decider.decide(slot.state, command, {
          now,
          tenantId: command.tenantId,
          key: command.key,
          processId: command.processId,
          commandId: command.id,
          version: slot.version,
        });
        const decided = isRefusal(decision) ? [refusalFact(decider.refusalType, decision)] : decision.facts;
        let state = slot.state;
        for (const fact of decided) state = decider.evolve(state, fact);
        const entries = decided.map((fact, i) =>
          factEntry(
            options.context,
            command,
            fact,
            versionOf(fact, factVersions, decider.name),
            slot.version + i + 1,
            i,
            now,
          ),
        );
        const { tenantId, key, id: causationId } = command;
        const scheduled = isRefusal(decision)
          ? []
          : (decision.timers ?? []).map((timer) => {
              const schemaVersion = commandVersion(timer.type);
              return { ...timer, schemaVersion, tenantId, key, causationId };
            });
        // Nothing of a command that threw anywhere above has been kept.
        facts.push(...entries);
        timers.push(...scheduled);
        slot.state = state;
        slot.version += decided.length;
      } catch (error) {
        batch.stall(command, error);
      }
    }
    const saved: SavedState[] = [];
    for (const { tenantId, key, before, version, state } of slots) {
      const stored = before?.version ?? 0;
      if (version !== stored) saved.push({ tenantId, key, version, state, isNew: stored === 0 });
    }
    // Issued together, so that they travel together.
    const [appended] = await Promise.all([
      appendEntries(connection, facts),
      saveStates(connection, decider.name, saved),
      scheduleTimers(connection, timers),
    ]);
    pending = slots;
    pendingFacts = facts;
    pendingAt = appended;
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
      for (const { name, before, version, state } of pending) {
        // Used last is forgotten last, which only matters once not all fit.
        if (before !== null && remembered.size * 2 > limit) remembered.delete(name);
        remembered.set(name, { version, state });
      }
      pending = [];
      for (const name of remembered.keys()) {
        if (remembered.size <= limit) break;
        remembered.delete(name);
      }
      options.onFacts(pendingFacts, pendingAt);
      pendingFacts = [];
      pendingAt = null;
    },
    forget() {
      remembered.clear();
      pending = [];
      pendingFacts = [];
      pendingAt = null;
    },
  };
}

function refusalFact(type: string, refusal: Refusal): Fact {
  const data: JsonObject = { code: refusal.code, reason: refusal.reason, ...refusal.fields };
  return { type, data };
}

function commandUnknown(type: string): Failure {
  return new Failure("defect", "command-type-unknown", `No decider knows the command type ${type}.`);
}

/** Errors: `fact-type-undeclared` (defect): without its contract nobody could tell later how to read the fact. */
function versionOf(fact: Fact, versions: ReadonlyMap<string, string>, decider: string): string {
  const version = versions.get(fact.type);
  if (version !== undefined) return version;
  throw new Failure(
    "defect",
    "fact-type-undeclared",
    `The decider ${decider} records ${fact.type}, which is not among its facts.`,
    { fields: { decider, type: fact.type } },
  );
}

function factEntry(
  context: string,
  command: Entry,
  fact: Fact,
  schemaVersion: string,
  keyVersion: number,
  ordinal: number,
  now: number,
): NewEntry<object> {
  return {
    id: deriveId(command.id, ordinal),
    kind: "event",
    type: fact.type,
    schemaVersion,
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
