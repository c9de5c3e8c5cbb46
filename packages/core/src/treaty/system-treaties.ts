import type { BusinessClock } from "../clock/business-clock.ts";
import type { JsonObject } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import type { Database } from "../postgres/database.ts";
import { type Asked, type Asker, openAsker } from "./ask-counterparty.ts";
import { type BudgetUse, budgetsOf, readBudgetFigures, readBudgets } from "./call-budget.ts";
import { type CallMeter, openCallMeter } from "./call-meter.ts";
import { type CallbackRecord, listCallbacks } from "./callback-records.ts";
import type { CallbackHeaders } from "./callback-verification.ts";
import { type FalloutCase, listCases } from "./fallout-cases.ts";
import { type FollowedFeed, readFeeds } from "./followed-feed.ts";
import { type HandOffRef, listHandOffs, readHandOff } from "./hand-off-rows.ts";
import { type CaseAct, type CaseDecision, claimCase, closeCase, decideCase } from "./operate-case.ts";
import { type CallbackReceipt, receiveCallback } from "./receive-callback.ts";
import {
  approveRecovery,
  askRecovery,
  type RecoveryApproval,
  type RecoveryAsk,
  type RecoveryRequest,
} from "./recovery.ts";
import {
  type HandOffTreaty,
  isFollowingTreaty,
  isHandOffTreaty,
  isReadingTreaty,
  type Treaty,
} from "./treaty.ts";
import { readTreatyStates, setStopped, type TreatyAct, type TreatyState } from "./treaty-control.ts";
import { readFigures, type TreatyFigure } from "./treaty-figures.ts";
import { meansOf, type Outside, secretOf } from "./work-treaties.ts";

/** What the edge, operators and tests do with the treaties of a system. */
export interface SystemTreaties {
  /** Every treaty with its context: the registry. */
  list(): readonly { readonly context: string; readonly treaty: Treaty }[];
  /** Asks a counterparty at once; see ask-counterparty.ts. Errors: `treaty-unknown` (refused), `request-invalid` (defect). */
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
  callbacks(context: string, tenantId: string, limit: number): Promise<CallbackRecord[]>;
  cases(context: string, tenantId: string, limit: number): Promise<FalloutCase[]>;
  claimCase(context: string, act: CaseAct): Promise<void>;
  /** Does one of the case's safe acts. Errors: `case-not-open`, `act-not-safe`. */
  decideCase(context: string, decision: CaseDecision): Promise<void>;
  closeCase(context: string, act: CaseAct): Promise<void>;
  /** The disable switch of the runbook. */
  setStopped(treaty: string, stopped: boolean, act: Omit<TreatyAct, "now">): Promise<void>;
  states(context: string): Promise<TreatyState[]>;
  /** How far a context has followed the feeds of others. */
  feeds(context: string): Promise<FollowedFeed[]>;
  /** Asks to send again what was given up; takes a second person. Errors: those of askRecovery. */
  askRecovery(ask: RecoveryAsk): Promise<RecoveryRequest>;
  approveRecovery(treaty: string, approval: RecoveryApproval): Promise<number>;
  /** What a tenant has used today of what the counterparties of a context allow. Other processes' last second may be missing. */
  budgets(context: string, tenantId: string): Promise<readonly BudgetUse[]>;
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
  const shard = Math.floor(setting.random() * 1024);
  const placed = new Map<string, Placed>();
  const askers = new Map<string, Asker>();
  /** What can be stopped besides hand-offs. */
  const switches = new Map<string, Pick<Placed, "context" | "database">>();
  const meters = new Map<string, CallMeter>();
  for (const [context, { definition, database }] of contexts) {
    const treaties = definition.treaties ?? [];
    const meter = openCallMeter({ database, treaties, now: () => clock.now() });
    const means = meansOf(outside, meter);
    meters.set(context, meter);
    for (const treaty of treaties) {
      if (isHandOffTreaty(treaty)) placed.set(treaty.name, { context, database, treaty });
      if (isFollowingTreaty(treaty)) switches.set(treaty.name, { context, database });
      if (isReadingTreaty(treaty))
        askers.set(
          treaty.name,
          openAsker(
            treaty,
            (signal, tenantId) => means(treaty, signal, tenantId),
            () => clock.now(),
          ),
        );
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
  const ringContext = (context: string): void => {
    ring(context);
    ring(`${context}:hand-offs`);
  };

  return {
    list: () =>
      [...contexts].flatMap(([context, { definition }]) =>
        (definition.treaties ?? []).map((treaty) => ({ context, treaty })),
      ),
    ask: async (name, tenantId, input) => {
      const asker = askers.get(name);
      if (asker === undefined) throw unknownTreaty(name);
      return asker.ask(tenantId, input);
    },
    receiveCallback: async (name, headers, rawBody, remoteAddress) => {
      const { context, database, treaty } = placeOf(name);
      return receiveCallback(
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
    },
    handOffs: async (context, tenantId, states, target, limit) =>
      listHandOffs(databaseOf(context), tenantId, states, target, limit),
    handOff: async (context, ref) => readHandOff(databaseOf(context), ref),
    callbacks: async (context, tenantId, limit) => listCallbacks(databaseOf(context), tenantId, limit),
    cases: async (context, tenantId, limit) => listCases(databaseOf(context), tenantId, limit),
    claimCase: async (context, act) => claimCase(databaseOf(context), context, clock.now(), act),
    async decideCase(context, decision) {
      await decideCase(databaseOf(context), context, clock.now(), decision);
      ringContext(context);
    },
    closeCase: async (context, act) => closeCase(databaseOf(context), context, clock.now(), act),
    async setStopped(name, stopped, act) {
      const { context, database } = switches.get(name) ?? placeOf(name);
      await setStopped(database, context, name, stopped, { ...act, now: clock.now() });
      ringContext(context);
    },
    states: async (context) => readTreatyStates(databaseOf(context)),
    feeds: async (context) => readFeeds(databaseOf(context)),
    askRecovery: async (ask) => {
      const { context, database } = placeOf(ask.treaty);
      return askRecovery(database, context, clock.now(), ask);
    },
    async approveRecovery(name, approval) {
      const { context, database } = placeOf(name);
      const sent = await approveRecovery(database, context, clock.now(), approval);
      ringContext(context);
      return sent;
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
    async budgets(context, tenantId) {
      const database = databaseOf(context);
      await meters.get(context)?.flush();
      const placedHere = budgetsOf(contexts.get(context)?.definition.treaties ?? []);
      return readBudgets(database, placedHere, tenantId, clock.now());
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
