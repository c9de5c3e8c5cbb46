/** A worker of the ledger by itself: one consumer on the databases of a stage, as one process would run it. */
import { randomUUID } from "node:crypto";
import {
  type Consumer,
  type ConsumerDefinition,
  type ConsumerSetting,
  startConsumer,
} from "../consumer/consumer.ts";
import { openWakeUps, type WakeUps } from "../consumer/wake-up.ts";
import { deciderConsumer } from "../decider/decider-consumer.ts";
import { appendEntries } from "../journal/append.ts";
import type { NewEntry } from "../model/entry.ts";
import type { Database } from "../postgres/database.ts";
import { type Projection, projectionConsumer } from "../projection/projection.ts";
import { accountDecider, balanceProjection, type Poisoned } from "./bank.fixture.ts";
import { type Happenings, openHappenings } from "./happenings.fixture.ts";
import type { Stage, TestBed } from "./test-bed.fixture.ts";

export interface Worker {
  readonly consumer: Consumer;
  readonly happenings: Happenings;
  readonly wakeUps: WakeUps;
  stop(): Promise<void>;
}

export interface WorkerOptions extends Partial<ConsumerSetting> {
  readonly poisoned?: Poisoned;
  /** Default: the account decider. */
  readonly definition?: (database: Database) => ConsumerDefinition;
}

export async function startWorker(bed: TestBed, stage: Stage, options: WorkerOptions = {}): Promise<Worker> {
  const { definition = (own) => decides(stage, own, options.poisoned), ...said } = options;
  const happenings = openHappenings();
  const wakeUps = openWakeUps();
  const database = said.database ?? stage.database("ledger");
  const consumer = await startConsumer(definition(database), {
    context: "ledger",
    workerId: randomUUID(),
    clock: { now: Date.now },
    wakeUps,
    random: () => 0.5,
    paused: () => false,
    report: happenings.report,
    probe: happenings.probe,
    ...said,
    database,
  });
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= consumer.stop();
    return stopped;
  };
  bed.atEnd(stop);
  return { consumer, happenings, wakeUps, stop };
}

/** The account decider over the front's journal. `own` is where its own due timers are read. */
export function decides(stage: Stage, own: Database, poisoned?: Poisoned): ConsumerDefinition {
  return deciderConsumer(accountDecider(poisoned), {
    context: "ledger",
    sources: [
      { context: "front", database: stage.database("front", "reader"), reading: "everything" },
      { context: "ledger", database: own, reading: "own-commands", wakeUp: "ledger:commands" },
    ],
    now: Date.now,
    onFacts: () => {},
    states: { unwrittenMs: 200 },
  });
}

/** The balance read model over the ledger's journal. */
export function projects(stage: Stage, projection: Projection = balanceProjection): ConsumerDefinition {
  const source = {
    context: "ledger",
    database: stage.database("ledger", "reader"),
    reading: "everything",
  } as const;
  return projectionConsumer(projection, [source], () => {});
}

/** Puts commands into the front's journal, in this order, and wakes the workers. */
export async function offer(
  stage: Stage,
  commands: readonly NewEntry[],
  ...workers: readonly Worker[]
): Promise<void> {
  await appendEntries(stage.database("front"), commands);
  for (const worker of workers) worker.wakeUps.ring("front");
}

export interface LedgerFact extends Record<string, unknown> {
  readonly type: string;
  readonly key: string;
  readonly version: number;
  readonly cause: string;
  readonly amount: number;
  readonly balance: number;
}

/** Facts of the ledger in journal order: of one key, or of all. */
export async function ledgerFacts(stage: Stage, key: string | null = null): Promise<LedgerFact[]> {
  return stage.database("ledger").execute<LedgerFact>(
    `select type, key, key_version::int as version, causation_id as cause, (data->>'amount')::int as amount,
       (data->>'balance')::int as balance
     from entente.journal where kind = 'event' and ($1::text is null or key = $1) order by xid, seq`,
    [key],
  );
}

export interface ParkedState extends Record<string, unknown> {
  readonly id: string;
  readonly key: string;
  readonly state: string;
  readonly attempts: number;
  readonly cause: string | null;
  readonly text: string | null;
}

/** Everything that was ever put aside by a consumer, in journal order. */
export async function putAside(
  stage: Stage,
  consumer = "account",
  key: string | null = null,
): Promise<ParkedState[]> {
  return stage.database("ledger").execute<ParkedState>(
    `select entry_id as id, key, state, attempts, cause_code as cause, cause_text as text from entente.parked
     where consumer = $1 and ($2::text is null or key = $2) order by xid, seq`,
    [consumer, key],
  );
}
