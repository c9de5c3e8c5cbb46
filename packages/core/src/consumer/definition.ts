import type { Reading } from "../journal/read.ts";
import type { SharedReading } from "../journal/shared-reading.ts";
import type { Clock } from "../model/clock.ts";
import type { ParkingPolicy } from "../model/decider.ts";
import type { Entry } from "../model/entry.ts";
import type { RetryRule } from "../parked/parking.ts";
import type { Connection, Database } from "../postgres/database.ts";
import type { Batch } from "./batch.ts";
import type { JournalSource } from "./lanes.ts";
import type { Renewals } from "./renewals.ts";
import type { WakeUps } from "./wake-up.ts";

/**
 * A consumer follows journals and has an effect in its own context's database. Effect and cursor commit together,
 * so each entry has its effect exactly once, in order per key, whoever crashes, pauses or repeats.
 */
export interface ConsumerDefinition {
  /** Unique in its context; the cursor is stored under it. */
  readonly name: string;
  readonly sources: readonly ConsumerSource[];
  /** Entries it has no business with are passed over. Must not depend on anything but the entry. */
  wants(entry: Entry): boolean;
  /** What happens to the key when this entry cannot be executed. */
  policy(entry: Entry): ParkingPolicy;
  /** Writes the effect of the batch in the transaction. Throwing undoes it: the batch is split until the culprit stands alone. */
  apply(connection: Connection, batch: Batch): Promise<void>;
  /** Lanes with effects that wait for a quiet moment to be written; `all`: however short they have waited. */
  unsettled?(all: boolean): readonly number[];
  /** Writes them, in a transaction of its own; then `committed` of no entries. */
  settle?(connection: Connection, lanes: readonly number[]): Promise<void>;
  /** The batch is committed. */
  committed?(entries: readonly Entry[]): void;
  /** A batch was undone or lanes changed hands: whatever was remembered about keys may be wrong. */
  forget?(): void;
}

export interface ConsumerSource extends JournalSource {
  readonly reading: Reading;
  /** Reads this journal together with other consumers of the process; absent: on its own. */
  readonly shared?: SharedReading;
  /** Wake-up names, other than the journal's own, that announce entries here. */
  readonly wakeUp?: string;
}

export interface ConsumerSetting {
  /** The consuming context, and its database. */
  readonly context: string;
  readonly database: Database;
  readonly workerId: string;
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
  readonly random: () => number;
  /** True while an operator has the context off line. */
  readonly paused: () => boolean;
  readonly report: (event: ConsumerEvent) => void;
  /** Named points where tests stop, fail or kill the process. Absent in production. */
  readonly probe?: (point: string) => Promise<void> | void;
  /** Milliseconds of database time a lane stays ours without renewal (default 5,000); when `renewals` are given, theirs holds. */
  readonly leaseMs?: number;
  /** What the consumers of a process and context ask for together; absent: this one asks by itself. */
  readonly renewals?: Renewals;
  /** Entries per lane and batch at most (default 256). */
  readonly perLane?: number;
  /** Milliseconds to let entries gather after a batch that shows load; where little happens nobody waits (default 0). */
  readonly gatherMs?: number;
  /** Entries in a batch from which on it shows load (default 64). */
  readonly gatherFrom?: number;
  /** Milliseconds after which a quiet journal is looked at though nobody woke us: wake-ups may get lost (default 1,000). */
  readonly quietMs?: number;
  readonly retry?: RetryRule;
}

/** What operators and metrics hear about. */
export type ConsumerEvent =
  | {
      readonly event: "batch";
      readonly consumer: string;
      readonly entries: number;
      readonly tookMs: number;
      readonly oldestAt: number;
      /** The last entry of it: an example of what the batch was about. Null: it had none. */
      readonly latest: Pick<Entry, "id" | "processId" | "traceparent"> | null;
    }
  | { readonly event: "lanes"; readonly consumer: string; readonly lanes: readonly number[] }
  | { readonly event: "fenced"; readonly consumer: string }
  | { readonly event: "unavailable"; readonly consumer: string; readonly code: string }
  | {
      readonly event: "retrying";
      readonly consumer: string;
      readonly processId: string;
      readonly code: string;
    }
  | {
      readonly event: "parked";
      readonly consumer: string;
      readonly processId: string;
      readonly entryId: string;
      readonly code: string;
      readonly text: string;
    }
  | {
      /** Customers suffer from something: this pages somebody. `code`: the symptom. */
      readonly event: "incident";
      readonly consumer: string;
      readonly code: string;
      readonly incidentId: string;
      readonly subject: string;
      readonly says: string;
      readonly processIds: readonly string[];
      readonly runbook: string;
    }
  | { readonly event: "stopped"; readonly consumer: string; readonly code: string; readonly text: string };
