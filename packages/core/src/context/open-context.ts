import { randomUUID } from "node:crypto";
import { auditLogConsumer } from "../audit/audit-log.ts";
import { type CheckpointSigner, openCheckpointSigner } from "../audit/sign-checkpoints.ts";
import type { SigningKey } from "../audit/signed-note.ts";
import type { BusinessClock } from "../clock/business-clock.ts";
import {
  type Consumer,
  type ConsumerDefinition,
  type ConsumerEvent,
  type ConsumerSource,
  startConsumer,
} from "../consumer/consumer.ts";
import { openRenewals } from "../consumer/renewals.ts";
import type { WakeUps } from "../consumer/wake-up.ts";
import { deciderConsumer } from "../decider/decider-consumer.ts";
import { openExpiry } from "../intake/expiry.ts";
import { ensurePartitions, monthStart } from "../journal/partitions.ts";
import type { SharedReading } from "../journal/shared-reading.ts";
import type { Decider } from "../model/decider.ts";
import { Failure, isFailure } from "../model/failure.ts";
import type { Database } from "../postgres/database.ts";
import { processViewConsumer } from "../process/process-view.ts";
import { projectionConsumer } from "../projection/projection.ts";
import { processStartsConsumer } from "../statistics/process-starts.ts";
import type { Telemetry } from "../telemetry/span.ts";
import { startSpanExport } from "../telemetry/start-span-export.ts";
import { fireDueTimers } from "../timer/timers.ts";
import { deskCommands } from "../treaty/hand-off-desk.ts";
import { type Outside, workTreaties } from "../treaty/work-treaties.ts";
import { beatControl } from "./control.ts";
import type { ContextDefinition, SystemSettings } from "./definition.ts";
import { every } from "./every.ts";

