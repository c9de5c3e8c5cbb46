import type { BusinessClock } from "../clock/business-clock.ts";
import type { JsonObject } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import type { Database } from "../postgres/database.ts";
import { type Asked, type Asker, openAsker } from "./ask-counterparty.ts";
import { type BudgetUse, budgetsOf, readBudgetFigures, readBudgets } from "./call-budget.ts";
import { type CallMeter, openCallMeter } from "./call-meter.ts";
import type { CallbackHeaders } from "./callback-verification.ts";
import { type FalloutCase, listCases } from "./fallout-cases.ts";
import { type FollowedFeed, readFeeds } from "./followed-feed.ts";
import { keyHash } from "./hand-off-entries.ts";
import { type HandOffRef, listHandOffs, readHandOff, readHandOffs } from "./hand-off-rows.ts";
import {
  type CallbackRecord,
  type CallbackRefusals,
  type CallbackSelection,
  listCallbacks,
  listRefusals,
} from "./list-callbacks.ts";
import {
  type ActedCase,
  type CaseAct,
  type CaseDecision,
  claimCase,
  closeCase,
  decideCase,
} from "./operate-case.ts";
import { type CallbackReceipt, receiveCallback } from "./receive-callback.ts";
import {
  askRun,
  listRuns,
  type ReconciliationReport,
  type ReconciliationRun,
  type RunAsk,
  readRun,
} from "./reconciliation-runs.ts";
import {
  approveRecovery,
  askRecovery,
  previewRecovery,
  type RecoveryAsk,
  type RecoveryDecision,
  type RecoveryPreview,
  type RecoveryRequest,
  rejectRecovery,
} from "./recovery.ts";
import {
  listRecoveries,
  type Recovery,
  type RecoveryProgress,
  type RecoveryState,
  readRecovery,
} from "./recovery-records.ts";
import { stopRefused } from "./refused-credentials.ts";
import { type HandOffTreaty, isHandOffTreaty, isReadingTreaty, type Treaty } from "./treaty.ts";
import {
  isStopped,
  readTreatyStates,
  setStopped,
  type TreatyAct,
  type TreatyState,
} from "./treaty-control.ts";
import { type CaseLine, caseLine, subjectless, tenantSubject } from "./treaty-events.ts";
import { readFigures, type TreatyFigure } from "./treaty-figures.ts";
import { meansOf, type Outside, secretOf } from "./work-treaties.ts";

