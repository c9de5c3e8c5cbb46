import type { OutcomeSource } from "../audit/read-outcomes.ts";
import type { Decider } from "../model/decider.ts";
import type { FitnessFunction } from "../model/fitness.ts";
import type { ProcessDefinition } from "../model/process.ts";
import type { Projection } from "../projection/projection.ts";
import type { Treaty } from "../treaty/treaty.ts";

/** A context: one authority, one database, one journal. */
export interface ContextDefinition {
  readonly name: string;
  /** The context's own tables (read models), after the runtime's. */
  readonly migrations?: URL;
  /** Business rules. The first also answers for command types nobody lists. */
  readonly deciders?: readonly {
    readonly decider: Decider<object>;
    readonly commandsFrom: readonly string[];
  }[];
  /** Read models over this context's own journal. */
  readonly projections?: readonly Projection[];
  /** Rows of its read models that go into bundles, to be compared with what replay rebuilds. */
  readonly outcomes?: readonly OutcomeSource[];
  /** What it asks of systems that are not ours. */
  readonly treaties?: readonly Treaty[];
  /**
   * Days of business time that its journal's months are kept, instead of the system's `evidenceKeptDays`; 0: for ever. At least 2,557.
   * The context with the intake keeps its months for `intakeKeptDays`.
   */
  readonly keptDays?: number;
  /** Present on the context that keeps the audit log: the contexts whose journals go into it. */
  readonly audit?: { readonly follows: readonly string[] };
  /** Present on the context that keeps incidents, weekly figures and review items: what is measured. */
  readonly fitness?: { readonly functions: readonly FitnessFunction[] };
  /** Present on the context that accepts commands from outside and shows what becomes of them. */
  readonly intake?: {
    readonly processes: readonly ProcessDefinition[];
    /** Contexts whose facts move the processes. */
    readonly factsFrom: readonly string[];
  };
}

export interface SystemDefinition {
  /** First part of database and role names. */
  readonly name: string;
  readonly contexts: readonly ContextDefinition[];
}

/** Every threshold with its default. Times in milliseconds unless the name says otherwise. */
export interface SystemSettings {
  /** Accepted and unfinished commands past which intake answers 429. */
  readonly backlogAllowed: number;
  /** Drain rate assumed until one was measured. */
  readonly assumedDrainPerSecond: number;
  /** How long a context may be away before customers see the maintenance banner, business time. */
  readonly maintenanceAfterMs: number;
  /** Raw intake and idempotency keys are kept this long, business time. */
  readonly intakeKeptDays: number;
  /** Journals of all other contexts, and payloads of the audit log, are kept this long, business time. At least 2,557; 0: for ever. */
  readonly evidenceKeptDays: number;
  /** Pause before a month that is held up is asked again whether it may leave. */
  readonly retentionRetryMs: number;
  readonly leaseMs: number;
  readonly retryAttempts: number;
  readonly retryFirstMs: number;
  readonly retryLongestMs: number;
  /** Entries per lane and batch. */
  readonly perLane: number;
  /** Pause between batches of read models under load, so that facts gather. */
  readonly projectionGatherMs: number;
  /** The same for deciding: kept short, customers wait for it. */
  readonly deciderGatherMs: number;
  /** The same for what customers see of their processes. */
  readonly processGatherMs: number;
  /** The same for the count of started processes. */
  readonly statisticsGatherMs: number;
  /** The same for the audit log. */
  readonly auditGatherMs: number;
  /** How often what is new in the audit log is signed. */
  readonly auditSignEveryMs: number;
  /** How often it is looked whether customers suffer from anything; wall time. */
  readonly fitnessEveryMs: number;
  /** A context without a sign of life for this long is down; wall time. */
  readonly silentAfterMs: number;
}

export const defaultSettings: SystemSettings = {
  backlogAllowed: 1_000_000,
  assumedDrainPerSecond: 1_000,
  maintenanceAfterMs: 5 * 60_000,
  intakeKeptDays: 90,
  evidenceKeptDays: 2_557,
  retentionRetryMs: 60_000,
  leaseMs: 5_000,
  retryAttempts: 5,
  retryFirstMs: 100,
  retryLongestMs: 30_000,
  perLane: 256,
  projectionGatherMs: 100,
  deciderGatherMs: 10,
  processGatherMs: 25,
  statisticsGatherMs: 500,
  auditGatherMs: 250,
  auditSignEveryMs: 1_000,
  fitnessEveryMs: 10_000,
  silentAfterMs: 5_000,
};
