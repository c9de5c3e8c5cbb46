import { ensurePartitions, monthStart } from "../journal/partitions.ts";
import { type Entry, journalStart } from "../model/entry.ts";
import { Failure, isFailure } from "../model/failure.ts";
import { timeOfId } from "../model/id.ts";
import { backoffMs, causeOf, defaultRetryRule, setAside } from "../parked/parking.ts";
import { runWrite } from "../postgres/database.ts";
import { openBatch } from "./batch.ts";
import { checkJournals, registerConsumer } from "./cursors.ts";
import type { ConsumerDefinition, ConsumerEvent, ConsumerSetting } from "./definition.ts";
import { FollowedJournal } from "./followed-journal.ts";
import { type CursorMove, lanesOf, moveCursors, type OwnedLane, releaseAllLanes } from "./lanes.ts";
import { openRenewals, type Renewals } from "./renewals.ts";
import { resumeStalledKeys } from "./resume.ts";
import type { OpenStalls } from "./stalls.ts";
import { openAlarm } from "./wake-up.ts";

export type { ConsumerDefinition, ConsumerEvent, ConsumerSetting, ConsumerSource } from "./definition.ts";

export interface Consumer {
  readonly name: string;
  /** Lanes this process owns now. */
  lanes(): readonly number[];
  /** True when the last look found nothing to do. */
  idle(): boolean;
  /** Finishes the batch under way, gives the lanes back. */
  stop(): Promise<void>;
}

/**
 * Starts following. Trouble with journals is reported, never thrown: one that is away is followed once it is back, one that
 * was replaced once an operator has reset the cursor; until then this consumer stands still, and only this one.
 */
export async function startConsumer(
  definition: ConsumerDefinition,
  setting: ConsumerSetting,
): Promise<Consumer> {
  const loop = new ConsumerLoop(definition, setting);
  await loop.register().catch((error: unknown) => {
    // A journal that is away now is followed once it is back; the loop registers then.
    if (!isFailure(error) || error.kind !== "unavailable") throw error;
  });
  loop.start();
  return loop;
}

class ConsumerLoop implements Consumer {
  readonly name: string;
  private readonly definition: ConsumerDefinition;
  private readonly setting: ConsumerSetting;
  private readonly alarm = openAlarm();
  /** Rings once, at the end: entries that gather keep nobody from stopping. */
  private readonly ending = openAlarm();
  private readonly renewals: Renewals;
  private owned: ReadonlyMap<number, OwnedLane> = new Map();
  private stalls: OpenStalls | null = null;
  private refreshAt = 0;
  private registered = false;
  private lastBatch = 0;
  private stopping = false;
  private nothingToDo = false;
  private running: Promise<void> = Promise.resolve();
  private readonly unsubscribe: (() => void)[] = [];
  private readonly journals: readonly FollowedJournal[];

  constructor(definition: ConsumerDefinition, setting: ConsumerSetting) {
    this.name = definition.name;
    this.definition = definition;
    this.setting = setting;
    const { database, workerId, leaseMs = 5_000 } = setting;
    this.renewals = setting.renewals ?? openRenewals(database, workerId, leaseMs);
    const follower = `${setting.context}/${this.name}`;
    this.journals = definition.sources.map(
      (source) =>
        new FollowedJournal(source, follower, setting.quietMs ?? 1_000, {
          check: (one) => checkJournals(this.renewals, this.name, [one]),
          away: ({ code }) => setting.report({ event: "unavailable", consumer: this.name, code }),
          back: () => this.alarm.signal(),
        }),
    );
  }

  async register(): Promise<void> {
    await registerConsumer(this.setting.database, this.name, this.definition.sources);
    this.registered = true;
  }

  start(): void {
    for (const journal of this.journals) {
      const name = journal.source.wakeUp ?? journal.source.context;
      this.unsubscribe.push(
        this.setting.wakeUps.listen([name], () => {
          journal.grew();
          this.alarm.signal();
        }),
      );
    }
    this.unsubscribe.push(
      this.setting.wakeUps.listen([`${this.setting.context}:control`], () => {
        this.refreshAt = 0;
        this.alarm.signal();
      }),
    );
    this.running = this.run();
  }

  lanes(): readonly number[] {
    return [...this.owned.keys()];
  }

  idle(): boolean {
    return this.nothingToDo;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    this.alarm.signal();
    this.ending.signal();
    await this.running;
    // Spares whoever comes next the work; what cannot be written now is found in the journal.
    await this.settle(true).catch(() => {});
    await releaseAllLanes(this.setting.database, this.name, this.setting.workerId).catch(() => {});
  }