/** A context at work in this process: its consumers, timers and upkeep. */
export interface WorkingContext {
  readonly name: string;
  readonly consumers: readonly Consumer[];
  readonly paused: () => boolean;
  /** Reads what operators want at once instead of at the next beat. */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

export interface ContextSurroundings {
  readonly database: Database;
  /** Read access to every context's journal, by context name. */
  readonly journals: ReadonlyMap<string, Database>;
  /** One reading of each journal for all consumers of the process, by context name. */
  readonly readings: ReadonlyMap<string, SharedReading>;
  readonly clock: BusinessClock;
  readonly wakeUps: WakeUps;
  /** Rings here and in other processes. */
  readonly ring: (name: string) => void;
  readonly settings: SystemSettings;
  readonly random: () => number;
  readonly report: (event: ConsumerEvent) => void;
  /** What the audit log is signed with; absent: it is kept and not signed. */
  readonly auditSigning?: AuditSigning;
  /** Secrets and ways out of treaties. */
  readonly outside: Outside;
  readonly probe?: (point: string) => Promise<void> | void;
  /** Where spans go; absent: nothing is exported. */
  readonly telemetry?: Telemetry;
}

/** The key of the audit log, and the file beside it that says what was signed last. Both outside the database. */
export interface AuditSigning {
  readonly key: SigningKey;
  readonly lastSignedFile: string;
  /** File or folder of checkpoints as somebody outside kept them; absent: nobody's are asked. */
  readonly witnessed?: string;
}

/** Milliseconds between signs of life, and between looks for due timers when nothing announces one. */
const beatEveryMs = 1_000;

/** Starts the context's consumers in this process. Lanes are shared with other processes that do the same. */
export async function startContext(
  definition: ContextDefinition,
  around: ContextSurroundings,
): Promise<WorkingContext> {
  const { database, clock, settings, wakeUps } = around;
  const { name } = definition;
  const workerId = randomUUID();
  let paused = false;
  let stopping = false;

  const refresh = async (): Promise<void> => {
    const control = await beatControl(database, clock.now());
    clock.setOffset(control.clockOffsetMs, control.clockSetMs);
    if (control.paused !== paused) {
      paused = control.paused;
      wakeUps.ring(`${name}:control`);
    }
  };
  await refresh();
  let prepared = 0;
  /** Months to come need partitions also when the process runs for years, and nobody writes but timers and operators. */
  const prepareMonths = async (): Promise<void> => {
    const month = monthStart(clock.now());
    if (month === prepared) return;
    await ensurePartitions(database, month);
    prepared = month;
  };
  await prepareMonths();

  const renewals = openRenewals(database, workerId, settings.leaseMs);
  const treaties = workTreaties({
    context: name,
    treaties: definition.treaties ?? [],
    database,
    workerId,
    leaseMs: settings.leaseMs,
    renewals,
    wakeUps,
    ring: around.ring,
    outside: around.outside,
    now: () => clock.now(),
    random: around.random,
    paused: () => paused,
    sourceOf: (context) => sourceOf(name, around, context),
    ...(around.telemetry === undefined ? {} : { telemetry: around.telemetry }),
    ...(around.probe === undefined ? {} : { probe: around.probe }),
  });
  const consumers: Consumer[] = [];
  try {
    const { deciderGatherMs: gatherMs } = settings;
    const ofTreaties = treaties.consumers.map((consumer): Gathering => ({ definition: consumer, gatherMs }));
    const all = [...consumersOf(definition, around), ...ofTreaties];
    checkNames(
      name,
      all.map((one) => one.definition.name),
    );
    for (const consumer of all) {
      consumers.push(
        await startConsumer(consumer.definition, {
          context: name,
          database,
          workerId,
          clock,
          wakeUps,
          random: around.random,
          paused: () => paused,
          report: around.report,
          renewals,
          perLane: settings.perLane,
          retry: {
            attempts: settings.retryAttempts,
            firstMs: settings.retryFirstMs,
            longestMs: settings.retryLongestMs,
          },
          ...(consumer.gatherMs === undefined ? {} : { gatherMs: consumer.gatherMs }),
          ...(consumer.gatherFrom === undefined ? {} : { gatherFrom: consumer.gatherFrom }),
          ...(around.probe === undefined ? {} : { probe: around.probe }),
        }),
      );
    }
  } catch (error) {
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    throw error;
  }

  treaties.start();
  const spans = around.telemetry === undefined ? null : await startSpanExport(name, around.telemetry, around);

  const expiry = definition.intake === undefined ? null : openExpiry(database, settings.intakeKeptDays);
  const upkeep = every(beatEveryMs, async () => {
    await refresh();
    await prepareMonths();
    await expiry?.turn(clock.now());
  });
  const timers = every(beatEveryMs, async () => {
    if (paused || (definition.deciders ?? []).length === 0) return;
    let fired = 0;
    do {
      fired = await fireDueTimers(database, name, clock.now());
      if (fired > 0) around.ring(`${name}:commands`);
      if (fired > 0 && definition.deciders?.some((one) => one.commandsFrom.includes(name))) around.ring(name);
    } while (fired > 0 && !stopping);
  });
  const signer = definition.audit === undefined ? null : signerOf(around);
  // At once: a database that was set back is told before anything else happens to it.
  await signer?.turn(clock.now()).catch(passUnavailable);
  const signing = every(settings.auditSignEveryMs, async () => signer?.turn(clock.now()));
  const unlisten = clock.onChange(() => {
    treaties.timeMoved();
    void prepareMonths()
      .then(() => Promise.all([timers.now(), upkeep.now()]))
      .catch((error: unknown) => {
        if (!isFailure(error)) throw error;
      });
  });

  return {
    name,
    consumers,
    paused: () => paused,
    refresh,
    async stop() {
      stopping = true;
      unlisten();
      await treaties.stop();
      await spans?.stop();
      await Promise.all([
        upkeep.stop(),
        timers.stop(),
        signing.stop(),
        ...consumers.map((consumer) => consumer.stop()),
      ]);
    },
  };
}

/** Errors: `consumer-named-twice` (defect): both would move one cursor, and each skip what the other read. */
function checkNames(context: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice === undefined) return;
  const text = `The context ${context} has two consumers named ${twice}.`;
  throw new Failure("defect", "consumer-named-twice", text, { fields: { context, consumer: twice } });
}

function signerOf(around: ContextSurroundings): CheckpointSigner | null {
  const { auditSigning, database, probe, report } = around;
  if (auditSigning === undefined) return null;
  return openCheckpointSigner({
    database,
    ...auditSigning,
    refused: (_tenantId, { code, message }) =>
      report({ event: "stopped", consumer: "audit-signer", code, text: message }),
    ...(probe === undefined ? {} : { probe }),
  });
}

