import { releaseAllLanes } from "../consumer/lanes.ts";
import type { Renewals } from "../consumer/renewals.ts";
import { openAlarm, type WakeUps } from "../consumer/wake-up.ts";
import { isFailure } from "../model/failure.ts";
import { laneCount } from "../model/lane.ts";
import type { Database, Statement } from "../postgres/database.ts";
import { traceHeaders } from "../telemetry/trace-identity.ts";
import { advanceHandOffs, advanceLocked, type Surroundings, type Witnessed } from "./advance-hand-offs.ts";
import { type Circuit, type CircuitState, openCircuit } from "./circuit.ts";
import { loadDispatches } from "./dispatch.ts";
import { lockDue, lockLapsed, lockOverdue, type StoredHandOff } from "./hand-off-rows.ts";
import { type Heard, type MeansOf, type Reach, sendOnce } from "./reach.ts";
import type { Dispatch, HandOffTreaty } from "./treaty.ts";
import { type LineSubject, subjectless, subjectOf, type TreatyEvent, troubleOf } from "./treaty-events.ts";
import { undo } from "./undo-hand-offs.ts";

/**
 * Carries hand-offs to one counterparty: claims what is due, stores that it is being sent, sends, and applies the answer. What a courier
 * remembers is worthless to others: a crash at any point leaves the row in a state from which somebody goes on.
 */
export interface Courier {
  readonly target: string;
  circuit(): CircuitState;
  underWay(): number;
  /** Claims nothing more, waits for the answers under way, applies them. */
  stop(): Promise<void>;
}

export interface CourierOptions {
  readonly target: string;
  readonly treaties: readonly HandOffTreaty[];
  readonly around: Surroundings;
  readonly database: Database;
  readonly workerId: string;
  /** With the context's consumers: a courier's lanes are leased as theirs. */
  readonly renewals: Renewals;
  readonly wakeUps: WakeUps;
  /** Something may have become due: rings here and in other processes. */
  readonly ring: (name: string) => void;
  readonly means: MeansOf;
  readonly paused: () => boolean;
  readonly report: (event: TreatyEvent) => void;
  readonly probe?: (point: string) => Promise<void> | void;
}

const registerLeases: Statement = {
  name: "courier-register",
  text: "insert into entente.lease (consumer, lane) select $1, lane from generate_series(0, $2 - 1) lane on conflict do nothing",
};

/** Hand-offs claimed, lost or overdue that one transaction takes on. */
const perTransaction = 500;
/** Milliseconds between looks when nothing rings. */
const lookEveryMs = 250;
const sweepEveryMs = 1_000;
const lostAnswer = { code: "courier-lost", text: "The process that sent it ended before an answer came." };
/** Longest time an answer is kept while the database is away. */
const answerKeptMs = 10_000;

export function startCourier(options: CourierOptions): Courier {
  return new CourierLoop(options);
}

class CourierLoop implements Courier {
  readonly target: string;
  private readonly options: CourierOptions;
  private readonly alarm = openAlarm();
  private readonly answered = openAlarm();
  private readonly names: readonly string[];
  private readonly ordered: readonly string[];
  private readonly gate: Circuit;
  private readonly share: { readonly concurrency: number; readonly ratePerSecond: number };
  private readonly consumer: string;
  private readonly unlisten: () => void;
  private readonly answers: Answer[] = [];
  private readonly sendings = new Set<Promise<void>>();
  private registered = false;
  private refreshAt = 0;
  private sweepAt = 0;
  private stopping = false;
  private told: CircuitState = "closed";
  /** Whose answer moved the circuit last. */
  private mover: LineSubject | null = null;
  private readonly running: Promise<void>;
  private readonly settling: Promise<void>;

  constructor(options: CourierOptions) {
    this.options = options;
    this.target = options.target;
    this.names = options.treaties.map(({ name }) => name);
    this.ordered = options.treaties.filter(({ order }) => order === "per-key").map(({ name }) => name);
    this.consumer = `courier:${options.target}`;
    // Several treaties with one counterparty share the tightest of their limits.
    const limits = options.treaties.map((treaty) => treaty.limits);
    this.share = {
      concurrency: Math.min(...limits.map((one) => one.concurrency)),
      ratePerSecond: Math.min(...limits.map((one) => one.ratePerSecond)),
    };
    this.gate = openCircuit(
      {
        failures: Math.min(...limits.map((one) => one.circuitFailures)),
        openMs: Math.min(...limits.map((one) => one.circuitOpenMs)),
      },
      performance.now(),
    );
    this.unlisten = options.wakeUps.listen(
      [`${options.around.context}:hand-offs`, `${options.around.context}:control`],
      () => this.alarm.signal(),
    );
    this.running = this.run();
    this.settling = this.settle();
  }

  circuit(): CircuitState {
    return this.gate.state(performance.now());
  }

