import type { BusinessClock } from "../clock/business-clock.ts";
import { openAlarm, type WakeUps } from "../consumer/wake-up.ts";
import { comparePositions, type Position } from "../model/entry.ts";
import type { LateProcesses } from "./late-processes.ts";
import type { ChangeFilter, ProcessReader, ProcessRecord } from "./read-process.ts";

/** Who wants to hear of what. A watcher never hears of anything outside its filter, and of nothing more once it has thrown. */
export interface Watcher {
  readonly filter: ChangeFilter;
  changed(record: ProcessRecord): void;
  /** It passed its limit unfinished. Its state is the one told last, or never told; a change that tells of it first comes instead. */
  late(record: ProcessRecord): void;
}

/**
 * Tells watchers of process changes, in order, from one query for all of them, and of processes that become late, within
 * about a second. Without watchers it reads nothing.
 */
export interface ProcessPush {
  /** Starts telling; changes from now on are told. Returns the function that ends it. */
  watch(watcher: Watcher): Promise<() => void>;
  close(): Promise<void>;
}

/** Rows per query; a burst takes several. */
const perQuery = 1_000;

/** Milliseconds after which the position follows what nobody asked for, so that it is not read again at every look. */
const followEveryMs = 1_000;

/**
 * Milliseconds between two looks for processes that became late: one query over what was accepted in as long a time.
 * 2 to 4 ms for 1,000 commands a second, whether they wait or have ended (PostgreSQL 18.4, two cores).
 */
const lateEveryMs = 1_000;

export interface ProcessPushOptions {
  readonly reader: ProcessReader;
  readonly late: LateProcesses;
  /** Whose processes. */
  readonly context: string;
  readonly wakeUps: WakeUps;
  readonly clock: BusinessClock;
}

export function openProcessPush(options: ProcessPushOptions): ProcessPush {
  const { reader, late, context, wakeUps, clock } = options;
  const watchers = new Set<Watcher>();
  const alarm = openAlarm();
  let position: Position | null = null;
  let closed = false;
  let running: Promise<void> = Promise.resolve();
  let starting: Promise<void> | null = null;
  const unsubscribe = wakeUps.listen([`${context}:processes`], () => alarm.signal());
  let lateDue = true;
  let lateLookAt = 0;
  const unlisten = clock.onChange(() => {
    lateDue = true;
    alarm.signal();
  });

  let asking: Promise<unknown> = Promise.resolve();
  let followedAt = 0;

  /** One query for all who watch now. Returns how many changes it told, and whether there is more to tell. */
  async function look(after: Position): Promise<{ readonly count: number; readonly more: boolean }> {
    const lateTime = lateDue || performance.now() >= lateLookAt;
    const moreLate = lateTime && (await lookForLate(after));
    const follows = performance.now() - followedAt > followEveryMs;
    const horizon = follows ? await reader.horizon() : after;
    const records = await reader.changes(after, unionOf(watchers), perQuery);
    let reached = after;
    for (const record of records) {
      tellAll("changed", record);
      late.toldAsLate(record);
      if (comparePositions(record.change, reached) > 0) reached = record.change;
    }
    const more = records.length === perQuery;
    if (!more && comparePositions(horizon, reached) > 0) reached = horizon;
    if (!more && follows) followedAt = performance.now();
    position = reached;
    return { count: records.length, more: more || moreLate };
  }

  /** Before the changes are read: one that is read after this and tells of being late is known by then, or is told here. */
  async function lookForLate(told: Position): Promise<boolean> {
    lateDue = false;
    lateLookAt = performance.now() + lateEveryMs;
    const { records, more } = await late.next(told, unionOf(watchers));
    for (const record of records) tellAll("late", record);
    if (more) lateDue = true;
    return more;
  }

  function tellAll(what: "changed" | "late", record: ProcessRecord): void {
    for (const watcher of watchers) {
      if (!concerns(watcher.filter, record)) continue;
      try {
        watcher[what](record);
      } catch {
        // Its own defect, and nobody else's: the others are told on, each once.
        watchers.delete(watcher);
      }
    }
  }

  async function run(): Promise<void> {
    let waitMs = 5;
    while (!closed && watchers.size > 0) {
      try {
        const looking = look(position ?? (await reader.horizon()));
        asking = looking.catch(() => {});
        const { count, more } = await looking;
        if (count > 0) waitMs = 5;
        if (more) continue;
      } catch {
        // The store is away: watchers hear nothing new meanwhile and miss nothing, the position stays.
        waitMs = 500;
        lateDue = true;
      }
      waitMs = (await alarm.sleep(waitMs)) ? 5 : Math.min(waitMs * 2, 250);
    }
    position = null;
    starting = null;
  }

  return {
    async watch(watcher) {
      watchers.add(watcher);
      // The position must be taken before the caller reads the present state, or a change in between would be lost.
      starting ??= reader.horizon().then((horizon) => {
        position = horizon;
        late.begin();
        running = run();
      });
      try {
        await starting;
        // A query under way does not ask for this watcher and may carry the position on: present state is read after it.
        await asking;
      } catch (error) {
        watchers.delete(watcher);
        starting = null;
        throw error;
      }
      return () => {
        watchers.delete(watcher);
        if (watchers.size === 0) alarm.signal();
      };
    },
    async close() {
      closed = true;
      unsubscribe();
      unlisten();
      alarm.signal();
      await running;
    },
  };
}

function unionOf(watchers: ReadonlySet<Watcher>): ChangeFilter {
  const processIds = new Set<string>();
  const keys = new Map<string, { tenantId: string; key: string }>();
  const tenants = new Set<string>();
  for (const { filter } of watchers) {
    for (const id of filter.processIds) processIds.add(id);
    for (const key of filter.keys) keys.set(`${key.tenantId}\u0000${key.key}`, key);
    for (const tenant of filter.tenants) tenants.add(tenant);
  }
  return { processIds: [...processIds], keys: [...keys.values()], tenants: [...tenants] };
}

function concerns(filter: ChangeFilter, record: ProcessRecord): boolean {
  return (
    filter.processIds.includes(record.processId) ||
    filter.tenants.includes(record.tenantId) ||
    filter.keys.some((key) => key.tenantId === record.tenantId && key.key === record.key)
  );
}
