import type {
  Acceptance,
  BusinessClock,
  ConsumerEvent,
  CursorSummary,
  FeedPage,
  KeptJournal,
  OperatorAct,
  ParkedSummary,
  ProcessRecord,
  Submission,
  System,
  SystemStatus,
  Watcher,
} from "@entente/core";
import {
  comparePositions,
  Failure,
  type JsonObject,
  type Position,
  type ProcessState,
} from "@entente/core/model";
import { fakeId, fakeNow } from "./fake-names.fixture.ts";
import { fakeTreaties } from "./fake-treaties.fixture.ts";

/** A system that lives in memory and does what a test tells it: the edge is what is tested. */
export interface FakeSystem extends System {
  readonly submissions: Submission[];
  /** What the next accept does instead. */
  answerNext(answer: Acceptance | Error): void;
  /** Holds accept until released. */
  hold(): { release(): void };
  /** Resolves when accept was called this many times in all. */
  accepted(count: number): Promise<void>;
  /** Moves a process, tells watchers, and returns it as it now stands. */
  move(processId: string, state: ProcessState, change?: Partial<ProcessRecord>): ProcessRecord;
  readonly records: Map<string, ProcessRecord>;
  readonly watchers: Set<Watcher>;
  /** Resolves when at least one watcher more than now has come, or has gone. */
  watched(): Promise<void>;
  unwatched(): Promise<void>;
  /** Resolves when nobody watches. */
  quiet(): Promise<void>;
  readonly acts: { readonly what: string; readonly context: string; readonly act: object }[];
  failWith(error: Error | null): void;
  readonly events: ConsumerEvent[];
  parked: ParkedSummary[];
  /** Those of the subscription. */
  cursors: CursorSummary[];
  journals: KeptJournal[];
  page: FeedPage;
}

export const delayedAfterMs = 60_000;