  private async run(): Promise<void> {
    let waitMs = 1;
    let failures = 0;
    while (!this.stopping) {
      try {
        const worked = await this.turn();
        failures = 0;
        if (worked) {
          waitMs = 1;
          if (
            this.setting.gatherMs !== undefined &&
            this.lastBatch >= (this.setting.gatherFrom ?? gatherFrom)
          )
            await this.ending.sleep(Math.min(this.setting.gatherMs, this.untilRenewalMs()));
          continue;
        }
        // What is behind the gate stays there for a commit or two: look again soon, then ever later.
        const signalled = await this.alarm.sleep(Math.min(waitMs, this.untilRenewalMs()));
        waitMs = signalled ? 1 : Math.min(waitMs * 2, 500);
      } catch (error) {
        failures++;
        await this.afterFailure(error, failures);
      }
    }
  }

  private untilRenewalMs(): number {
    return Math.max(1, this.refreshAt - performance.now());
  }

  private async afterFailure(error: unknown, failures: number): Promise<void> {
    this.forget();
    this.owned = new Map();
    this.stalls = null;
    this.refreshAt = 0;
    if (isFailure(error, "lane-fenced")) {
      this.setting.report({ event: "fenced", consumer: this.name });
      return;
    }
    const { code, text } = causeOf(error);
    if (isFailure(error) && (error.kind === "unavailable" || error.kind === "unknown-outcome")) {
      this.setting.report({ event: "unavailable", consumer: this.name, code });
    } else {
      this.setting.report({ event: "stopped", consumer: this.name, code, text });
    }
    await this.alarm.sleep(Math.min(2_000, 50 * 2 ** Math.min(failures, 6)));
  }

  /** A batch was undone, or lanes or cursors are others now: what is in memory may belong to another history. */
  private forget(): void {
    this.definition.forget?.();
    for (const journal of this.journals) journal.forget();
  }

  /** One look and, when there is something, one batch. True when there was. */
  private async turn(): Promise<boolean> {
    const { database, paused } = this.setting;
    if (!this.registered) await this.register();
    const now = performance.now();
    if (now >= this.refreshAt) {
      const before = this.owned;
      // Before the wait: a wake-up meanwhile asks for another look at once, and must not be overwritten.
      this.refreshAt = this.renewals.nextAt(now);
      for (const journal of this.journals) journal.doubt();
      const leases = await this.renewals.lanes(this.name);
      this.owned = await lanesOf(database, this.name, leases, this.definition.sources, before);
      const changed =
        before.size !== this.owned.size ||
        [...this.owned.keys()].some((lane) => before.get(lane) !== this.owned.get(lane));
      if (changed) {
        this.forget();
        this.setting.report({ event: "lanes", consumer: this.name, lanes: this.lanes() });
      }
      this.stalls = await this.renewals.stalls(this.name, this.lanes());
    }
    if (paused() || this.owned.size === 0) {
      this.nothingToDo = true;
      return false;
    }
    let worked = false;
    if (this.stalls !== null && this.stalls.size > 0) {
      worked = await resumeStalledKeys(
        this.definition,
        this.setting,
        this.stalls,
        this.owned,
        this.setting.retry ?? defaultRetryRule,
      );
    }
    const reads = await Promise.all(this.journals.map((journal) => this.read(journal)));
    const found = reads.flat();
    this.lastBatch = found.length;
    this.nothingToDo = found.length === 0 && !worked;
    if (found.length === 0) {
      if (!worked) await this.settle(false);
      return worked;
    }
    await this.setting.probe?.("consumer:read");
    await this.process(found, now);
    return true;
  }

  private async read(journal: FollowedJournal): Promise<SourcedEntry[]> {
    const { context } = journal.source;
    const lanes = [...this.owned.values()].map(({ lane, positions }) => ({
      lane,
      position: positions.get(context) ?? journalStart,
    }));
    const entries = await journal.read(lanes, this.setting.perLane ?? 256);
    return entries.map((entry) => ({ journal: context, entry }));
  }

  /** Commits the entries in one transaction; when the data is at fault, in halves, until the culprit stands alone. */
  private async process(found: readonly SourcedEntry[], startedAt: number): Promise<void> {
    try {
      await this.commit(found);
    } catch (error) {
      if (isFailure(error, "partition-missing")) {
        // Effects carry their cause's month, which may lie far back after a long absence.
        for (const at of new Set(found.map(({ entry }) => monthStart(timeOfId(entry.id))))) {
          await ensurePartitions(this.setting.database, at);
        }
      }
      if (!isCulprit(error)) throw error;
      this.definition.forget?.();
      if (found.length === 1) {
        await this.commit(found, error);
        return;
      }
      const half = found.length >> 1;
      await this.process(found.slice(0, half), startedAt);
      await this.process(found.slice(half), startedAt);
      return;
    }
    this.setting.report({
      event: "batch",
      consumer: this.name,
      entries: found.length,
      tookMs: performance.now() - startedAt,
      oldestAt: found[0]?.entry.occurredAt ?? 0,
      latest: traceOf(found.at(-1)?.entry),
    });
  }

