import type { ConsumerDefinition, ConsumerSource } from "../consumer/definition.ts";
import type { Renewals } from "../consumer/renewals.ts";
import type { WakeUps } from "../consumer/wake-up.ts";
import { Failure } from "../model/failure.ts";
import type { Database } from "../postgres/database.ts";
import type { Telemetry } from "../telemetry/span.ts";
import type { TraceHeaders } from "../telemetry/trace-identity.ts";
import type { Surroundings } from "./advance-hand-offs.ts";
import { type CallMeter, openCallMeter } from "./call-meter.ts";
import { checkTreaty } from "./check-treaty.ts";
import { compareTotals, type TotalsComparer } from "./compare-totals.ts";
import { type Courier, startCourier } from "./courier.ts";
import { type EgressRules, openEgress } from "./egress.ts";
import { type Follower, followFeed } from "./follow-feed.ts";
import { handOffDesk } from "./hand-off-desk.ts";
import { handOffOpener } from "./hand-off-opener.ts";
import { openPace } from "./pace.ts";
import { type Reconciler, startReconciler } from "./reconcile.ts";
import { type HandOffTreaty, isFollowingTreaty, isHandOffTreaty, type Means, type Treaty } from "./treaty.ts";
import type { TreatyEvent } from "./treaty-events.ts";

/** What the composition of a system gives to its treaties. */
export interface Outside {
  /** Present value of one of a treaty's own secrets. Called at every use, so that rotation needs no restart. */
  readonly secret?: (treaty: string, name: string) => string | Promise<string>;
  /** Where each treaty may connect to; a treaty that is not named reaches public addresses only. */
  readonly egress?: Readonly<Record<string, EgressRules>>;
  readonly report?: (event: TreatyEvent) => void;
}

export interface TreatySetting {
  readonly context: string;
  readonly treaties: readonly Treaty[];
  readonly database: Database;
  readonly workerId: string;
  readonly leaseMs: number;
  readonly renewals: Renewals;
  readonly wakeUps: WakeUps;
  readonly ring: (name: string) => void;
  readonly outside: Outside;
  readonly now: () => number;
  readonly random: () => number;
  readonly paused: () => boolean;
  readonly sourceOf: (context: string) => ConsumerSource;
  readonly probe?: (point: string) => Promise<void> | void;
  readonly telemetry?: Telemetry;
}

/** A context's treaties at work in this process. */
export interface TreatyWork {
  /** To be started with the context's other consumers. */
  readonly consumers: readonly ConsumerDefinition[];
  readonly treaties: ReadonlyMap<string, HandOffTreaty>;
  /** Starts couriers, reconciliation and what follows the feeds of others, once the consumers run. */
  start(): void;
  /** Time has jumped: what has become due is looked at. */
  timeMoved(): void;
  stop(): Promise<void>;
}

/** Checks treaties that came from anywhere. Errors: those of checkTreaty; `treaty-declared-twice` (refused). */
export function checkTreaties(given: readonly unknown[]): readonly Treaty[] {
  const treaties = given.map(checkTreaty);
  const names = new Set<string>();
  for (const { name } of treaties) {
    if (names.has(name)) {
      throw new Failure(
        "refused",
        "treaty-declared-twice",
        `Two treaties of this context are named ${name}.`,
        {
          fields: { treaty: name },
        },
      );
    }
    names.add(name);
  }
  return treaties;
}

