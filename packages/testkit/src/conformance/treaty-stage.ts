/** A system around one treaty, on a database of its own, against its counterparty, in business time that tests move. */
import { randomBytes } from "node:crypto";
import {
  type FalloutCase,
  type HandOff,
  type HandOffState,
  type HandOffTreaty,
  type JsonObject,
  type NewEntry,
  type Outside,
  type System,
  startSystem,
} from "@entente/core";
import { appendEntries, newId, wakeOthers } from "@entente/core/internal";
import pg from "pg";
import { testServer } from "../test-server.ts";
import { idsOfRows, openRowsOfBatches, type StageRow } from "./batch-stage.ts";
import { type CallbackDoor, openCallbackDoor } from "./callback-door.ts";
import { comes, removeDatabases } from "./stage-database.ts";
import type { TreatyCounterparty } from "./treaty-counterparty.ts";

/** A fact that asks for one act, as the owning context writes it. */
export interface ExampleFact {
  readonly type: string;
  readonly key: string;
  readonly data: JsonObject;
}

export interface ConformanceOptions {
  /** A fact for which the treaty's `request` asks for exactly one act; another act for every `id`. Pure. */
  readonly example: (id: string) => ExampleFact;
  /** Values of the treaty's credentials by name, fit for the counterparty of the tests. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Where the treaty may connect to (default: the loopback interface). */
  readonly egress?: NonNullable<Outside["egress"]>[string];
  /** Longest wait for one answer, real time: the treaty's own limit is cut to it (default 1,000). */
  readonly answerWithinMs?: number;
  /** Longest wait for anything to happen, real time (default 10,000). */
  readonly patienceMs?: number;
  /** Rows of a batch of the tests, where the treaty sends batches (2 and up, at most what it allows; default 3). */
  readonly rows?: number;
}

/** One act asked for by a test; of a treaty that sends batches, the acts of one batch. */
export interface Act {
  readonly tenantId: string;
  /** Of its fact, or of the first of its facts. */
  readonly processId: string;
}

export interface TreatyStage {
  readonly treaty: HandOffTreaty;
  readonly system: System;
  readonly owner: string;
  /** Null when there are no callbacks. */
  readonly door: CallbackDoor | null;
  /** Answers to sendings that were applied so far. */
  answered(): number;
  /** Wall time as the counterparty's clock has it. */
  wallNow(): number;
  /** Rows of one batch; 1 when acts go alone. */
  readonly rowsPerAct: number;
  /** Writes the example's fact, or those of one batch. `id`: the same for two tenants when it is given. `twice`: the last one comes twice. */
  ask(tenantId?: string, id?: string, twice?: boolean): Promise<Act>;
  of(act: Act): Promise<HandOff | null>;
  all(): Promise<HandOff[]>;
  /** Rows of a batch with what became of them; of a single act none. */
  rows(handOff: HandOff): Promise<readonly StageRow[]>;
  /** Waits until it is in one of the states. */
  reach(act: Act, ...states: readonly HandOffState[]): Promise<HandOff>;
  /** Moves time on, again and again if need be, until it is in one of the states. */
  settle(act: Act, ...states: readonly HandOffState[]): Promise<HandOff>;
  /** Both clocks, ours and the counterparty's. */
  moveTime(ms: number): Promise<void>;
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
  /** Moves that the journal has of it, in order. */
  moves(handOff: HandOff): Promise<string[]>;
  entries(type: string): Promise<{ readonly kind: string; readonly data: JsonObject }[]>;
  caseOf(handOff: HandOff): Promise<FalloutCase | null>;
  /** Reads every journal again from its first entry, with everything stopped in between. */
  readAgain(): Promise<void>;
  close(passed: boolean): Promise<void>;
}

export const tenant = "conformance-a";
/** States that time alone leads out of, when nobody says anything, and how long (real ms) somebody may. */
const needsTime: ReadonlySet<HandOffState> = new Set(["unknown", "retry_wait"]);
const restingMs = 60;
export const otherTenant = "conformance-b";
const states: readonly HandOffState[] = [
  "created",
  "sent",
  "accepted",
  "completed",
  "rejected",
  "unknown",
  "retry_wait",
  "blocked",
  "fallout",
  "cancelled",
];

