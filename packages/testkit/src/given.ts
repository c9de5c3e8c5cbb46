import assert from "node:assert/strict";
import {
  type Decider,
  type Decision,
  type DecisionContext,
  type Entry,
  type Fact,
  isRefusal,
  type JsonObject,
  type Refusal,
  type Timer,
} from "@entente/core/model";

/** A command as a test says it; everything unsaid has a fixed default. */
export interface CommandLike extends Partial<Omit<Entry, "type" | "data" | "kind">> {
  readonly type: string;
  readonly data?: JsonObject;
}

/** What a decider can be asked once its history is set. */
export interface Given<State extends object> {
  /** State after the given facts. */
  readonly state: State;
  /** Decides one command. `context` replaces the defaults: business time 2026-01-01T00:00Z, tenant-1, key-1. */
  when(command: CommandLike, context?: Partial<DecisionContext>): Outcome<State>;
}

/**
 * What one decision led to. Assertions throw AssertionError with a diff, and return the outcome so that they chain.
 * There is no `then`: an object with that name would be taken for a promise by `await`.
 */
export interface Outcome<State extends object> {
  /** As decided; empty for a refusal. */
  readonly facts: readonly Fact[];
  readonly refusal: Refusal | null;
  readonly timers: readonly Timer[];
  /** State after the decision, that is after its facts or after the fact that records the refusal. */
  readonly state: State;
  /** Exactly these facts, in this order, compared whole. */
  expectFacts(facts: readonly Fact[]): Outcome<State>;
  /** A refusal of this code; `fields` are compared when given. */
  expectRefusal(code: string, fields?: JsonObject): Outcome<State>;
  /** Exactly these timers, in this order. */
  expectTimers(timers: readonly Timer[]): Outcome<State>;
  expectState(state: State): Outcome<State>;
  /** The next command, on the state as it is now. Time, tenant and key stay as last set; ids go on counting. */
  and(command: CommandLike, context?: Partial<DecisionContext>): Outcome<State>;
}

/** Where a story stands between two commands. */
interface Standing<State extends object> {
  readonly state: State;
  readonly version: number;
  readonly step: number;
  readonly context: Pick<DecisionContext, "now" | "tenantId" | "key">;
}

const defaultContext = { now: Date.UTC(2026, 0, 1), tenantId: "tenant-1", key: "key-1" };

/**
 * Tests a decider without a database: given facts, when a command comes, expect what follows.
 * Guarantees: the same test always sees the same ids and times; state, command, context and facts are frozen, and every command is
 * decided twice, so that a decider that changes its arguments, decides by clock or chance, or records a fact it does not declare fails
 * here and not in production.
 */
export function given<State extends object>(
  decider: Decider<State>,
  facts: readonly Fact[] = [],
): Given<State> {
  const standing: Standing<State> = {
    state: fold(decider, freeze(decider.initial), facts),
    version: facts.length,
    step: 1,
    context: defaultContext,
  };
  return { state: standing.state, when: (command, context) => decide(decider, standing, command, context) };
}

function decide<State extends object>(
  decider: Decider<State>,
  before: Standing<State>,
  commandLike: CommandLike,
  overrides: Partial<DecisionContext> = {},
): Outcome<State> {
  const known = Object.keys(decider.commands);
  assert.ok(
    known.includes(commandLike.type),
    `${decider.name} would never be given ${commandLike.type}: it lists ${known.join(", ")}`,
  );
  const context: DecisionContext = freeze({
    ...before.context,
    processId: fixedId(before.context.now, 2 * before.step),
    commandId: fixedId(before.context.now, 2 * before.step + 1),
    version: before.version,
    ...overrides,
  });
  const command = freeze(entryOf(decider, commandLike, context, before.step));
  const decision = freeze(decider.decide(before.state, command, context));
  assert.deepStrictEqual(
    decider.decide(before.state, command, context),
    decision,
    `${decider.name} decided ${command.type} differently the second time: it is not a pure function`,
  );
  const recorded = isRefusal(decision) ? [refusalFact(decider, decision)] : decision.facts;
  for (const { type } of recorded) {
    assert.ok(
      decider.facts.some((fact) => fact.type === type),
      `${decider.name} records ${type}, which is not among its facts`,
    );
  }
  const after: Standing<State> = {
    state: fold(decider, before.state, recorded),
    version: context.version + recorded.length,
    step: before.step + 1,
    context: { now: context.now, tenantId: context.tenantId, key: context.key },
  };
  return outcomeOf(decider, decision, after);
}

function outcomeOf<State extends object>(
  decider: Decider<State>,
  decision: Decision | Refusal,
  after: Standing<State>,
): Outcome<State> {
  const refusal = isRefusal(decision) ? decision : null;
  const facts = isRefusal(decision) ? [] : decision.facts;
  const timers = isRefusal(decision) ? [] : (decision.timers ?? []);
  const outcome: Outcome<State> = {
    facts,
    refusal,
    timers,
    state: after.state,
    // Wrapped, so that the diff shows a refusal where facts were expected and the other way round.
    expectFacts: (expected) => {
      assert.deepStrictEqual(refusal === null ? { facts } : { refusal }, { facts: expected });
      return outcome;
    },
    expectRefusal: (code, fields) => {
      const actual =
        refusal === null
          ? { facts }
          : { refused: refusal.code, ...(fields === undefined ? {} : { fields: refusal.fields }) };
      assert.deepStrictEqual(actual, { refused: code, ...(fields === undefined ? {} : { fields }) });
      return outcome;
    },
    expectTimers: (expected) => {
      assert.deepStrictEqual(refusal === null ? { timers } : { refusal }, { timers: expected });
      return outcome;
    },
    expectState: (expected) => {
      assert.deepStrictEqual({ state: after.state }, { state: expected });
      return outcome;
    },
    and: (command, context) => decide(decider, after, command, context),
  };
  return outcome;
}

/** As the runtime records it, so that evolve sees here what it sees there. */
function refusalFact<State extends object>(decider: Decider<State>, refusal: Refusal): Fact {
  return {
    type: decider.refusalType,
    data: { code: refusal.code, reason: refusal.reason, ...refusal.fields },
  };
}

function fold<State extends object>(decider: Decider<State>, state: State, facts: readonly Fact[]): State {
  return facts.reduce((folded, fact) => freeze(decider.evolve(folded, freeze(fact))), state);
}

function entryOf<State extends object>(
  decider: Decider<State>,
  command: CommandLike,
  context: DecisionContext,
  step: number,
): Entry {
  return {
    id: context.commandId,
    schemaVersion: decider.commands[command.type]?.schemaVersion ?? "1.0.0",
    source: "test",
    target: decider.name,
    tenantId: context.tenantId,
    key: context.key,
    keyVersion: null,
    processId: context.processId,
    correlationId: context.processId,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: context.now,
    position: { xid: "1", seq: String(step) },
    lane: 0,
    ...command,
    kind: "command",
    data: command.data ?? {},
  };
}

/** A UUIDv7 made of a time and a count, the same in every run. */
function fixedId(now: number, count: number): string {
  const time = now.toString(16).padStart(12, "0");
  const tail = count.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${tail}`;
}

/** Freezes a value and everything in it. Maps and sets keep their contents changeable; states are plain objects. */
function freeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}
