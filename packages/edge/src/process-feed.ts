import type { ProcessRecord, System, Watcher } from "@entente/core";
import { comparePositions, Failure, type Position } from "@entente/core/model";
import type { EdgeContext } from "./edge-context.ts";
import { eventId, maySee } from "./process-answer.ts";
import type { Identity } from "./tokens.ts";

/** Changes read at a time while a returning client catches up. */
const perPage = 200;
/** Changes that may arrive while a page is read; more means that we cannot keep up with this client. */
const waitingAllowed = 10_000;

export interface FeedOptions {
  readonly system: System;
  readonly identity: Identity;
  readonly accountOf: EdgeContext["accountOf"];
  /** Go on after this; null: from now on. */
  readonly since: Position | null;
  /** Where the feed begins; called once, before the first record. */
  readonly started: (from: Position) => void;
  /** `place` is where to go on from after this: the record's own for a change, the one before it for what became late. */
  readonly tell: (record: ProcessRecord, place: Position) => void;
  /** Resolves when what was told has left, so that catching up goes no faster than the client reads. */
  readonly drained: () => Promise<void>;
}

export interface ProcessFeed {
  /** Resolves when the client is up to date. Errors: `stream-too-slow`, `database-unavailable` (unavailable). */
  readonly caughtUp: Promise<void>;
  stop(): void;
}

/**
 * All process changes a caller may see: in order, without gap and without repeats, from a position or from now on; and
 * between them what becomes late while it is followed. Being late has no place of its own in the order of changes, so what
 * became late while a client was away is told with its next change only: clients read what they show as unfinished.
 * Watching begins before the past is read; what is told meanwhile waits.
 */
export function followProcesses(options: FeedOptions): ProcessFeed {
  const { system, identity, accountOf, since } = options;
  const filter = filterFor(identity, accountOf !== undefined);
  let waiting: ProcessRecord[] = [];
  /** Became late before the client was up to date. */
  const late = new Map<string, ProcessRecord>();
  /** States told as late while the client caught up: we may have read them before the push noticed. */
  const toldAsLate = new Set<string>();
  let live = false;
  let stopped = false;
  let told: Position = { xid: "0", seq: "0" };
  let unwatch = () => {};

  function tell(record: ProcessRecord): void {
    if (comparePositions(record.change, told) <= 0) return;
    told = record.change;
    if (!live) {
      if (record.delayed) toldAsLate.add(eventId(record));
      // It was read after it was reported late, and moved on in between.
      if (comparePositions(record.change, late.get(record.processId)?.change ?? told) > 0)
        late.delete(record.processId);
    }
    if (maySee(identity, record, accountOf)) options.tell(record, told);
  }

  function tellLate(record: ProcessRecord): void {
    if (!toldAsLate.has(eventId(record)) && maySee(identity, record, accountOf)) options.tell(record, told);
  }

  function goLive(): void {
    for (const record of waiting) if (!stopped) tell(record);
    for (const record of late.values()) if (!stopped) tellLate(record);
    live = true;
    waiting = [];
    late.clear();
  }

  async function run(): Promise<void> {
    unwatch = await system.push.watch({
      filter,
      changed: (record) => {
        if (live) tell(record);
        else waiting.push(record);
      },
      late: (record) => {
        if (live) tellLate(record);
        else late.set(record.processId, record);
      },
    });
    if (stopped) return unwatch();
    told = since ?? (await system.processes.horizon());
    if (!stopped) options.started(told);
    if (since !== null) await catchUp();
    goLive();
  }

  async function catchUp(): Promise<void> {
    for (;;) {
      // What was told before this page is asked for is in this page or a later one.
      waiting = [];
      const page = await system.processes.changes(told, filter, perPage);
      if (stopped) return;
      for (const record of page) tell(record);
      if (waiting.length + late.size > waitingAllowed) {
        throw new Failure("unavailable", "stream-too-slow", "Changes come faster than they can be sent.");
      }
      if (page.length < perPage) return;
      await options.drained();
    }
  }

  return {
    caughtUp: run(),
    stop() {
      stopped = true;
      unwatch();
    },
  };
}

/** A filter of our own making only narrows by tenant when the account is not the key; `maySee` has the last word either way. */
function filterFor(identity: Identity, accountIsNotKey: boolean): Watcher["filter"] {
  const { tenant, role, accounts } = identity;
  if (role !== "customer" || accountIsNotKey) return { processIds: [], keys: [], tenants: [tenant] };
  return { processIds: [], keys: [...accounts].map((key) => ({ tenantId: tenant, key })), tenants: [] };
}
