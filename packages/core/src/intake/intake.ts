import { entryBatch, entryColumns } from "../journal/entry-columns.ts";
import { newId } from "../journal/new-id.ts";
import { ensurePartitions } from "../journal/partitions.ts";
import type { Clock } from "../model/clock.ts";
import type { JsonObject, NewEntry } from "../model/entry.ts";
import { Failure, isFailure } from "../model/failure.ts";
import { bytesArray, textArray, timeArray, uuidArray } from "../postgres/arrays.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { payloadHash, shortHash } from "./payload-hash.ts";

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
  /** Commands were committed to the journal. */
  readonly onAccepted: (commands: readonly NewEntry[]) => void;
  /** Commands per commit at most (default 512). */
  readonly perCommit?: number;
  /** Commands waiting for a commit at most (default 10,000); beyond it `intake-full`. */
  readonly waitingAllowed?: number;
  /** Milliseconds to find out what became of a commit whose answer was lost (default 5,000). */
  readonly resolveMs?: number;
  readonly random: () => number;
  readonly probe?: (point: string) => Promise<void> | void;
}

interface Waiting {
  readonly entry: NewEntry;
  readonly keyHash: Buffer;
  readonly payloadHash: Buffer;
  readonly settle: (acceptance: Acceptance) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Taken keys are looked up first, because an insert that must reckon with conflicts costs twice as much as one that need
 * not. A key that another process takes at the same moment fails that statement, and the one that reckons is used instead.
 * Keys are inserted in sorted order, so that two processes with overlapping batches wait for each other instead of deadlocking.
 * The journal rows go from the parameters into the table without being copied or sorted in between: `not in` keeps their order.
 */
function acceptText(from: string, reckoning: boolean): string {
  const refused = reckoning
    ? "select id from keys where id not in (select process_id from fresh)"
    : "select id from known";
  return `with keys as materialized (
      select tenant_id, key_hash, hash, id, occurred_at from unnest($2::text[], $3::bytea[], $4::bytea[], $5::uuid[], $6::timestamptz[])
        as k(tenant_id, key_hash, hash, id, occurred_at)),
    known as materialized (
      select k.id, o.process_id, o.payload_hash, o.accepted_at from keys k
        join entente.idempotency o using (tenant_id, key_hash)),
    fresh as (
      insert into entente.idempotency (tenant_id, key_hash, payload_hash, process_id, accepted_at)
        select tenant_id, key_hash, hash, id, occurred_at from keys where id not in (select id from known)
        order by tenant_id, key_hash
      ${reckoning ? "on conflict do nothing" : ""} returning process_id),
    refused as materialized (${refused}),
    stored as (
      insert into entente.journal (${entryColumns})
        select ${entryColumns} from ${from} where id not in (select id from refused)),
    counted as (
      insert into entente.tally as t (name, shard, total) select 'accepted', $1::int2, count(*) from fresh
      on conflict (name, shard) do update set total = t.total + excluded.total)
    select r.id, k.process_id, k.payload_hash, k.accepted_at from refused r left join known k using (id)`;
}

const find: Statement = {
  name: "intake-find",
  text: "select process_id, payload_hash, accepted_at from entente.idempotency where tenant_id = $1 and key_hash = $2",
};

const uniqueViolation = "23505";

interface EarlierRow extends Record<string, unknown> {
  id: string;
  process_id: string | null;
  payload_hash: Buffer | null;
  accepted_at: number | null;
}

export function openIntake(options: IntakeOptions): Intake {
  const { context, database, clock } = options;
  const perCommit = options.perCommit ?? 512;
  const waitingAllowed = options.waitingAllowed ?? 10_000;
  // Writers of the same tally row wait for each other's commit; shards keep edge processes apart.
  const shard = Math.floor(options.random() * 1024);
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
    const name = `${submission.tenantId}\u0000${keyHash.toString("latin1")}`;
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
    while (waiting.size > 0) {
      const groups: Waiting[][] = [];
      for (const [name, group] of waiting) {
        groups.push(group);
        waiting.delete(name);
        waitingCount -= group.length;
        if (groups.length >= perCommit) break;
      }
      await commitGroups(groups);
    }
    committing = null;
  }

