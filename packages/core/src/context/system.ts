/** Longer than most because what a process opens is opened in one order and closed in the opposite one, which is told in one place. */
import { randomUUID } from "node:crypto";
import { type AuditReader, openAuditReader } from "../audit/audit-reader.ts";
import { type BusinessClock, openBusinessClock, storeClockOffset } from "../clock/business-clock.ts";
import type { ConsumerEvent } from "../consumer/consumer.ts";
import { openWakeUps } from "../consumer/wake-up.ts";
import type { Fitness } from "../fitness/open-fitness.ts";
import { openSystemFitness } from "../fitness/system-fitness.ts";
import { type Backlog, type BacklogReading, openBacklog } from "../intake/backlog.ts";
import { type Acceptance, type Intake, openIntake, type Submission } from "../intake/intake.ts";
import { type FeedPage, readFeedPage } from "../journal/feed.ts";
import { ensurePartitions } from "../journal/partitions.ts";
import { shareReading } from "../journal/shared-reading.ts";
import type { JsonObject, Position } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { laneCount } from "../model/lane.ts";
import {
  discardParked,
  listParked,
  type OperatorAct,
  type ParkedSummary,
  redriveParked,
} from "../parked/operate.ts";
import type { Erasure } from "../personal/personal-data.ts";
import { openKeys, sealed, unprotected } from "../personal/seal-submission.ts";
import { keysContext, openingPersonalData } from "../personal/with-keys.ts";
import { type Database, openDatabase } from "../postgres/database.ts";
import { type ContextAccess, contextAccess, provisionContext } from "../postgres/provision.ts";
import { openLateProcesses } from "../process/late-processes.ts";
import { openProcessPush, type ProcessPush } from "../process/process-push.ts";
import { openProcessReader, type ProcessReader } from "../process/read-process.ts";
import { openTimelineReader, type TimelineReader } from "../process/read-timeline.ts";
import { checkKeptDays } from "../retention/kept-days.ts";
import { openRetention, type Retention } from "../retention/retention.ts";
import { type FlowReader, openFlows } from "../statistics/flows.ts";
import { openProcessStatistics, type ProcessStatistics } from "../statistics/read-statistics.ts";
import type { Telemetry } from "../telemetry/span.ts";
import { openSystemTreaties, type SystemTreaties } from "../treaty/system-treaties.ts";
import { checkTreaties, type Outside } from "../treaty/work-treaties.ts";
import { followClock, setPaused } from "./control.ts";
import {
  type ContextDefinition,
  defaultSettings,
  type SystemDefinition,
  type SystemSettings,
} from "./definition.ts";
import { type CursorSummary, listCursors } from "./list-cursors.ts";
import { type AuditSigning, startContext, type WorkingContext } from "./open-context.ts";
import { keptDaysOf, provisioning, reach } from "./reach-contexts.ts";
import { type CursorReset, type CursorResetAct, resetCursor } from "./reset-cursor.ts";
import { openStatus, type SystemStatus } from "./status.ts";
import { openWakeNetwork, type WakeNetwork } from "./wake-network.ts";

export interface SystemOptions {
  readonly definition: SystemDefinition;
  /** A login that may create databases and roles; see provisionContext. */
  readonly adminUrl: string;
  /** Contexts whose database is elsewhere: their own login, nothing is created beside the schema. */
  readonly contextUrls?: Readonly<Record<string, string>>;
  /** Contexts this process works for (default: all). */
  readonly run?: readonly string[];
  readonly settings?: Partial<SystemSettings>;
  readonly wallClock?: () => number;
  readonly random?: () => number;
  readonly report?: (event: ConsumerEvent) => void;
  /** Secrets and ways out of treaties, and who hears what they do. */
  readonly outside?: Outside;
  /** What the audit log is signed with; absent: it is kept and not signed. */
  readonly auditSigning?: AuditSigning;
  /** Where months that leave the journals are archived; absent: none leaves but raw intake. One folder for all processes. */
  readonly archiveFolder?: string;
  /** Where spans go; absent: nothing is exported, and nothing is done for it. */
  readonly telemetry?: Telemetry;
  /** 32 bytes that wrap the keys of data subjects, for a system with the context `keys`; absent: nothing personal is accepted. */
  readonly wrappingKey?: Buffer;
  /** Another one that keys may be wrapped by, while the wrapping key is changed. */
  readonly otherWrappingKey?: Buffer;
  readonly probe?: (point: string) => Promise<void> | void;
}

/** A context as every process of the system sees it. */
export interface ReachableContext {
  readonly definition: ContextDefinition;
  /** With the context's own login. */
  readonly database: Database;
  /** With the login that may only read the journal. */
  readonly journal: Database;
}

