import type { AppendedAt } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import { ensurePartitions } from "../journal/partitions.ts";
import type { Clock } from "../model/clock.ts";
import type { JsonObject, NewEntry } from "../model/entry.ts";
import { Failure, isFailure } from "../model/failure.ts";
import type { PersonalFields } from "../personal/personal-data.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { payloadHash, shortHash } from "./payload-hash.ts";
import {
  type EarlierKey,
  type KeyedCommand,
  openCommandStore,
  type StoredCommands,
} from "./store-commands.ts";

/**
 * Durable acceptance: a command is in the journal, flushed to disk, before anybody is told so.
 * Requests that arrive while a commit is under way share the next one, so load makes batches and idleness costs nothing.
 * Life-cycle of a command: docs/states/command.md.
 */

export interface Submission {
  readonly type: string;
  readonly schemaVersion: string;
  readonly target: string;
  readonly tenantId: string;
  /** Ordering key. */
  readonly key: string;
  readonly customerId: string | null;
  /** Who submits: idempotency keys of different callers never meet. */
  readonly caller: string;
  readonly idempotencyKey: string;
  readonly traceparent: string | null;
  readonly data: JsonObject;
  /** What of the data is personal, and whose; it is sealed before the intake sees it. Absent: nothing is. */
  readonly personal?: PersonalFields;
  /** Of data that was sealed: sealing the same twice gives other text. Absent: it is made here. */
  readonly payloadHash?: string;
}

export type Acceptance =
  /** Stored now; `processId` is the command's id. */
  | { readonly outcome: "accepted"; readonly processId: string; readonly acceptedAt: number }
  /** The same request was accepted before. */
  | { readonly outcome: "repeated"; readonly processId: string; readonly acceptedAt: number }
  /** The key was used for another request. Nothing was stored. */
  | { readonly outcome: "key-reused"; readonly processId: string };

export interface Intake {
  /**
   * Accepts one command. Resolves after the commit was flushed.
   * Errors: `intake-full` (unavailable; nothing stored), `database-unavailable` (unavailable; nothing stored),
   * `acceptance-unknown` (unknown outcome: send the same again with the same key), `intake-closed` (unavailable).
   */
  accept(submission: Submission): Promise<Acceptance>;
  /** What an earlier acceptance of the same request answered, or null when the key is unknown. Stores nothing. */
  find(submission: Submission): Promise<Acceptance | null>;
  /** Commands accepted by this process since it started. */
  acceptedCount(): number;
  close(): Promise<void>;
}

export interface IntakeOptions {
  readonly context: string;
  readonly database: Database;
  readonly clock: Clock;
  /** Commands were committed to the journal, as `rows` of the statement's; null when their place was not heard. */
  readonly onAccepted: (
    commands: readonly NewEntry[],
    at: AppendedAt | null,
    rows?: readonly number[],
  ) => void;
  /** Commands per commit at most (default 512). */
  readonly perCommit?: number;
  /** Commands waiting for a commit at most (default 10,000); beyond it `intake-full`. */
  readonly waitingAllowed?: number;
  /** Milliseconds to find out what became of a commit whose answer was lost (default 5,000). */
  readonly resolveMs?: number;
  readonly random: () => number;
  readonly probe?: (point: string) => Promise<void> | void;
}

interface Waiting extends KeyedCommand {
  readonly settle: (acceptance: Acceptance) => void;
  readonly fail: (error: unknown) => void;
}

const find: Statement = {
  name: "intake-find",
  text: "select process_id, payload_hash, accepted_at from entente.idempotency where tenant_id = $1 and key_hash = $2",
};