function passUnavailable(error: unknown): void {
  if (!isFailure(error)) throw error;
}

/** A journal as a consumer of the context reads it. */
function sourceOf(name: string, around: ContextSurroundings, context: string): ConsumerSource {
  const shared = around.readings.get(context);
  const source = { context, database: journalOf(name, around, context), reading: "everything" } as const;
  return shared === undefined ? source : { ...source, shared };
}

function journalOf(name: string, around: ContextSurroundings, context: string): Database {
  const journal = around.journals.get(context);
  if (journal === undefined)
    throw new Error(`context ${name} listens to ${context}, which the system does not have`);
  return journal;
}

/** A consumer, and how it lets entries gather. */
interface Gathering {
  readonly definition: ConsumerDefinition;
  readonly gatherMs?: number;
  readonly gatherFrom?: number;
}

/**
 * Entries in a batch after which others are let gather, of a consumer that no process waits for: any. At two hundred commands a second
 * read models and statistics were otherwise half of all transactions, and those that customers do wait for were the slower for it
 * (2 cores: end to end p50 43 → 31 ms, p90 67 → 55).
 */
const nobodyWaits = 1;

function consumersOf(definition: ContextDefinition, around: ContextSurroundings): Gathering[] {
  const { name } = definition;
  const all = (context: string): ConsumerSource => sourceOf(name, around, context);
  const consumers: Gathering[] = [];
  const deciders = definition.deciders ?? [];
  deciders.forEach(({ decider, commandsFrom }, i) => {
    const commandsElsewhere = Object.assign(
      {},
      ...deciders.filter((_, n) => n !== i).map((other) => other.decider.commands),
    ) as Decider<object>["commands"];
    const listedElsewhere = new Set([...deskCommands, ...Object.keys(commandsElsewhere)]);
    const twice = Object.keys(decider.commands).find((type) => listedElsewhere.has(type));
    if (twice !== undefined) throw new Error(`context ${name} has two deciders for ${twice}`);
    // A state is folded from the facts of its decider, which are known by their types.
    const factsElsewhere = new Set(
      deciders.flatMap((other, n) => (n === i ? [] : other.decider.facts.map(({ type }) => type))),
    );
    const shared = decider.facts.find(({ type }) => factsElsewhere.has(type));
    if (shared !== undefined) throw new Error(`context ${name} has two deciders that record ${shared.type}`);
    const own: ConsumerSource = {
      context: name,
      database: journalOf(name, around, name),
      reading: "own-commands",
      wakeUp: `${name}:commands`,
    };
    consumers.push({
      definition: deciderConsumer(decider, {
        context: name,
        // A context that follows its whole journal anyway finds its own commands there.
        sources: commandsFrom.includes(name) ? commandsFrom.map(all) : [...commandsFrom.map(all), own],
        now: () => around.clock.now(),
        onFacts(facts, at) {
          around.readings.get(name)?.committed(facts, at);
          around.ring(name);
        },
        claimsUnlisted: i === 0,
        listedElsewhere,
        commandsElsewhere,
      }),
      gatherMs: around.settings.deciderGatherMs,
    });
  });
  for (const projection of definition.projections ?? []) {
    consumers.push({
      definition: projectionConsumer(projection, [all(name)], () =>
        around.ring(`${name}:${projection.name}`),
      ),
      gatherMs: around.settings.projectionGatherMs,
      gatherFrom: nobodyWaits,
    });
  }
  if (definition.audit !== undefined) {
    consumers.push({
      definition: auditLogConsumer(definition.audit.follows.map(all), () => around.ring(`${name}:audit-log`)),
      gatherMs: around.settings.auditGatherMs,
      gatherFrom: nobodyWaits,
    });
  }
  if (definition.intake !== undefined) {
    const { processes, factsFrom } = definition.intake;
    consumers.push({
      definition: processViewConsumer({
        definitions: processes,
        sources: factsFrom.map(all),
        onChange: () => around.ring(`${name}:processes`),
        random: around.random,
        now: () => around.clock.now(),
      }),
      gatherMs: around.settings.processGatherMs,
    });
    consumers.push({
      definition: processStartsConsumer({
        definitions: processes,
        source: all(name),
        random: around.random,
      }),
      gatherMs: around.settings.statisticsGatherMs,
      gatherFrom: nobodyWaits,
    });
  }
  return consumers;
}