/**
 * A running system: what the edge, the command line and tests talk to.
 * Errors of its calls are Failures; `database-unavailable` may come from any.
 */
export interface System {
  readonly name: string;
  readonly clock: BusinessClock;
  readonly settings: SystemSettings;
  readonly contexts: ReadonlyMap<string, ReachableContext>;
  /** Contexts at work in this process. */
  readonly working: readonly WorkingContext[];
  /**
   * Accepts a command durably. Errors: those of Intake.accept, and `backlog-full` (unavailable; nothing stored)
   * with fields `expectedWaitSeconds`, `backlog`, `backlogAllowed`. A repeat of an accepted request is answered even then.
   */
  accept(submission: Submission): Promise<Acceptance>;
  /** What accepting the same request answered before; null: its key is unknown. Stores nothing. */
  earlier(submission: Submission): Promise<Acceptance | null>;
  backlog(): BacklogReading;
  readonly processes: ProcessReader;
  /** The whole story of a process, over all contexts. */
  readonly timelines: TimelineReader;
  readonly push: ProcessPush;
  /** How the processes fare, by type and time. */
  readonly statistics: ProcessStatistics;
  /** What customers wait, beside how far those are behind that serve them. */
  readonly flows: FlowReader;
  /** How the system fares; null when no context keeps that. */
  readonly fitness: Fitness | null;
  readonly treaties: SystemTreaties;
  /** Takes the key of a data subject: nothing personal of it can be read from then on. Errors: `personal-data-unprotected` (unavailable). */
  erase(act: Erasure): Promise<{ readonly erased: boolean }>;
  /** The audit log; null when no context keeps one. */
  readonly audit: AuditReader | null;
  /** What is kept of the journals, and until when. */
  readonly retention: Pick<Retention, "list" | "deleteMonth">;
  status(): SystemStatus;
  /** A position that a context's consumer has certainly passed in one lane of a journal, at most a second old. */
  consumedUpTo(context: string, consumer: string, journal: string, lane: number): Position;
  /** Takes a context off line, or back. Errors: `context-unknown` (refused). */
  setPaused(
    context: string,
    paused: boolean,
    act: { tenantId: string; by: string; why: string },
  ): Promise<void>;
  /** Moves business time for the whole system. */
  setClock(now: number): Promise<void>;
  listParked(context: string, tenantId: string, limit: number): Promise<ParkedSummary[]>;
  redrive(context: string, act: OperatorAct, corrected?: JsonObject): Promise<void>;
  discard(context: string, act: OperatorAct): Promise<void>;
  /** Where the context's consumers stand in the journals they follow, and which of these were replaced. Errors: `context-unknown`. */
  listCursors(context: string): Promise<CursorSummary[]>;
  /** Lets a consumer go on whose journal was replaced, at once and without a restart. Errors: those of resetCursor, `context-unknown`. */
  resetCursor(context: string, act: CursorResetAct): Promise<CursorReset>;
  /** A page of a context's journal for one tenant. */
  feed(context: string, tenantId: string, cursor: string | null, limit: number): Promise<FeedPage>;
  /** Throws when the intake's store does not answer. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

/** Brings the databases forward and starts the contexts. Errors: those of provisionContext, startContext and checkTreaties. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const opened: (() => Promise<unknown>)[] = [];
  try {
    return await open(options, opened);
  } catch (error) {
    // A refused start leaves nothing at work, and its own reason is the one to tell.
    for (const close of opened.reverse()) await close().catch(() => {});
    throw error;
  }
}

/** Puts what has to be closed again into `opened`, in the order it was opened. */
async function open(options: SystemOptions, opened: (() => Promise<unknown>)[]): Promise<System> {
  const declared = options.definition;
  const settings = { ...defaultSettings, ...options.settings };
  const random = options.random ?? Math.random;
  const clock = openBusinessClock(options.wallClock);
  const keys = declared.contexts.find(({ name }) => name === keysContext);
  const { wrappingKey, otherWrappingKey } = options;
  const personal =
    keys === undefined || wrappingKey === undefined
      ? null
      : openKeys(
          contextAccess(provisioning(options, keys, settings)).app,
          { wrappingKey, ...(otherWrappingKey === undefined ? {} : { otherWrappingKey }) },
          clock,
          opened,
        );
  const definition = personal === null ? declared : openingPersonalData(declared, personal);
  const run = options.run ?? definition.contexts.map((context) => context.name);
  for (const name of run) {
    if (!definition.contexts.some((context) => context.name === name)) throw unknownContext(name);
  }
  // Before anything is opened: an integration nobody has thought through to its end does not start.
  for (const { treaties } of definition.contexts) checkTreaties(treaties ?? []);
  for (const context of definition.contexts) checkKeptDays(keptDaysOf(context, settings));
  const contexts = new Map<string, ReachableContext>();
  // All at once, and each to its end: a refused start must not leave one at work on its database.
  const given = await Promise.allSettled(
    definition.contexts.map(async (context) => {
      const how = provisioning(options, context, settings);
      // A context that others work for may be away altogether; this process must start without it.
      return run.includes(context.name) ? provisionContext(how) : contextAccess(how);
    }),
  );
  for (const [n, context] of definition.contexts.entries()) {
    const access = given[n] as PromiseSettledResult<ContextAccess>;
    if (access.status === "rejected") throw access.reason;
    const reachable = reach(definition, context, access.value);
    contexts.set(context.name, reachable);
    opened.push(() => Promise.all([reachable.database.close(), reachable.journal.close()]));
  }
  const gateway = definition.contexts.find((context) => context.intake !== undefined);
  if (gateway?.intake === undefined)
    throw new Error(`system ${definition.name} has no context with an intake`);
  const gatewayContext = contexts.get(gateway.name) as ReachableContext;

  const wakeUps = openWakeUps();
  const working: WorkingContext[] = [];
  const origin = randomUUID();
  const othersListen = () =>
    run.length < definition.contexts.length ||
    working.some((context) => context.consumers.some((consumer) => consumer.lanes().length < laneCount));
  const networks = new Map<string, WakeNetwork>();
  for (const [name, context] of contexts) {
    const network = openWakeNetwork(context.journal, wakeUps, origin, othersListen);
    networks.set(name, network);
    opened.push(() => network.close());
  }
  const ring = (name: string): void => {
    wakeUps.ring(name);
    networks.get(name.split(":")[0] as string)?.announce(name);
  };
  const journals = new Map([...contexts].map(([name, context]) => [name, context.journal]));
  const readings = new Map([...journals].map(([name, journal]) => [name, shareReading(journal)]));
  const report = options.report ?? (() => {});
  for (const name of run) {
    const context = contexts.get(name) as ReachableContext;
    const started = await startContext(context.definition, {
      database: context.database,
      journals,
      readings,
      clock,
      wakeUps,
      ring,
      settings,
      random,
      report,
      outside: options.outside ?? {},
      ...(options.auditSigning === undefined ? {} : { auditSigning: options.auditSigning }),
      ...(options.telemetry === undefined ? {} : { telemetry: options.telemetry }),
      ...(options.probe === undefined ? {} : { probe: options.probe }),
    });
    working.push(started);
    opened.push(() => started.stop());
  }
  const stopClock = run.length > 0 ? null : await followClock(gatewayContext.database, clock, 1_000);
  opened.push(async () => stopClock?.());
  const backlog: Backlog = await openBacklog({
    database: gatewayContext.database,
    assumedDrainPerSecond: settings.assumedDrainPerSecond,
  });
  opened.push(() => backlog.close());
  // Acceptance has connections of its own: a flood of reads must not keep a command waiting.
  const intakeDatabase = openDatabase({
    url: gatewayContext.database.url,
    applicationName: `${definition.name} intake`,
    connections: 2,
    statementTimeoutMs: 5_000,
  });
  opened.push(() => intakeDatabase.close());
  const intake: Intake = openIntake({
    context: gateway.name,
    database: intakeDatabase,
    clock,
    random,
    onAccepted(commands, at, rows) {
      readings.get(gateway.name)?.committed(commands, at, rows);
      backlog.accepted(commands.length, at?.xid ?? null);
      ring(gateway.name);
    },
    ...(options.probe === undefined ? {} : { probe: options.probe }),
  });
  const processes = openProcessReader(
    gatewayContext.database,
    gateway.intake.processes,
    () => clock.now(),
    settings.intakeKeptDays * 86_400_000,
  );
  const push = openProcessPush({
    reader: processes,
    late: openLateProcesses(gatewayContext.database, gateway.intake.processes, () => clock.now()),
    context: gateway.name,
    wakeUps,
    clock,
  });
  const status = await openStatus(contexts, clock, settings, backlog);
  const treaties = openSystemTreaties({
    contexts,
    clock,
    random,
    outside: options.outside ?? {},
    ring,
    ...(options.probe === undefined ? {} : { probe: options.probe }),
  });
  const statistics = openProcessStatistics(
    gatewayContext.database,
    gateway.intake.processes.map(({ type }) => type),
  );
  const { processes: definitions } = gateway.intake;
  const flows = openFlows({ definitions, statistics, contexts, now: () => clock.now() });
  const timelines = openTimelineReader({
    contexts,
    processes,
    definitions,
    factsFrom: gateway.intake.factsFrom,
  });
  const of = { database: gatewayContext.database, processes: definitions, contexts, statistics };
  const hands = { status: () => status.read(), clock, ring, report };
  const fitness = openSystemFitness({ ...of, ...hands }, run, settings);
  if (fitness !== null) opened.push(() => fitness.stop());
  const retention = openRetention({
    system: definition.name,
    contexts,
    run,
    clock,
    archiveFolder: options.archiveFolder ?? null,
    retryMs: settings.retentionRetryMs,
    report,
    ...(options.probe === undefined ? {} : { probe: options.probe }),
  });
  opened.push(() => retention.stop());
  const auditDatabase = [...contexts.values()].find((one) => one.definition.audit !== undefined)?.database;
  const contextOf = (name: string): ReachableContext => {
    const context = contexts.get(name);
    if (context === undefined) throw unknownContext(name);
    return context;
  };

  return {
    name: definition.name,
    clock,
    settings,
    contexts,
    working,
    async accept(given) {
      const submission = given.personal === undefined ? given : await sealed(given, personal);
      const reading = backlog.read();
      if (reading.backlog < settings.backlogAllowed) return intake.accept(submission);
      const earlier = await intake.find(submission);
      if (earlier !== null) return earlier;
      throw new Failure(
        "unavailable",
        "backlog-full",
        "Too many commands wait. Nothing was stored; send it again later.",
        {
          fields: {
            backlog: reading.backlog,
            backlogAllowed: settings.backlogAllowed,
            expectedWaitSeconds: Math.max(1, reading.expectedWaitSeconds),
          },
        },
      );
    },
    earlier: async (given) =>
      intake.find(given.personal === undefined ? given : await sealed(given, personal)),
    backlog: () => backlog.read(),
    processes,
    timelines,
    push,
    statistics,
    flows,
    fitness,
    treaties,
    async erase(act) {
      if (personal === null) throw unprotected();
      return personal.erase(act);
    },
    audit:
      auditDatabase === undefined
        ? null
        : openAuditReader({
            database: auditDatabase,
            places: [...contexts.values()],
            key: options.auditSigning?.key ?? null,
          }),
    retention,
    status: () => status.read(),
    consumedUpTo: (context, consumer, journal, lane) => status.consumedUpTo(context, consumer, journal, lane),
    async setPaused(name, paused, act) {
      const context = contextOf(name);
      await setPaused(context.database, name, paused, { ...act, now: clock.now() });
      await working.find((one) => one.name === name)?.refresh();
      ring(`${name}:control`);
      await status.refresh();
    },
    async setClock(now) {
      const wall = clock.now() - clock.offsetMs();
      const offset = Math.round(now - wall);
      for (const context of contexts.values()) {
        await storeClockOffset(context.database, offset, wall);
        await ensurePartitions(context.database, now);
      }
      clock.setOffset(offset, wall);
      await status.refresh();
    },
    listParked: async (name, tenantId, limit) => listParked(contextOf(name).database, tenantId, limit),
    async redrive(name, act, corrected) {
      await redriveParked(contextOf(name).database, name, clock.now(), act, corrected);
      ring(`${name}:control`);
    },
    async discard(name, act) {
      await discardParked(contextOf(name).database, name, clock.now(), act);
      ring(`${name}:control`);
      ring(name);
    },
    listCursors: async (name) => listCursors(contextOf(name), journals),
    async resetCursor(name, act) {
      const reset = await resetCursor(contextOf(name), journals, clock.now(), act);
      ring(`${name}:control`);
      return reset;
    },
    feed: async (name, tenantId, cursor, limit) =>
      readFeedPage(contextOf(name).journal, tenantId, cursor, limit),
    async ready() {
      await intakeDatabase.execute("select 1");
    },
    async stop() {
      await intake.close();
      await push.close();
      await fitness?.stop();
      await retention.stop();
      await stopClock?.();
      await status.close();
      await backlog.close();
      await Promise.all(working.map((context) => context.stop()));
      await treaties.stop();
      // Others take the lanes over at once instead of at their next renewal.
      await Promise.all(
        [...networks].map(([name, network]) => network.close(run.includes(name) ? [`${name}:control`] : [])),
      );
      await intakeDatabase.close();
      await Promise.all(
        [...contexts.values()].flatMap((context) => [context.database.close(), context.journal.close()]),
      );
    },
  };
}

function unknownContext(name: string): Failure {
  return new Failure("refused", "context-unknown", `There is no context "${name}" in this system.`, {
    fields: { context: name },
  });
}
