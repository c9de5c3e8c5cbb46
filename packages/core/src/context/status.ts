import { auditLogName } from "../audit/audit-log.ts";
import type { BusinessClock } from "../clock/business-clock.ts";
import { readCursors } from "../consumer/cursors.ts";
import type { Backlog } from "../intake/backlog.ts";
import type { LanePosition } from "../journal/read.ts";
import { journalStart, type Position } from "../model/entry.ts";
import { type ContextHealth, type ContextState, readHealth } from "./control.ts";
import type { ContextDefinition, SystemSettings } from "./definition.ts";
import { lagsMs } from "./lag.ts";
import type { ReachableContext } from "./system.ts";

/** What the app's banner and operators need to know. */
export interface SystemStatus {
  /** True while a context has been away longer than customers should not be told. */
  readonly maintenance: boolean;
  readonly backlog: number;
  readonly expectedWaitSeconds: number;
  readonly contexts: readonly {
    readonly name: string;
    readonly state: ContextState;
    /** Age of the oldest entry the context has not dealt with, milliseconds. */
    readonly lagMs: number;
  }[];
}

export interface StatusReader {
  /** The latest picture, at most a second old. Never waits for a database. */
  read(): SystemStatus;
  /** A position this context's consumer has certainly passed in a lane of the journal; the start when nothing is known. */
  consumedUpTo(context: string, consumer: string, journal: string, lane: number): Position;
  refresh(): Promise<void>;
  close(): Promise<void>;
}

interface Seen extends ContextHealth {
  readonly lagMs: number;
}

export async function openStatus(
  contexts: ReadonlyMap<string, ReachableContext>,
  clock: BusinessClock,
  settings: SystemSettings,
  backlog: Backlog,
): Promise<StatusReader> {
  const seen = new Map<string, Seen>();
  /** Last known cursors by "context/consumer/journal", so that the lag can be told while the consumer's database is away. */
  const cursors = new Map<string, readonly LanePosition[]>();
  /** Last known lags by the same names. */
  const lags = new Map<string, number>();

  async function healthOf(name: string, context: ReachableContext): Promise<ContextHealth> {
    try {
      return await readHealth(context.journal, name, settings.silentAfterMs);
    } catch {
      const before = seen.get(name);
      return { name, state: "down", awaySince: before?.awaySince ?? clock.now() };
    }
  }

  async function readCursorsOf({ database, definition }: ReachableContext): Promise<void> {
    const asked = followed(definition);
    const standing = await readCursors(database, asked).catch(() => null);
    // Of a database that is away, the last known places serve.
    for (const [n, { consumer, journal }] of asked.entries()) {
      const lanes = standing?.[n];
      if (lanes !== undefined) cursors.set(`${definition.name}/${consumer}/${journal}`, lanes);
    }
  }

  async function readLagsIn(journal: string): Promise<void> {
    const behind = [...cursors].filter(([name]) => name.endsWith(`/${journal}`));
    const source = contexts.get(journal);
    if (source === undefined || behind.length === 0) return;
    const found = await lagsMs(
      source.journal,
      behind.map(([, lanes]) => lanes),
      clock.now(),
    ).catch(() => null);
    for (const [n, [name]] of behind.entries()) {
      const lag = found?.[n];
      if (lag !== undefined) lags.set(name, lag);
    }
  }

  async function refresh(): Promise<void> {
    const health = await Promise.all([...contexts].map(([name, context]) => healthOf(name, context)));
    await Promise.all([...contexts.values()].map(readCursorsOf));
    await Promise.all([...contexts.keys()].map(readLagsIn));
    for (const [n, [name, { definition }]] of [...contexts].entries()) {
      const found = health[n] as ContextHealth;
      const before = seen.get(name);
      const awaySince = found.state === "up" ? null : (found.awaySince ?? before?.awaySince ?? clock.now());
      const lagMs = Math.max(
        0,
        ...followed(definition).map(
          ({ consumer, journal }) => lags.get(`${name}/${consumer}/${journal}`) ?? 0,
        ),
      );
      seen.set(name, { ...found, awaySince, lagMs });
    }
  }

  await refresh();
  let current: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    current = current.then(refresh);
  }, 1_000);

  return {
    read() {
      const now = clock.now();
      const reading = backlog.read();
      return {
        maintenance: [...seen.values()].some(
          (context) => context.awaySince !== null && now - context.awaySince >= settings.maintenanceAfterMs,
        ),
        backlog: reading.backlog,
        expectedWaitSeconds: reading.expectedWaitSeconds,
        contexts: [...seen.values()].map(({ name, state, lagMs: lag }) => ({ name, state, lagMs: lag })),
      };
    },
    consumedUpTo(context, consumer, journal, lane) {
      const known = cursors.get(`${context}/${consumer}/${journal}`);
      return known?.find((cursor) => cursor.lane === lane)?.position ?? journalStart;
    },
    refresh() {
      current = current.then(refresh);
      return current;
    },
    async close() {
      clearInterval(timer);
      await current;
    },
  };
}

/** Consumers of a context and the foreign or own journals they follow in full. */
function followed(definition: ContextDefinition): { readonly consumer: string; readonly journal: string }[] {
  return [
    ...(definition.deciders ?? []).flatMap(({ decider, commandsFrom }) =>
      commandsFrom.map((journal) => ({ consumer: decider.name, journal })),
    ),
    ...(definition.intake?.factsFrom ?? []).map((journal) => ({ consumer: "process-view", journal })),
    ...(definition.audit?.follows ?? []).map((journal) => ({ consumer: auditLogName, journal })),
  ];
}
