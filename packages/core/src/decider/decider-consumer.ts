import type { Batch } from "../consumer/batch.ts";
import type { ConsumerDefinition, ConsumerSource } from "../consumer/consumer.ts";
import { type AppendedAt, appending } from "../journal/append.ts";
import {
  type Decider,
  type Fact,
  type FactType,
  isRefusal,
  type OutgoingCommand,
  type Refusal,
} from "../model/decider.ts";
import type { Entry, JsonObject, NewEntry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { ttlOf } from "../model/freshness.ts";
import { deriveId } from "../model/id.ts";
import type { Connection } from "../postgres/database.ts";
import { type KeptStatesOptions, type KeyInHand, keepStates } from "../state/kept-states.ts";
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
  readonly states?: KeptStatesOptions;
}

/**
 * Runs a decider over journals: many commands, one transaction. States are kept in memory (state/kept-states.ts),
 * commands are decided in order, and facts, timers, cursors and the states that are due are written with one statement each.
 * A refusal is a business outcome and becomes a fact. A command that makes the decider throw is put aside alone.
 */
export function deciderConsumer<State extends object>(
  decider: Decider<State>,
  options: DeciderConsumerOptions,
): ConsumerDefinition {
  const states = keepStates(decider, options.states);
  const factTypes = new Map(decider.facts.map((declared) => [declared.type, declared]));
  const claimsUnlisted = options.claimsUnlisted ?? true;
  let pendingFacts: readonly NewEntry<object>[] = [];
  let pendingAt: AppendedAt | null = null;

  function commandVersion(type: string): string {
    const rule = decider.commands[type] ?? options.commandsElsewhere?.[type];
    if (rule === undefined) throw commandUnknown(type);
    return rule.schemaVersion;
  }

  async function apply(connection: Connection, batch: Batch): Promise<void> {
    const { keys, of } = await states.of(connection, batch.entries);
    const facts: NewEntry<object>[] = [];
    const timers: ScheduledTimer[] = [];
    const now = options.now();
    for (const [n, command] of batch.entries.entries()) {
      if (batch.blocked(command)) continue;
      const slot = of[n] as KeyInHand<State>;
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
        for (const { type, data } of decided) state = decider.evolve(state, { type, data });
        // After the decision, so that the fact that opens an account names its customer as well.
        const customerId = decider.customerOf?.(state) ?? command.customerId;
        const entries = decided.map((fact, i) =>
          factEntry(
            options.context,
            command,
            fact,
            declaredType(fact, factTypes, decider.name),
            customerId,
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
              return { ...timer, schemaVersion, tenantId, key, causationId, customerId };
            });
        const wishes = isRefusal(decision)
          ? []
          : (decision.commands ?? []).map((wish, i) =>
              wishEntry(options.context, command, wish, customerId, decided.length + i, now),
            );
        // Nothing of a command that threw anywhere above has been kept.
        facts.push(...entries, ...wishes);
        timers.push(...scheduled);
        slot.state = state;
        slot.version += decided.length;
      } catch (error) {
        batch.stall(command, error);
      }
    }
    pendingFacts = facts;
    pendingAt = null;
    for (const write of appending(facts, (at) => {
      pendingAt = at;
    }))
      batch.writeLast(write);
    // Issued together, so that they travel together; most batches have neither.
    await Promise.all([states.write(connection, keys), scheduleTimers(connection, timers)]);
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
    unsettled: states.unwritten,
    settle: states.writeLanes,
    committed() {
      states.committed();
      options.onFacts(pendingFacts, pendingAt);
      pendingFacts = [];
      pendingAt = null;
    },
    forget() {
      states.forget();
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
function declaredType(fact: Fact, types: ReadonlyMap<string, FactType>, decider: string): FactType {
  const declared = types.get(fact.type);
  if (declared !== undefined) return declared;
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
  { schemaVersion, ttlMs }: FactType,
  customerId: string | null,
  keyVersion: number,
  ordinal: number,
  now: number,
): NewEntry<object> {
  const { processId = command.processId } = fact;
  // Written out: this is made for every command, and copying an object member by member costs more.
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
    processId,
    // Of another process than the fact's own, where that is changed from outside: by this it is known.
    correlationId: command.correlationId,
    causationId: command.id,
    customerId: fact.customerId ?? customerId,
    ttlMs: ttlOf(fact.ttlMs ?? ttlMs, command, now),
    // What the other process was called with is not known here; its trace is then the one that follows from its id.
    traceparent: processId === command.processId ? command.traceparent : null,
    occurredAt: now,
    data: fact.data,
  };
}

function wishEntry(
  context: string,
  command: Entry,
  { target, type, schemaVersion, ttlMs, data }: OutgoingCommand,
  customerId: string | null,
  ordinal: number,
  now: number,
): NewEntry<object> {
  const { tenantId, key, processId, correlationId, traceparent } = command;
  return {
    id: deriveId(command.id, ordinal),
    kind: "command",
    type,
    schemaVersion,
    source: context,
    target,
    tenantId,
    key,
    keyVersion: null,
    processId,
    correlationId,
    causationId: command.id,
    customerId,
    ttlMs: ttlOf(ttlMs, command, now),
    traceparent,
    occurredAt: now,
    data,
  };
}