export function openIntake(options: IntakeOptions): Intake {
  const { context, database, clock } = options;
  const perCommit = options.perCommit ?? 512;
  const waitingAllowed = options.waitingAllowed ?? 10_000;
  // Writers of the same tally row wait for each other's commit; shards keep edge processes apart.
  const storeCommands = openCommandStore(database, Math.floor(options.random() * 1024));
  const waiting = new Map<string, Waiting[]>();
  let waitingCount = 0;
  let committing: Promise<void> | null = null;
  let accepted = 0;
  let closed = false;

  function submit(submission: Submission): Promise<Acceptance> {
    if (closed)
      return Promise.reject(new Failure("unavailable", "intake-closed", "The intake is shutting down."));
    if (waitingCount >= waitingAllowed) {
      return Promise.reject(
        new Failure("unavailable", "intake-full", "Too many commands wait to be stored."),
      );
    }
    const now = clock.now();
    const id = newId(now);
    const entry: NewEntry = {
      id,
      kind: "command",
      type: submission.type,
      schemaVersion: submission.schemaVersion,
      source: context,
      target: submission.target,
      tenantId: submission.tenantId,
      key: submission.key,
      keyVersion: null,
      processId: id,
      correlationId: id,
      causationId: null,
      customerId: submission.customerId,
      ttlMs: null,
      traceparent: submission.traceparent,
      occurredAt: now,
      data: submission.data,
    };
    const keyHash = keyHashOf(submission);
    const name = `${submission.tenantId}\u0000${keyHash}`;
    return new Promise<Acceptance>((settle, fail) => {
      const one: Waiting = { entry, keyHash, payloadHash: payloadHashOf(submission), settle, fail };
      const same = waiting.get(name);
      if (same === undefined) waiting.set(name, [one]);
      else same.push(one);
      waitingCount++;
      committing ??= commitAll();
    });
  }

  /** Commits until nobody waits. One at a time: the order of commits is the order of acceptance. */
  async function commitAll(): Promise<void> {
    // Let the requests that arrived in this turn of the event loop join the first commit.
    await new Promise((resolve) => setImmediate(resolve));
    let answer = (): void => {};
    while (waiting.size > 0) {
      const groups: Waiting[][] = [];
      for (const [name, group] of waiting) {
        groups.push(group);
        waiting.delete(name);
        waitingCount -= group.length;
        if (groups.length >= perCommit) break;
      }
      const stored = commitGroups(groups);
      // Once the next commit is on its way: the database works while hundreds of answers are written.
      answer();
      answer = await stored;
    }
    committing = null;
    answer();
  }

  /**
   * A group is the requests of one key: the first goes to the database, the others share its answer.
   * Returns what tells them all; never throws.
   */
  async function commitGroups(groups: readonly Waiting[][]): Promise<() => void> {
    const heads = groups.map((group) => group[0] as Waiting);
    try {
      const outcomes = await store(heads);
      return () => {
        groups.forEach((group, i) => {
          settleGroup(group, outcomes[i] as Stored);
        });
      };
    } catch (error) {
      if (isFailure(error, "data-rejected") && groups.length > 1) {
        // One bad row must not fail its neighbours.
        for (const group of groups) (await commitGroups([group]))();
        return () => {};
      }
      return () => {
        for (const group of groups) for (const one of group) one.fail(error);
      };
    }
  }

  async function store(heads: readonly Waiting[]): Promise<Stored[]> {
    await options.probe?.("intake:before-commit");
    let inserted: StoredCommands;
    try {
      inserted = await storeCommands(heads);
    } catch (error) {
      if (isFailure(error, "partition-missing")) {
        await ensurePartitions(database, clock.now());
        inserted = await storeCommands(heads);
      } else if (isFailure(error, "database-unavailable") && error.fields.sent !== false) {
        return resolveLost(heads, error);
      } else {
        throw error;
      }
    }
    await options.probe?.("intake:after-commit");
    const { earlier } = inserted;
    const outcomes: Stored[] = [];
    const fresh: NewEntry[] = [];
    const rows: number[] = [];
    for (const [n, head] of heads.entries()) {
      const row = earlier.get(head.entry.id);
      if (row === undefined) {
        fresh.push(head.entry);
        rows.push(n);
        outcomes.push({
          fresh: true,
          processId: head.entry.id,
          payloadHash: head.payloadHash,
          acceptedAt: head.entry.occurredAt,
        });
      } else {
        outcomes.push(await earlierOutcome(head, row));
      }
    }
    accepted += fresh.length;
    if (fresh.length > 0) options.onAccepted(fresh, inserted.at, rows);
    return outcomes;
  }

  /** The key was taken; by a transaction this statement could not see when the row came back empty. */
  async function earlierOutcome(head: Waiting, row: EarlierKey): Promise<Stored> {
    if (row.process_id !== null && row.payload_hash !== null && row.accepted_at !== null) {
      return {
        fresh: false,
        processId: row.process_id,
        payloadHash: digestOf(row.payload_hash),
        acceptedAt: row.accepted_at,
      };
    }
    const found = await lookUp(head.entry.tenantId, head.keyHash);
    if (found === null)
      throw new Failure("unavailable", "database-unavailable", "The key was taken and let go meanwhile.");
    return found;
  }

  async function lookUp(tenantId: string, keyHash: string): Promise<Stored | null> {
    const [row] = await database.run<EarlierKey & Record<string, unknown>>(find, [tenantId, keyHash]);
    if (row === undefined || row.process_id === null || row.payload_hash === null || row.accepted_at === null)
      return null;
    return {
      fresh: false,
      processId: row.process_id,
      payloadHash: digestOf(row.payload_hash),
      acceptedAt: row.accepted_at,
    };
  }

  /**
   * The connection broke before the answer came: the batch is stored whole or not at all, and the database knows which.
   * Not found is only believed when the lost session can no longer commit: our own keys are then inserted again,
   * which finds the earlier commit or takes its place.
   */
  async function resolveLost(heads: readonly Waiting[], error: unknown): Promise<Stored[]> {
    const deadline = performance.now() + (options.resolveMs ?? 5_000);
    while (performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      try {
        const { earlier } = await storeCommands(heads);
        const outcomes: Stored[] = [];
        for (const head of heads) {
          const row = earlier.get(head.entry.id);
          const stored: Stored =
            row === undefined
              ? {
                  fresh: true,
                  processId: head.entry.id,
                  payloadHash: head.payloadHash,
                  acceptedAt: head.entry.occurredAt,
                }
              : await earlierOutcome(head, row);
          outcomes.push(stored.processId === head.entry.id ? { ...stored, fresh: true } : stored);
        }
        const fresh = heads.filter((_, i) => outcomes[i]?.fresh === true).map((head) => head.entry);
        accepted += fresh.length;
        if (fresh.length > 0) options.onAccepted(fresh, null);
        return outcomes;
      } catch (again) {
        if (!isFailure(again, "database-unavailable")) throw again;
      }
    }
    throw new Failure(
      "unknown-outcome",
      "acceptance-unknown",
      "The store did not confirm in time. The command may have been accepted; send the same again with the same key.",
      { cause: error },
    );
  }

  return {
    accept: submit,
    async find(submission) {
      const known = await lookUp(submission.tenantId, keyHashOf(submission));
      if (known === null) return null;
      const { processId, acceptedAt } = known;
      return known.payloadHash === payloadHashOf(submission)
        ? { outcome: "repeated", processId, acceptedAt }
        : { outcome: "key-reused", processId };
    },
    acceptedCount: () => accepted,
    async close() {
      closed = true;
      await committing;
    },
  };
}

interface Stored {
  readonly fresh: boolean;
  readonly processId: string;
  readonly payloadHash: string;
  readonly acceptedAt: number;
}

/** A digest as this side writes it: PostgreSQL reads one of 32 digits, and answers it with hyphens. */
function digestOf(uuid: string): string {
  return uuid.replaceAll("-", "");
}

function settleGroup(group: readonly Waiting[], stored: Stored): void {
  group.forEach((one, i) => {
    if (stored.payloadHash !== one.payloadHash) {
      one.settle({ outcome: "key-reused", processId: stored.processId });
    } else {
      const outcome = stored.fresh && i === 0 ? "accepted" : "repeated";
      one.settle({ outcome, processId: stored.processId, acceptedAt: stored.acceptedAt });
    }
  });
}

/** Keys of different callers and operations never meet. */
function keyHashOf(submission: Submission): string {
  return shortHash(`${submission.caller}\u0000${submission.type}\u0000${submission.idempotencyKey}`);
}

function payloadHashOf(submission: Submission): string {
  return submission.payloadHash ?? payloadHash({ key: submission.key, data: submission.data });
}