export async function openTreatyStage(
  given: HandOffTreaty,
  counterparty: TreatyCounterparty,
  options: ConformanceOptions,
): Promise<TreatyStage> {
  const treaty = atTestSpeed(given, options);
  const adminUrl = await testServer();
  const name = `c_${randomBytes(4).toString("hex")}`;
  const [owner = "owner", ...others] = treaty.factsFrom;
  const patienceMs = options.patienceMs ?? 10_000;
  let shiftMs = 0;
  let answered = 0;
  const wallNow = (): number => Date.now() + shiftMs;
  const start = (): Promise<System> =>
    startSystem({
      adminUrl,
      wallClock: wallNow,
      definition: {
        name,
        contexts: [
          { name: "front", intake: { processes: [], factsFrom: [owner] } },
          { name: owner, treaties: [treaty] },
          ...others.map((other) => ({ name: other })),
        ],
      },
      outside: {
        secret(_treaty, secret) {
          const value = options.secrets?.[secret];
          if (value === undefined) throw new Error(`the options of the suite name no secret "${secret}"`);
          return value;
        },
        report(event) {
          if (event.event === "hand-offs-answered") answered += event.count;
        },
        egress: { [treaty.name]: options.egress ?? { privateRanges: ["127.0.0.0/8", "::1/128"] } },
      },
    });
  let system = await start();
  const database = () => {
    const reachable = system.contexts.get(owner);
    if (reachable === undefined) throw new Error(`no context ${owner}`);
    return reachable.database;
  };
  const hasCallbacks = treaty.callback !== undefined && counterparty.sendCallbacksTo !== undefined;
  const door = hasCallbacks
    ? await openCallbackDoor(({ headers, rawBody }, address) =>
        system.treaties.receiveCallback(treaty.name, headers, rawBody, address),
      )
    : null;
  if (door !== null) await counterparty.sendCallbacksTo?.(door.url);

  async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    if (!(await comes(condition, patienceMs))) throw new Error(`waited ${patienceMs} ms for ${what}`);
  }
  const entryOf = (entryId: string, tenantId: string, exampleId: string, now: number): NewEntry => ({
    id: entryId,
    kind: "event",
    schemaVersion: "1.0.0",
    source: owner,
    target: null,
    tenantId,
    keyVersion: null,
    processId: entryId,
    correlationId: entryId,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: now,
    ...options.example(exampleId),
  });
  const rowsPerAct = treaty.batch === undefined ? 1 : Math.min(treaty.batch.rowsAllowed, options.rows ?? 3);
  const batches = openRowsOfBatches(<R extends Record<string, unknown>>(text: string, values: unknown[]) =>
    database().execute<R>(text, values),
  );
  const told = (handOff: HandOff | null): string =>
    handOff === null
      ? "there is no hand-off"
      : `it is ${handOff.state} after ${handOff.tries} sendings (${handOff.lastErrorCode ?? "no error"})`;

  const stage: TreatyStage = {
    treaty,
    get system() {
      return system;
    },
    owner,
    door,
    answered: () => answered,
    wallNow,
    rowsPerAct,
    rows: ({ handOffId }) => batches.of(handOffId),
    async ask(tenantId = tenant, exampleId, twice = false) {
      const now = system.clock.now();
      const ids =
        treaty.batch === undefined
          ? [exampleId ?? newId(now)]
          : idsOfRows(
              exampleId ?? newId(now),
              rowsPerAct,
              [tenant, otherTenant],
              (id) => options.example(id).key,
            );
      const asked = twice ? [...ids, ids.at(-1) as string] : ids;
      const entries = asked.map((id) => entryOf(newId(now), tenantId, id, now));
      await appendEntries(database(), entries);
      await wakeOthers(database(), [owner]);
      return { tenantId, processId: entries[0]?.id as string };
    },
    async of({ tenantId, processId }) {
      if (treaty.batch !== undefined) {
        const handOffId = await batches.handOffOf(processId);
        return handOffId === null ? null : system.treaties.handOff(owner, { tenantId, handOffId });
      }
      const [found] = await database().execute<{ id: string }>(
        "select hand_off_id as id from entente.hand_off where tenant_id = $1 and process_id = $2",
        [tenantId, processId],
      );
      return found === undefined ? null : system.treaties.handOff(owner, { tenantId, handOffId: found.id });
    },
    async all() {
      const lists = await Promise.all(
        [tenant, otherTenant].map((one) => system.treaties.handOffs(owner, one, states, null, 10_000)),
      );
      return lists.flat();
    },
    async reach(act, ...wanted) {
      let last: HandOff | null = null;
      const isThere = async (): Promise<boolean> => {
        last = await stage.of(act);
        return last !== null && wanted.includes(last.state);
      };
      if (!(await comes(isThere, patienceMs)))
        throw new Error(`the hand-off never was ${wanted.join(" or ")}: ${told(last)}`);
      return last as unknown as HandOff;
    },
    async settle(act, ...wanted) {
      const steps = [
        treaty.times.inFlightMs,
        treaty.times.retryLongestMs * 1.25,
        treaty.times.reconcileEveryMs,
      ];
      for (let n = 0; n < 2 * steps.length; n++) {
        let state: HandOffState = "sent";
        const wouldStay = performance.now() + restingMs;
        const isThere = async (): Promise<boolean> => {
          state = (await stage.of(act))?.state ?? "sent";
          // Only time moves it on from there: nothing is gained by waiting for it.
          return wanted.includes(state) || (needsTime.has(state) && performance.now() > wouldStay);
        };
        await comes(isThere, 400);
        if (wanted.includes(state)) break;
        await stage.moveTime((steps[n % steps.length] as number) + 1);
      }
      return stage.reach(act, ...wanted);
    },
    async moveTime(ms) {
      const whole = Math.ceil(ms);
      if (counterparty.advance === undefined) return system.setClock(system.clock.now() + whole);
      // Its callbacks are signed by its clock and judged by ours: they move together.
      shiftMs += whole;
      await counterparty.advance(whole);
      // A millisecond of offset tells everybody in the system that time has moved.
      await system.setClock(system.clock.now() + 1);
    },
    until,
    async moves({ handOffId }) {
      const rows = await database().execute<{ move: string }>(
        `select data->>'move' as move from entente.journal
         where data->>'handOffId' = $1 and kind = 'event' and data->>'move' is not null order by (data->>'version')::int`,
        [handOffId],
      );
      return rows.map(({ move }) => move);
    },
    entries: (type) =>
      database().execute("select kind, data from entente.journal where type = $1 order by xid, seq", [type]),
    async caseOf({ tenantId, handOffId }) {
      const open = await system.treaties.cases(owner, tenantId, 1_000);
      return open.find((one) => one.handOffId === handOffId) ?? null;
    },
    async readAgain() {
      await system.stop();
      const url = new URL(adminUrl);
      url.pathname = `/${name}_${owner}`;
      const admin = new pg.Client({ connectionString: url.href });
      await admin.connect();
      try {
        await admin.query("update entente.cursor set xid = '0', seq = 0");
      } finally {
        await admin.end();
      }
      system = await start();
    },
    async close(passed) {
      await counterparty.behaveWell();
      await system.stop();
      await door?.close();
      if (passed) await removeDatabases(adminUrl, name);
      else console.log(`# kept for inspection: databases ${name}_*`);
    },
  };
  return stage;
}

/**
 * Only real time is cut short; everything in business time stays as declared. The circuit is left out: it is the runtime's, and its
 * rest would be waited for. `tells`, `tellsTakenBack` and `undoes` speak to others, who are not here; sums of days are compared by tests of their own.
 */
function atTestSpeed(given: HandOffTreaty, options: ConformanceOptions): HandOffTreaty {
  const { tells: _tells, tellsTakenBack: _takenBack, undoes: _undoes, ...executed } = given;
  const { window: _window, totals: _totals, ...treaty } = executed;
  const { times, limits } = given;
  return {
    ...treaty,
    times: { ...times, answerWithinMs: Math.min(times.answerWithinMs, options.answerWithinMs ?? 1_000) },
    limits: { ...limits, ratePerSecond: Math.max(limits.ratePerSecond, 50), circuitFailures: 1_000 },
  };
}