  /** A group is the requests of one key: the first goes to the database, the others share its answer. */
  async function commitGroups(groups: readonly Waiting[][]): Promise<void> {
    const heads = groups.map((group) => group[0] as Waiting);
    try {
      const outcomes = await store(heads);
      groups.forEach((group, i) => {
        settleGroup(group, outcomes[i] as Stored);
      });
    } catch (error) {
      if (isFailure(error, "data-rejected") && groups.length > 1) {
        // One bad row must not fail its neighbours.
        for (const group of groups) await commitGroups([group]);
        return;
      }
      for (const group of groups) for (const one of group) one.fail(error);
    }
  }

  async function store(heads: readonly Waiting[]): Promise<Stored[]> {
    await options.probe?.("intake:before-commit");
    let rows: EarlierRow[];
    try {
      rows = await insert(heads);
    } catch (error) {
      if (isFailure(error, "partition-missing")) {
        await ensurePartitions(database, clock.now());
        rows = await insert(heads);
      } else if (isFailure(error, "database-unavailable") && error.fields["sent"] !== false) {
        return resolveLost(heads, error);
      } else {
        throw error;
      }
    }
    await options.probe?.("intake:after-commit");
    const earlier = new Map(rows.map((row) => [row.id, row]));
    const outcomes: Stored[] = [];
    const fresh: NewEntry[] = [];
    for (const head of heads) {
      const row = earlier.get(head.entry.id);
      if (row === undefined) {
        fresh.push(head.entry);
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
    if (fresh.length > 0) options.onAccepted(fresh);
    return outcomes;
  }

  async function insert(heads: readonly Waiting[]): Promise<EarlierRow[]> {
    const entries = heads.map((h) => h.entry);
    const keyHashes = bytesArray(
      heads.map((h) => h.keyHash),
      16,
    );
    const payloadHashes = bytesArray(
      heads.map((h) => h.payloadHash),
      16,
    );
    const batch = entryBatch(entries, 7);
    const values = [
      shard,
      textArray(entries.map((e) => e.tenantId)),
      keyHashes,
      payloadHashes,
      uuidArray(entries.map((e) => e.id)),
      timeArray(entries.map((e) => e.occurredAt)),
      ...batch.values,
    ];
    try {
      const text = acceptText(batch.from, false);
      return await database.run<EarlierRow>({ name: `intake-accept-${batch.shape}`, text }, values);
    } catch (error) {
      if (!isFailure(error, "data-rejected") || error.fields.sqlState !== uniqueViolation) throw error;
      const text = acceptText(batch.from, true);
      return database.run<EarlierRow>({ name: `intake-accept-reckoning-${batch.shape}`, text }, values);
    }
  }

  /** The key was taken; by a transaction this statement could not see when the row came back empty. */
  async function earlierOutcome(head: Waiting, row: EarlierRow): Promise<Stored> {
    if (row.process_id !== null && row.payload_hash !== null && row.accepted_at !== null) {
      return {
        fresh: false,
        processId: row.process_id,
        payloadHash: row.payload_hash,
        acceptedAt: row.accepted_at,
      };
    }
    const found = await lookUp(head.entry.tenantId, head.keyHash);
    if (found === null)
      throw new Failure("unavailable", "database-unavailable", "The key was taken and let go meanwhile.");
    return found;
  }

  async function lookUp(tenantId: string, keyHash: Buffer): Promise<Stored | null> {
    const [row] = await database.run<EarlierRow>(find, [tenantId, keyHash]);
    if (row === undefined || row.process_id === null || row.payload_hash === null || row.accepted_at === null)
      return null;
    return {
      fresh: false,
      processId: row.process_id,
      payloadHash: row.payload_hash,
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
        const rows = await insert(heads);
        const earlier = new Map(rows.map((row) => [row.id, row]));
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
        if (fresh.length > 0) options.onAccepted(fresh);
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
      return known.payloadHash.equals(payloadHashOf(submission))
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
  readonly payloadHash: Buffer;
  readonly acceptedAt: number;
}

function settleGroup(group: readonly Waiting[], stored: Stored): void {
  group.forEach((one, i) => {
    if (!stored.payloadHash.equals(one.payloadHash)) {
      one.settle({ outcome: "key-reused", processId: stored.processId });
    } else {
      const outcome = stored.fresh && i === 0 ? "accepted" : "repeated";
      one.settle({ outcome, processId: stored.processId, acceptedAt: stored.acceptedAt });
    }
  });
}

/** Keys of different callers and operations never meet. */
function keyHashOf(submission: Submission): Buffer {
  return shortHash(`${submission.caller}\u0000${submission.type}\u0000${submission.idempotencyKey}`);
}

function payloadHashOf(submission: Submission): Buffer {
  return payloadHash({ key: submission.key, data: submission.data });
}