/** What the edge, operators and tests do with the treaties of a system. */
export interface SystemTreaties {
  /** Every treaty with its context: the registry. */
  list(): readonly { readonly context: string; readonly treaty: Treaty }[];
  /** Asks a counterparty at once; see ask-counterparty.ts. Errors: `treaty-unknown` (refused), those of `Asker`. */
  ask(treaty: string, tenantId: string, input: JsonObject): Promise<Asked>;
  /** Takes a message of a counterparty; see receive-callback.ts. Errors: `treaty-unknown` (refused), those of the database. */
  receiveCallback(
    treaty: string,
    headers: CallbackHeaders,
    rawBody: Uint8Array,
    remoteAddress: string,
  ): Promise<CallbackReceipt>;
  /** Hand-offs of a tenant in some states, oldest first. */
  handOffs(
    context: string,
    tenantId: string,
    states: readonly HandOff["state"][],
    target: string | null,
    limit: number,
  ): Promise<HandOff[]>;
  handOff(context: string, ref: HandOffRef): Promise<HandOff | null>;
  /** Those of a tenant's that are named and there, oldest first. */
  handOffsNamed(context: string, tenantId: string, handOffIds: readonly string[]): Promise<HandOff[]>;
  /** A tenant's messages from counterparties, newest first. Errors: `treaty-unknown`: the context has no such treaty that acts. */
  callbacks(
    context: string,
    tenantId: string,
    limit: number,
    selection?: CallbackSelection,
  ): Promise<CallbackRecord[]>;
  /** Messages refused before anybody could know whose they are: see listRefusals. Errors: as callbacks. */
  refusals(
    context: string,
    limit: number,
    treaty: string | null,
    before: string | null,
  ): Promise<CallbackRefusals[]>;
  cases(context: string, tenantId: string, limit: number): Promise<FalloutCase[]>;
  claimCase(context: string, act: CaseAct): Promise<void>;
  /** Does one of the case's safe acts. Errors: `case-not-open`, `act-not-safe`. */
  decideCase(context: string, decision: CaseDecision): Promise<void>;
  closeCase(context: string, act: CaseAct): Promise<void>;
  /** The disable switch of the runbook, of every kind of treaty. Errors: `treaty-unknown` (refused), those of the database. */
  setStopped(treaty: string, stopped: boolean, act: Omit<TreatyAct, "now">): Promise<void>;
  states(context: string): Promise<TreatyState[]>;
  /** How far a context has followed the feeds of others. */
  feeds(context: string): Promise<FollowedFeed[]>;
  /** What a recovery would touch, of everything or of what ended with one code. Errors: `treaty-unknown`. */
  previewRecovery(
    treaty: string,
    tenantId: string,
    code: string | null,
    limit: number,
  ): Promise<RecoveryPreview>;
  /** Asks to send anew what was given up; takes a second person. Errors: those of askRecovery, `treaty-unknown`. */
  askRecovery(ask: RecoveryAsk): Promise<RecoveryRequest>;
  /** Returns how many are sent anew. Errors: those of approveRecovery. */
  approveRecovery(context: string, approval: RecoveryDecision): Promise<number>;
  rejectRecovery(context: string, rejection: RecoveryDecision): Promise<void>;
  /** Newest first. `before`: id of the one before the page. */
  recoveries(
    context: string,
    tenantId: string,
    state: RecoveryState | null,
    before: string | null,
    limit: number,
  ): Promise<Recovery[]>;
  recovery(context: string, tenantId: string, requestId: string): Promise<RecoveryProgress | null>;
  /** Reports of reconciliation, newest first. Errors: `treaty-unknown`. */
  runs(treaty: string, tenantId: string, before: string | null, limit: number): Promise<ReconciliationRun[]>;
  run(treaty: string, tenantId: string, runId: string): Promise<ReconciliationReport | null>;
  /** Has what is open compared at once. Returns how many hand-offs that are. Errors: those of askRun, `treaty-unknown`. */
  askRun(treaty: string, ask: RunAsk): Promise<number>;
  /**
   * Notes that a question which a reading treaty could have put to its counterparty was answered from a copy of ours. Counted like calls,
   * a second later. Errors: `treaty-unknown`, thrown.
   */
  answeredHere(treaty: string, tenantId: string): void;
  /**
   * What a tenant has used in a day of what the counterparties of a context allow: the day in which `at` lies (epoch milliseconds, business
   * time; default: today), five weeks back. Other processes' last second may be missing.
   */
  budgets(context: string, tenantId: string, at?: number): Promise<readonly BudgetUse[]>;
  /** The business metrics. */
  figures(): Promise<TreatyFigure[]>;
  /** Writes what is counted and not yet stored. */
  stop(): Promise<void>;
}

export interface SystemTreatiesSetting {
  readonly contexts: ReadonlyMap<
    string,
    {
      readonly definition: { readonly name: string; readonly treaties?: readonly Treaty[] };
      readonly database: Database;
    }
  >;
  readonly clock: BusinessClock;
  readonly random: () => number;
  readonly outside: Outside;
  readonly ring: (name: string) => void;
  readonly probe?: (point: string) => Promise<void> | void;
}

interface Placed {
  readonly context: string;
  readonly database: Database;
  readonly treaty: HandOffTreaty;
}