  /** One transaction. With `culprit`, the single entry is put aside for that error instead of being applied. */
  private async commit(found: readonly SourcedEntry[], culprit?: unknown): Promise<void> {
    const { database, retry = defaultRetryRule, random, probe } = this.setting;
    const journalOf = new Map(found.map(({ journal, entry }) => [entry, journal]));
    const wanted: Entry[] = [];
    for (const { entry } of found) if (this.definition.wants(entry)) wanted.push(entry);
    const batch = openBatch(wanted, this.stalls);
    const moves = this.movesOver(found);
    const retryInMs = backoffMs(retry, 1, random());
    await database.transaction(
      async (connection) => {
        if (culprit === undefined) await this.definition.apply(connection, batch);
        else for (const entry of batch.entries) batch.stall(entry, culprit);
        await setAside(connection, this.name, [
          ...batch.stalled.map(({ entry, error }) => ({
            entry,
            journal: journalOf.get(entry) ?? entry.source,
            policy: this.definition.policy(entry),
            state: "retrying" as const,
            attempts: 1,
            retryInMs,
            cause: causeOf(error),
          })),
          ...batch.held.map((entry) => ({
            entry,
            journal: journalOf.get(entry) ?? entry.source,
            policy: this.definition.policy(entry),
            state: "held" as const,
            attempts: 0,
            retryInMs: null,
            cause: null,
          })),
        ]);
        await probe?.("consumer:before-commit");
      },
      (connection) =>
        Promise.all([
          ...batch.lastWrites.map((write) => runWrite(connection, write)),
          moveCursors(connection, this.name, moves),
        ]),
    );
    await probe?.("consumer:after-commit");
    for (const move of moves) move.lane.positions.set(move.journal, move.to);
    for (const { entry, error } of batch.stalled) {
      this.stalls?.add(entry, performance.now() + retryInMs);
      this.setting.report({
        event: "retrying",
        consumer: this.name,
        processId: entry.processId,
        code: causeOf(error).code,
      });
    }
    this.definition.committed?.(batch.entries);
  }

  /** Writes down what waited for a quiet moment, as the owner of its lanes. */
  private async settle(all: boolean): Promise<void> {
    const { unsettled, settle } = this.definition;
    if (unsettled === undefined || settle === undefined) return;
    const lanes = unsettled(all).filter((lane) => this.owned.has(lane));
    const journal = this.definition.sources[0]?.context;
    if (lanes.length === 0 || journal === undefined) return;
    const standing = lanes.map((number): CursorMove => {
      const lane = this.owned.get(number) as OwnedLane;
      const position = lane.positions.get(journal) ?? journalStart;
      return { journal, lane, from: position, to: position, entries: 0 };
    });
    await this.setting.database.transaction(
      async (connection) => {
        await settle(connection, lanes);
        await this.setting.probe?.("consumer:before-settle-commit");
      },
      (connection) => moveCursors(connection, this.name, standing),
    );
    this.definition.committed?.([]);
  }

  private movesOver(found: readonly SourcedEntry[]): CursorMove[] {
    const moves = new Map<string, Map<number, Moving>>();
    for (const { journal, entry } of found) {
      let ofJournal = moves.get(journal);
      if (ofJournal === undefined) {
        ofJournal = new Map();
        moves.set(journal, ofJournal);
      }
      const known = ofJournal.get(entry.lane);
      if (known !== undefined) {
        known.to = entry.position;
        known.entries++;
        continue;
      }
      const lane = this.owned.get(entry.lane);
      if (lane === undefined) throw new Failure("conflict", "lane-fenced", "The lane is not ours any more.");
      const from = lane.positions.get(journal) ?? journalStart;
      ofJournal.set(entry.lane, { journal, lane, from, to: entry.position, entries: 1 });
    }
    return [...moves.values()].flatMap((ofJournal) => [...ofJournal.values()]);
  }
}

/**
 * A batch of this many entries means that they come faster than they can be taken one turn at a time: larger batches then cost less
 * each, and a pause of milliseconds makes them. At half of the highest load this leaves the machine idle enough that the slowest tenth
 * waits less, although each waits for the pause (2 cores: p90 302 → 200 ms, p50 63 → 65); with less to do nobody is made to wait.
 */
const gatherFrom = 64;

/** A cursor's move that grows with the entries of its lane. */
interface Moving extends CursorMove {
  to: CursorMove["to"];
  entries: number;
}

interface SourcedEntry {
  readonly journal: string;
  readonly entry: Entry;
}

/** What events may say of an entry: never its data. */
function traceOf(entry: Entry | undefined): Extract<ConsumerEvent, { event: "batch" }>["latest"] {
  if (entry === undefined) return null;
  const { id, processId, traceparent } = entry;
  return { id, processId, traceparent };
}

/** Errors that lie in the entry, not in the surroundings: looking for the culprit makes sense. */
function isCulprit(error: unknown): boolean {
  return !(error instanceof Failure) || error.kind === "defect" || error.kind === "refused";
}