export function fakeSystem(): FakeSystem {
  let offset = 0;
  const listeners = new Set<() => void>();
  const clock: BusinessClock = {
    now: () => fakeNow + offset,
    offsetMs: () => offset,
    setOffset(next) {
      const early = [...records.values()].filter((record) => !shown(record).delayed);
      offset = next;
      for (const listener of listeners) listener();
      for (const record of early.map(shown)) {
        if (!record.delayed) continue;
        for (const watcher of [...watchers]) if (concerns(watcher, record)) watcher.late(record);
      }
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const status: { current: SystemStatus } = {
    current: {
      maintenance: false,
      backlog: 0,
      expectedWaitSeconds: 0,
      contexts: [
        { name: "gateway", state: "up", lagMs: 0 },
        { name: "subscription", state: "up", lagMs: 12 },
      ],
    },
  };
  const records = new Map<string, ProcessRecord>();
  const changes: ProcessRecord[] = [];
  const watchers = new Set<Watcher>();
  const byKey = new Map<string, { processId: string; payload: string }>();
  const submissions: Submission[] = [];
  const answers: (Acceptance | Error)[] = [];
  const waiters: { condition: () => boolean; resolve: () => void }[] = [];
  let failing: Error | null = null;
  let gate: Promise<void> = Promise.resolve();
  let seq = 0;

  const changed = () => {
    for (const waiter of [...waiters]) {
      if (!waiter.condition()) continue;
      waiters.splice(waiters.indexOf(waiter), 1);
      waiter.resolve();
    }
  };
  const until = (condition: () => boolean): Promise<void> =>
    condition() ? Promise.resolve() : new Promise((resolve) => waiters.push({ condition, resolve }));
  const check = () => {
    if (failing !== null) throw failing;
  };
  const keyOf = ({ tenantId, caller, idempotencyKey, key, data }: Submission) => ({
    key: `${tenantId}|${caller}|${idempotencyKey}`,
    payload: JSON.stringify([key, data]),
  });
  const earlierOf = (submission: Submission): Acceptance | null => {
    const { key, payload } = keyOf(submission);
    const before = byKey.get(key);
    if (before === undefined) return null;
    const { processId } = before;
    return before.payload === payload
      ? { outcome: "repeated", processId, acceptedAt: clock.now() }
      : { outcome: "key-reused", processId };
  };
  const concerns = ({ filter }: Pick<Watcher, "filter">, record: ProcessRecord) =>
    filter.processIds.includes(record.processId) ||
    filter.tenants.includes(record.tenantId) ||
    filter.keys.some(({ tenantId, key }) => tenantId === record.tenantId && key === record.key);
  const shown = (record: ProcessRecord): ProcessRecord => ({
    ...record,
    delayed:
      record.state !== "confirmed" &&
      record.state !== "failed" &&
      clock.now() - record.acceptedAt > delayedAfterMs,
    stale: record.freshUntil !== null && clock.now() > record.freshUntil,
  });
  const queued = (processId: string, submission: Submission): ProcessRecord => ({
    processId,
    tenantId: submission.tenantId,
    type: "top-up",
    key: submission.key,
    customerId: submission.customerId,
    state: "queued",
    delayed: false,
    steps: [],
    reason: null,
    outcome: null,
    acceptedAt: clock.now(),
    updatedAt: clock.now(),
    freshUntil: null,
    stale: false,
    change: { xid: "0", seq: "0" },
  });
  const known = (context: string) => {
    check();
    if (!status.current.contexts.some(({ name }) => name === context)) {
      throw new Failure("refused", "context-unknown", "There is no such context.", { fields: { context } });
    }
  };
  const acts: FakeSystem["acts"] = [];
  const deal = (what: string, context: string, act: OperatorAct, corrected?: JsonObject) => {
    known(context);
    if (!system.parked.some(({ entryId }) => entryId === act.entryId)) {
      throw new Failure("conflict", "not-parked", "No such entry is parked.", {
        fields: { entryId: act.entryId },
      });
    }
    acts.push({ what, context, act: { ...act, ...(corrected === undefined ? {} : { corrected }) } });
  };

  const process = {
    type: "top-up",
    startedBy: "flux.top-up",
    delayedAfterMs,
    facts: [],
    apply: (view: never) => view,
  };
  const contexts = new Map(
    ["gateway", "subscription"].map((name) => [
      name,
      {
        definition: {
          name,
          ...(name === "gateway" ? { intake: { processes: [process], factsFrom: [] } } : {}),
        },
        database: null as never,
        journal: null as never,
      },
    ]),
  );

  const system: FakeSystem = {
    name: "flux",
    clock,
    settings: null as never,
    treaties: fakeTreaties(known, acts),
    async erase(act) {
      acts.push({ what: "erase", context: "keys", act: act as never });
      return { erased: true };
    },
    audit: null,
    retention: {
      async list() {
        check();
        return system.journals;
      },
      async deleteMonth(context, act) {
        known(context);
        const month = system.journals
          .find((one) => one.context === context)
          ?.months.find((one) => one.month === act.month);
        const fields = { month: act.month, keptUntil: "2033-02-01T00:00:00.000Z" };
        if (month === undefined)
          throw new Failure("refused", "month-unknown", "No such month.", { fields: { month: act.month } });
        if (month.state === "kept")
          throw new Failure("refused", "retention-not-over", "It is kept.", { fields });
        acts.push({ what: "delete-month", context, act });
      },
    },
    contexts: contexts as never,
    journals: [],
    working: [],
    submissions,
    records,
    watchers,
    acts,
    events: [],
    parked: [],
    cursors: [],
    page: { entries: [], cursor: "c1" },
    async accept(submission) {
      submissions.push(submission);
      changed();
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      await gate;
      check();
      if (answer !== undefined) return answer;
      const before = earlierOf(submission);
      if (before !== null) return before;
      const { key, payload } = keyOf(submission);
      const processId = fakeId(byKey.size + 1);
      byKey.set(key, { processId, payload });
      records.set(processId, queued(processId, submission));
      return { outcome: "accepted", processId, acceptedAt: clock.now() };
    },
    earlier: async (submission) => earlierOf(submission),
    answerNext: (answer) => void answers.push(answer),
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return { release: resolve };
    },
    accepted: (count) => until(() => submissions.length >= count),
    failWith(error) {
      failing = error;
    },
    move(processId, state, change = {}) {
      const before = records.get(processId);
      if (before === undefined) throw new Error(`no process ${processId}`);
      seq++;
      const place: Position = { xid: String(1_000 + seq), seq: String(seq) };
      const record = { ...before, ...change, state, updatedAt: clock.now(), change: place };
      records.set(processId, record);
      changes.push(record);
      for (const watcher of [...watchers]) if (concerns(watcher, record)) watcher.changed(shown(record));
      return record;
    },
    watched: () => {
      const before = watchers.size;
      return until(() => watchers.size > before);
    },
    unwatched: () => {
      const before = watchers.size;
      return until(() => watchers.size < before || watchers.size === 0);
    },
    quiet: () => until(() => watchers.size === 0),
    backlog: () => ({ backlog: 0, drainPerSecond: 1_000, expectedWaitSeconds: 0 }),
    processes: {
      async read(tenantId, processId) {
        check();
        const record = records.get(processId);
        return record === undefined || record.tenantId !== tenantId ? null : shown(record);
      },
      async changes(after, filter, limit) {
        check();
        return changes
          .filter((one) => comparePositions(one.change, after) > 0 && concerns({ filter }, one))
          .slice(0, limit)
          .map(shown);
      },
      async horizon() {
        check();
        return { xid: String(1_000 + seq), seq: "9223372036854775807" };
      },
    },
    timelines: { read: async () => null },
    statistics: { read: async () => [], waits: async () => [] },
    flows: { read: async () => [] },
    fitness: null,
    push: {
      async watch(watcher) {
        check();
        watchers.add(watcher);
        changed();
        return () => {
          watchers.delete(watcher);
          changed();
        };
      },
      async close() {},
    },
    consumedUpTo: () => ({ xid: "0", seq: "0" }),
    status: () => status.current,
    async setPaused(context, paused, act) {
      known(context);
      acts.push({ what: paused ? "pause" : "resume", context, act });
      const contextsNow = status.current.contexts.map((one) =>
        one.name === context ? { ...one, state: paused ? ("paused" as const) : ("up" as const) } : one,
      );
      status.current = { ...status.current, contexts: contextsNow };
    },
    async setClock(now) {
      check();
      clock.setOffset(now - fakeNow);
    },
    async listParked(context, tenantId, limit) {
      known(context);
      if (context !== "subscription") return [];
      return system.parked.filter((one) => one.tenantId === tenantId).slice(0, limit);
    },
    async redrive(context, act, corrected) {
      deal(corrected === undefined ? "redrive" : "correct", context, act, corrected);
    },
    async discard(context, act) {
      deal("discard", context, act);
    },
    async listCursors(context) {
      known(context);
      return context === "subscription" ? system.cursors : [];
    },
    async resetCursor(context, act) {
      known(context);
      const { consumer, journal, to } = act;
      const fields = { fields: { consumer, journal } };
      const cursor = system.cursors.find((one) => one.consumer === consumer && one.journal === journal);
      const generation = cursor?.currentGeneration ?? null;
      if (context !== "subscription" || cursor?.generation == null || generation === null)
        throw new Failure("refused", "cursor-unknown", "No such cursor.", fields);
      if (cursor.replaced !== true)
        throw new Failure("conflict", "cursor-not-replaced", "It is the same journal.", fields);
      if (to === "start" && cursor.kind === "decider" && act.acceptRepeats !== true)
        throw new Failure("refused", "repeats-not-accepted", "It would execute again.", fields);
      acts.push({ what: "reset-cursor", context, act });
      return {
        consumer,
        journal,
        to,
        generationBefore: cursor.generation,
        generation,
        rebuildAdvised: cursor.kind === "projection",
      };
    },
    async feed(context) {
      known(context);
      return system.page;
    },
    async ready() {
      check();
    },
    async stop() {},
  };
  return system;
}
/** A decider of the subscription whose journal was replaced. */
export const replacedCursor: CursorSummary = {
  consumer: "account",
  kind: "decider",
  journal: "gateway",
  generation: fakeId(0xa),
  currentGeneration: fakeId(0xb),
  replaced: true,
  lowest: { xid: "0", seq: "0" },
  highest: { xid: "812", seq: "4711" },
  consumed: 17,
};