export function openSystemTreaties(setting: SystemTreatiesSetting): SystemTreaties {
  const { contexts, clock, outside, ring } = setting;
  const report = outside.report ?? (() => {});
  const shard = Math.floor(setting.random() * 1024);
  const placed = new Map<string, Placed>();
  const readings = new Map<
    string,
    { readonly asker: Asker; readonly meter: CallMeter; readonly treaty: Treaty }
  >();
  /** What can be stopped besides hand-offs: questions, and feeds that are followed. */
  const switches = new Map<string, Pick<Placed, "context" | "database">>();
  const meters = new Map<string, CallMeter>();
  for (const [context, { definition, database }] of contexts) {
    const treaties = definition.treaties ?? [];
    const meter = openCallMeter({ database, treaties, now: () => clock.now(), report });
    const means = meansOf(outside, meter);
    meters.set(context, meter);
    for (const treaty of treaties) {
      if (isHandOffTreaty(treaty)) placed.set(treaty.name, { context, database, treaty });
      else switches.set(treaty.name, { context, database });
      if (!isReadingTreaty(treaty)) continue;
      const asker = openAsker({
        treaty,
        means: (signal, tenantId) => means(treaty, signal, tenantId),
        isStopped: () => isStopped(database, treaty.name),
        async stop(tenantId, code) {
          for (const line of await stopRefused(database, treaty, tenantId, code, clock.now())) report(line);
        },
        now: () => clock.now(),
        elapsed: () => performance.now(),
      });
      readings.set(treaty.name, { asker, meter, treaty });
    }
  }
  const placeOf = (name: string): Placed => {
    const place = placed.get(name);
    if (place === undefined) throw unknownTreaty(name);
    return place;
  };
  const databaseOf = (name: string): Database => {
    const context = contexts.get(name);
    if (context === undefined) {
      throw new Failure("refused", "context-unknown", `There is no context "${name}" in this system.`, {
        fields: { context: name },
      });
    }
    return context.database;
  };
  /** Treaties of a context that counterparties may answer by callbacks: one of them, or all. */
  const actingIn = (context: string, treaty?: string): readonly string[] => {
    if (treaty === undefined)
      return [...placed.values()].filter((one) => one.context === context).map((one) => one.treaty.name);
    if (placed.get(treaty)?.context !== context) throw unknownTreaty(treaty);
    return [treaty];
  };
  const ringContext = (context: string): void => {
    ring(context);
    ring(`${context}:hand-offs`);
  };

  const tellAct = ({ open, handOff }: ActedCase, step: CaseLine["step"], by: string): void => {
    const { kind, treaty, target, tenantId } = open;
    if (handOff !== null) report(caseLine(handOff, kind, step, by, handOff.lastErrorClass));
    else report({ event: "case", ...tenantSubject(tenantId, target), treaty, kind, step, by });
  };

  return {
    list: () =>
      [...contexts].flatMap(([context, { definition }]) =>
        (definition.treaties ?? []).map((treaty) => ({ context, treaty })),
      ),
    ask: async (name, tenantId, input) => {
      const found = readings.get(name);
      if (found === undefined) throw unknownTreaty(name);
      return found.asker.ask(tenantId, input);
    },
    answeredHere(name, tenantId) {
      const found = readings.get(name);
      if (found === undefined) throw unknownTreaty(name);
      found.meter.answeredHere(found.treaty, tenantId);
    },
    receiveCallback: async (name, headers, rawBody, remoteAddress) => {
      const { context, database, treaty } = placeOf(name);
      const { receipt, about } = await receiveCallback(
        {
          context,
          database,
          now: () => clock.now(),
          wallNow: () => clock.now() - clock.offsetMs(),
          shard,
          secret: (of, secret) => secretOf(outside, of, secret),
          onReceived: () => ringContext(context),
          ...(setting.probe === undefined ? {} : { probe: setting.probe }),
        },
        treaty,
        headers,
        rawBody,
        remoteAddress,
      );
      const refusal = receipt.outcome === "refused" ? receipt.code : null;
      report({
        event: "callback",
        ...subjectless(treaty.target),
        correlationId: receipt.outcome === "received" ? receipt.entryId : null,
        tenantId: about?.tenantId ?? null,
        // Ours or theirs, nobody knows yet: only its hash is told.
        keyHash: about === null ? null : keyHash(about.reference),
        treaty: treaty.name,
        outcome: receipt.outcome,
        refusal,
      });
      return receipt;
    },
    handOffs: async (context, tenantId, states, target, limit) =>
      listHandOffs(databaseOf(context), tenantId, states, target, limit),
    handOff: async (context, ref) => readHandOff(databaseOf(context), ref),
    handOffsNamed: async (context, tenantId, handOffIds) =>
      readHandOffs(databaseOf(context), tenantId, handOffIds),
    callbacks: async (context, tenantId, limit, { treaty, ...selection } = {}) =>
      listCallbacks(databaseOf(context), tenantId, actingIn(context, treaty), limit, selection),
    refusals: async (context, limit, treaty, before) =>
      listRefusals(databaseOf(context), actingIn(context, treaty ?? undefined), limit, before),
    cases: async (context, tenantId, limit) => listCases(databaseOf(context), tenantId, limit),
    async claimCase(context, act) {
      tellAct(await claimCase(databaseOf(context), context, clock.now(), act), "claimed", act.by);
    },
    async decideCase(context, decision) {
      const acted = await decideCase(databaseOf(context), context, clock.now(), decision);
      tellAct(acted, "decided", decision.by);
      ringContext(context);
    },
    async closeCase(context, act) {
      tellAct(await closeCase(databaseOf(context), context, clock.now(), act), "closed", act.by);
    },
    async setStopped(name, stopped, act) {
      const { context, database } = switches.get(name) ?? placeOf(name);
      await setStopped(database, context, name, stopped, { ...act, now: clock.now() });
      ringContext(context);
      // Whoever follows a feed has nothing else to be woken by.
      if (switches.has(name)) ring(`${context}:control`);
    },
    states: async (context) => readTreatyStates(databaseOf(context)),
    feeds: async (context) => readFeeds(databaseOf(context)),
    previewRecovery: async (name, tenantId, code, limit) =>
      previewRecovery(placeOf(name).database, tenantId, name, code, limit),
    askRecovery: async (ask) => {
      const { context, database } = placeOf(ask.treaty);
      return askRecovery(database, context, clock.now(), ask);
    },
    async approveRecovery(context, approval) {
      const sent = await approveRecovery(databaseOf(context), context, clock.now(), approval);
      ringContext(context);
      return sent;
    },
    rejectRecovery: async (context, rejection) =>
      rejectRecovery(databaseOf(context), context, clock.now(), rejection),
    recoveries: async (context, tenantId, state, before, limit) =>
      listRecoveries(databaseOf(context), tenantId, clock.now(), state, before, limit),
    recovery: async (context, tenantId, requestId) =>
      readRecovery(databaseOf(context), tenantId, clock.now(), requestId),
    runs: async (name, tenantId, before, limit) =>
      listRuns(placeOf(name).database, tenantId, name, before, limit),
    run: async (name, tenantId, runId) => readRun(placeOf(name).database, tenantId, name, runId),
    async askRun(name, ask) {
      const { context, database, treaty } = placeOf(name);
      const brought = await askRun(database, context, treaty, clock.now(), ask);
      ringContext(context);
      return brought;
    },
    figures: async () => {
      const owners = [...contexts.values()].filter(
        ({ definition }) => (definition.treaties ?? []).length > 0,
      );
      const all = await Promise.all(
        owners.flatMap(({ definition, database }) => [
          readFigures(database, clock.now()),
          readBudgetFigures(database, budgetsOf(definition.treaties ?? []), clock.now()),
        ]),
      );
      return all.flat();
    },
    async budgets(context, tenantId, at = clock.now()) {
      const database = databaseOf(context);
      await meters.get(context)?.flush();
      const placedHere = budgetsOf(contexts.get(context)?.definition.treaties ?? []);
      return readBudgets(database, placedHere, tenantId, at);
    },
    stop: async () => {
      await Promise.all([...meters.values()].map((meter) => meter.stop()));
    },
  };
}

function unknownTreaty(name: string): Failure {
  return new Failure("refused", "treaty-unknown", `There is no treaty "${name}" in this system.`, {
    fields: { treaty: name },
  });
}
