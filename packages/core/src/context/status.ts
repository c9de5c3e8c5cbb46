import { auditLogName } from "../audit/audit-log.ts";
import type { BusinessClock } from "../clock/business-clock.ts";
import type { Backlog } from "../intake/backlog.ts";
import { journalStart, type Position } from "../model/entry.ts";
import { type ContextHealth, type ContextState, readHealth } from "./control.ts";
import type { SystemSettings } from "./definition.ts";
import { lagMs, readCursors } from "./lag.ts";
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
  /** Last known cursors by "consumer/journal", so that the lag can be told while the consumer's database is away. */
  const cursors = new Map<string, { lane: number; position: Position }[]>();

  async function healthOf(name: string, context: ReachableContext): Promise<ContextHealth> {
    try {
      return await readHealth(context.journal, name, settings.silentAfterMs);
    } catch {
      const before = seen.get(name);
      return { name, state: "down", awaySince: before?.awaySince ?? clock.now() };
    }
  }

  async function lagOf(name: string, context: ReachableContext): Promise<number> {
    let worst = 0;
    for (const { consumer, journal } of followed(context)) {
      const key = `${name}/${consumer}/${journal}`;
      try {
        cursors.set(key, await readCursors(context.database, consumer, journal));
      } catch {
        // The last known place serves.
      }
      const positions = cursors.get(key);
      const source = contexts.get(journal);
      if (positions === undefined || source === undefined) continue;
      worst = Math.max(
        worst,
        await lagMs(source.journal, positions, clock.now()).catch(() => seen.get(name)?.lagMs ?? 0),
      );
    }
    return worst;
  }

  async function refresh(): Promise<void> {
    for (const [name, context] of contexts) {
      const health = await healthOf(name, context);
      const lag = await lagOf(name, context);
      const before = seen.get(name);
      const awaySince = health.state === "up" ? null : (health.awaySince ?? before?.awaySince ?? clock.now());
      seen.set(name, { ...health, awaySince, lagMs: lag });
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
function followed(context: ReachableContext): { readonly consumer: string; readonly journal: string }[] {
  const { definition } = context;
  return [
    ...(definition.deciders ?? []).flatMap(({ decider, commandsFrom }) =>
      commandsFrom.map((journal) => ({ consumer: decider.name, journal })),
    ),
    ...(definition.intake?.factsFrom ?? []).map((journal) => ({ consumer: "process-view", journal })),
    ...(definition.audit?.follows ?? []).map((journal) => ({ consumer: auditLogName, journal })),
  ];
}
