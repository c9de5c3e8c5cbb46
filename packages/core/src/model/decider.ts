import type { Entry, JsonObject } from "./entry.ts";
import type { Freshness } from "./freshness.ts";

/**
 * Business rules as three pure functions. No I/O, no clock, no randomness inside:
 * time and identity arrive as arguments.
 */

/** What decide may know besides state and command. */
export interface DecisionContext {
  /** Business time of this decision, epoch milliseconds. */
  readonly now: number;
  readonly tenantId: string;
  readonly key: string;
  readonly processId: string;
  /** Id of the command being decided. */
  readonly commandId: string;
  /** Version of the state before this decision (number of facts so far). */
  readonly version: number;
}

/** A fact a decision records. Becomes an `event` entry of the deciding context's journal. */
export interface Fact<Data extends object = JsonObject> {
  readonly type: string;
  readonly data: Data;
  /** Milliseconds after which readers must treat the fact as stale; absent: as its type declares. */
  readonly ttlMs?: number;
  readonly customerId?: string;
  /**
   * The process it is part of, where an act in one process changes another: what was accepted there ends otherwise than it was told.
   * Its cause stays the command that was decided. Absent: the command's process.
   */
  readonly processId?: string;
}

/** An expected no. A value, never thrown. Recorded as a fact of type `refusalType`. */
export interface Refusal {
  readonly refused: true;
  /** Stable code from docs/reference/errors.md. */
  readonly code: string;
  /** One plain sentence a customer may read. */
  readonly reason: string;
  readonly fields?: JsonObject;
}

/**
 * Something to be told later: becomes a command entry to this context when due.
 * One timer per (tenant, key, name): scheduling the same name again replaces it.
 */
export interface Timer {
  readonly name: string;
  /** Epoch milliseconds, business time. */
  readonly dueAt: number;
  /** Command type appended to the context's own journal when due. */
  readonly type: string;
  readonly data: JsonObject;
}

/**
 * A wish that follows from a decision and is another context's to carry out. It is appended to the deciding context's journal behind the
 * facts of the decision, in the same transaction and under the same key, and read from there.
 */
export interface OutgoingCommand {
  /** The context that decides it; it names the deciding one in its `commandsFrom`. */
  readonly target: string;
  readonly type: string;
  readonly schemaVersion: string;
  /** How long it may be taken for news, when it tells an observation on; absent: for ever. */
  readonly ttlMs?: Freshness;
  readonly data: JsonObject;
}

export interface Decision {
  readonly facts: readonly Fact[];
  readonly timers?: readonly Timer[];
  readonly commands?: readonly OutgoingCommand[];
}

export type ParkingPolicy =
  /** The poison command's process fails openly, later commands of its key go on. */
  | "step-aside"
  /** Later commands of the key wait behind it in order; other keys flow. */
  | "hold-key";

export interface CommandRule {
  readonly parking: ParkingPolicy;
  /** Schema version this decider understands, e.g. "1.0.0". */
  readonly schemaVersion: string;
}

/** A fact type, the version of its schema, and how long it stays fresh. The message of a contract is one: list those. */
export interface FactType {
  readonly type: string;
  readonly schemaVersion: string;
  /** Absent: never stale, as befits what was decided here. An observation says a number. */
  readonly ttlMs?: Freshness;
}

export interface Decider<State extends object> {
  /** Names the state records; one per context and kind of key. */
  readonly name: string;
  /** Every command type it decides, with its parking policy. Unlisted types are not delivered to it. */
  readonly commands: Readonly<Record<string, CommandRule>>;
  /** Every fact type it records, refusals included: written with this version. Recording any other is a defect. */
  readonly facts: readonly FactType[];
  /** Type of the fact that records a refusal. */
  readonly refusalType: string;
  readonly initial: State;
  /**
   * Whose account the key is, once the state tells; written on every fact, wish and timer of the key that names no other. Absent, or null: the
   * decider knows no customers, and what it writes names the one of its command, if any.
   */
  customerOf?(state: State): string | null;
  decide(state: State, command: Entry, context: DecisionContext): Decision | Refusal;
  /** Sees the same of a fact when it is read back from the journal years later. */
  evolve(state: State, fact: Pick<Fact, "type" | "data">): State;
}

export function isRefusal(decision: Decision | Refusal): decision is Refusal {
  return "refused" in decision;
}