  underWay(): number {
    return this.sendings.size;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.unlisten();
    this.alarm.signal();
    await this.running;
    await Promise.all(this.sendings);
    this.answered.signal();
    await this.settling;
    await releaseAllLanes(this.options.database, this.consumer, this.options.workerId).catch(() => {});
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.stopping) {
      try {
        const claimed = await this.turn();
        failures = 0;
        if (claimed > 0) continue;
        const now = performance.now();
        const room = this.gate.nextRoomAt(now);
        await this.alarm.sleep(Math.min(lookEveryMs, room === null ? lookEveryMs : Math.max(1, room - now)));
      } catch (error) {
        failures++;
        this.options.report(troubleOf(this.target, error));
        this.refreshAt = 0;
        await this.alarm.sleep(Math.min(2_000, 50 * 2 ** Math.min(failures, 6)));
      }
    }
  }

  /** One look: what is due is claimed and on its way when it returns. */
  private async turn(): Promise<number> {
    const now = performance.now();
    if (now >= this.refreshAt) await this.refresh(now);
    if (this.options.paused()) return 0;
    if (now >= this.sweepAt) {
      this.sweepAt = now + sweepEveryMs;
      await this.sweep();
    }
    this.tellCircuit(now);
    const room = Math.min(perTransaction, this.gate.room(now, this.sendings.size));
    return room === 0 ? 0 : this.dispatch(room);
  }

  /** An eighth of the limits comes with each lane. */
  private async refresh(now: number): Promise<void> {
    const { database, renewals } = this.options;
    if (!this.registered) {
      await database.run(registerLeases, [this.consumer, laneCount]);
      this.registered = true;
    }
    this.refreshAt = renewals.nextAt(now);
    const lanes = await renewals.lanes(this.consumer);
    const owned = new Set(lanes.map(({ lane }) => lane));
    let slots = 0;
    for (let slot = 0; slot < this.share.concurrency; slot++) if (owned.has(slot % laneCount)) slots++;
    this.gate.setShare(slots, (this.share.ratePerSecond * slots) / this.share.concurrency);
  }

  private tellCircuit(now: number): void {
    const state = this.gate.state(now);
    if (state === this.told) return;
    this.told = state;
    this.options.report({ event: "circuit", ...(this.mover ?? subjectless(this.target)), state });
  }

  /** Claims and records in one transaction; sends after it. */
  private async dispatch(room: number): Promise<number> {
    const { database, around, probe, report } = this.options;
    let lines: () => TreatyEvent[] = () => [];
    const claimed = await database.transaction(async (connection) => {
      const due = await lockDue(connection, this.names, this.ordered, around.now(), room);
      if (due.length === 0) return [];
      const advanced = await advanceLocked(
        connection,
        around,
        due,
        due.map(({ tenantId, handOffId }) => ({
          tenantId,
          handOffId,
          seen: { what: "dispatched" },
          cause: { by: "courier", entryId: null },
        })),
      );
      await probe?.("courier:before-commit");
      lines = advanced.lines;
      return advanced.outcomes.flatMap(({ verdict, handOff }) =>
        verdict === "moved" && handOff !== null ? [handOff] : [],
      );
    });
    if (claimed.length === 0) return 0;
    const claimedAt = performance.now();
    this.gate.started(claimed.length, claimedAt);
    report({ event: "hand-offs-sent", target: this.target, count: claimed.length });
    for (const line of lines()) report(line);
    const sending = loadDispatches(database, around, claimed).then(
      (dispatches) => {
        for (const [i, handOff] of claimed.entries()) {
          this.track(this.send(handOff, dispatches[i] as Dispatch, claimedAt));
        }
      },
      // Nothing was sent; the claim lapses and somebody asks.
      (error: unknown) => {
        report(troubleOf(this.target, error, claimed));
      },
    );
    this.track(sending);
    await sending;
    return claimed.length;
  }

  private track(work: Promise<void>): void {
    this.sendings.add(work);
    void work.finally(() => {
      this.sendings.delete(work);
      this.alarm.signal();
    });
  }

  private async send(handOff: StoredHandOff, dispatch: Dispatch, claimedAt: number): Promise<void> {
    const { around, means, probe } = this.options;
    const treaty = around.treaties.get(handOff.treaty) as HandOffTreaty;
    const trace = traceHeaders(around.telemetry, handOff, handOff.sending);
    const reach: Reach = { treaty, means, answerWithinMs: treaty.times.answerWithinMs, trace };
    try {
      await probe?.("courier:before-send");
      const heard = await sendOnce(reach, dispatch, claimedAt);
      this.noteCircuit(handOff, heard);
      await probe?.("courier:answered");
      // A request is under way until its answer is applied: what it says may stop all others.
      const applied = Promise.withResolvers<void>();
      this.answers.push({ handOff, heard, applied: applied.resolve });
      this.answered.signal();
      await applied.promise;
    } catch (error) {
      // Only a probe throws here: a drill in which the process ends at this point.
      this.options.report(troubleOf(this.target, error, [handOff]));
    }
  }

  private noteCircuit(handOff: StoredHandOff, heard: Heard): void {
    const now = performance.now();
    const before = this.gate.state(now);
    if (heard.reached) this.gate.succeeded(now);
    else this.gate.failed(now);
    if (heard.pauseMs > 0) this.gate.pauseUntil(now + heard.pauseMs);
    if (this.gate.state(now) !== before) this.mover = subjectOf(handOff, heard.error?.class ?? null);
    this.tellCircuit(now);
  }

  /** Applies answers: those that came while a commit was under way share the next one. */
  private async settle(): Promise<void> {
    for (;;) {
      if (this.answers.length === 0) {
        if (this.stopping && this.sendings.size === 0) return;
        await this.answered.sleep(1_000);
        continue;
      }
      const taken = this.answers.splice(0, perTransaction);
      const again = await this.applyOrKeep(taken);
      for (const one of taken) if (!again.includes(one)) one.applied();
      if (again.length === 0) continue;
      this.answers.unshift(...again);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Returns the answers to apply once more: applied twice is applied once. Too old, nobody waits for them, and asking finds out. */
  private async applyOrKeep(taken: readonly Answer[]): Promise<readonly Answer[]> {
    try {
      await this.apply(taken);
      return [];
    } catch (error) {
      const concerned = taken.map(({ handOff }) => handOff);
      this.options.report(troubleOf(this.target, error, concerned));
      if (isFailure(error) && (error.kind === "unavailable" || error.kind === "unknown-outcome")) {
        return taken.filter((one) => performance.now() - one.heard.heardAt < answerKeptMs);
      }
      // One that cannot be applied must not take its neighbours along.
      if (taken.length > 1) for (const one of taken) await this.apply([one]).catch(() => {});
      return [];
    }
  }

  private async apply(taken: readonly Answer[]): Promise<void> {
    const { database, around, ring, report, probe } = this.options;
    await probe?.("courier:before-settle");
    const advanced = await database.transaction(async (connection) => {
      const result = await advanceHandOffs(connection, around, taken.map(witnessedOf));
      const undone = await undo(connection, around, result.unwanted);
      return { ...result, lines: () => [...result.lines(), ...undone] };
    });
    const unheard = advanced.outcomes.filter(({ verdict }) => verdict === "unheard").length;
    report({ event: "hand-offs-answered", target: this.target, count: taken.length, unheard });
    for (const line of advanced.lines()) report(line);
    ring(around.context);
    if (advanced.commands > 0) ring(`${around.context}:commands`);
    ring(`${around.context}:hand-offs`);
  }

  /** Sendings nobody waits for any more, and deadlines that have passed. */
  private async sweep(): Promise<void> {
    const { database, around, ring, report } = this.options;
    const advanced = await database.transaction(async (connection) => {
      const lost = await lockLapsed(connection, this.names, perTransaction);
      const cause = { by: "deadline", entryId: null } as const;
      const first = await advanceLocked(
        connection,
        around,
        lost,
        lost.map(({ tenantId, handOffId }) => ({
          tenantId,
          handOffId,
          seen: { what: "courier-lost" },
          cause,
          errorClass: "UNKNOWN",
          errorCode: lostAnswer.code,
          errorText: lostAnswer.text,
        })),
      );
      const late = await lockOverdue(connection, this.names, around.now(), perTransaction);
      const second = await advanceLocked(
        connection,
        around,
        late,
        late.map(({ tenantId, handOffId, state }) => ({
          tenantId,
          handOffId,
          seen: { what: state === "accepted" ? "overdue" : "person-due" },
          cause,
        })),
      );
      return {
        lost: lost.length,
        count: lost.length + late.length,
        commands: first.commands + second.commands,
        lines: () => [...first.lines(), ...second.lines()],
      };
    });
    if (advanced.count === 0) return;
    if (advanced.lost > 0) report({ event: "hand-offs-lost", target: this.target, count: advanced.lost });
    for (const line of advanced.lines()) report(line);
    ring(around.context);
    if (advanced.commands > 0) ring(`${around.context}:commands`);
  }
}

interface Answer {
  readonly handOff: StoredHandOff;
  readonly heard: Heard;
  readonly applied: () => void;
}

function witnessedOf({ handOff, heard }: Answer): Witnessed {
  const { tenantId, handOffId, sending } = handOff;
  return {
    tenantId,
    handOffId,
    seen:
      heard.translation === null
        ? { what: "found", by: "answer", finding: heard.finding }
        : { what: "said", by: "answer", translation: heard.translation },
    cause: { by: "answer", entryId: sending },
    sending: sending as string,
    ...(heard.responseHash === null ? {} : { responseHash: heard.responseHash }),
    ...(heard.error === null
      ? {}
      : { errorClass: heard.error.class, errorCode: heard.error.code, errorText: heard.error.text }),
  };
}