export function workTreaties(setting: TreatySetting): TreatyWork {
  const declared = checkTreaties(setting.treaties);
  const acting = declared.filter(isHandOffTreaty);
  const treaties = new Map(acting.map((treaty) => [treaty.name, treaty]));
  const around: Surroundings = {
    context: setting.context,
    treaties,
    now: setting.now,
    random: setting.random,
    shard: Math.floor(setting.random() * 1024),
    ...(setting.telemetry === undefined ? {} : { telemetry: setting.telemetry }),
  };
  const report = setting.outside.report ?? (() => {});
  const { database, now } = setting;
  const meter = openCallMeter({ database, treaties: setting.treaties, now, report });
  const means = meansOf(setting.outside, meter);
  const ringAll = (): void => {
    setting.ring(setting.context);
    setting.ring(`${setting.context}:commands`);
    setting.ring(`${setting.context}:hand-offs`);
  };
  const couriers: Courier[] = [];
  const reconcilers: Reconciler[] = [];
  const comparers: TotalsComparer[] = [];
  const followers: Follower[] = [];
  const consumers =
    acting.length === 0
      ? []
      : [
          handOffOpener({
            around,
            sources: [...new Set(acting.flatMap(({ factsFrom }) => factsFrom))].map(setting.sourceOf),
            onOpened: ringAll,
            report,
          }),
          handOffDesk({ around, sources: [setting.sourceOf(setting.context)], onAdvanced: ringAll, report }),
        ];
  return {
    consumers,
    treaties,
    start() {
      const { workerId, leaseMs, renewals, wakeUps, ring, paused, probe } = setting;
      const shared = {
        around,
        database,
        wakeUps,
        ring,
        means,
        paused,
        report,
        ...(probe === undefined ? {} : { probe }),
      };
      for (const [target, own] of Map.groupBy(acting, (treaty) => treaty.target)) {
        couriers.push(startCourier({ ...shared, target, treaties: own, workerId, renewals }));
      }
      for (const treaty of acting) {
        const pace = openPace(treaty.limits.ratePerSecond);
        reconcilers.push(startReconciler({ ...shared, treaty, pace }));
        const { totals } = treaty;
        if (totals !== undefined)
          comparers.push(compareTotals({ ...shared, treaty: { ...treaty, totals }, pace }));
      }
      for (const treaty of declared.filter(isFollowingTreaty)) {
        const { context, random } = setting;
        const ownMeans = (signal: AbortSignal): Means => means(treaty, signal, treaty.tenantId);
        const own = { context, now, random, workerId, leaseMs, treaty, means: ownMeans };
        followers.push(followFeed({ ...shared, ...own }));
      }
    },
    timeMoved() {
      for (const follower of followers) follower.timeMoved();
      setting.wakeUps.ring(`${setting.context}:hand-offs`);
    },
    async stop() {
      await Promise.all([
        ...couriers.map((courier) => courier.stop()),
        ...reconcilers.map((one) => one.stop()),
        ...comparers.map((one) => one.stop()),
        ...followers.map((one) => one.stop()),
      ]);
      await meter.stop();
    },
  };
}

/** Each treaty gets its own secrets and its own way out, and nothing of any other's. */
export function meansOf(
  outside: Outside,
  meter: CallMeter,
): (treaty: Treaty, signal: AbortSignal, tenantId: string, trace?: TraceHeaders) => Means {
  const ways = new Map<string, ReturnType<typeof openEgress>>();
  return (treaty, signal, tenantId, trace) => {
    const way = ways.get(treaty.name) ?? openEgress(outside.egress?.[treaty.name] ?? {});
    ways.set(treaty.name, way);
    return {
      signal,
      connect: way.connect,
      secret: async (name) => secretOf(outside, treaty, name),
      count: (budget, operation, by) => meter.count(treaty, tenantId, budget, operation, by),
      ...(trace === undefined ? {} : { traceHeaders: trace }),
    };
  };
}

/** Errors: `credential-unknown` (defect) for a secret that is not the treaty's, or that nobody gave. */
export async function secretOf(outside: Outside, treaty: Treaty, name: string): Promise<string> {
  const value = treaty.credentials.includes(name) ? await outside.secret?.(treaty.name, name) : undefined;
  if (value === undefined) {
    throw new Failure(
      "defect",
      "credential-unknown",
      `The treaty ${treaty.name} has no secret named ${name}.`,
      {
        fields: { treaty: treaty.name, credential: name },
      },
    );
  }
  return value;
}
