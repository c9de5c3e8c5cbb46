import type { BusinessClock } from "../clock/business-clock.ts";
import type { ConsumerEvent } from "../consumer/consumer.ts";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { NewEntry } from "../model/entry.ts";
import { Failure, isFailure } from "../model/failure.ts";
import {
  evidenceOf,
  type FitnessFunction,
  type FitnessState,
  type FitnessTrend,
  judge,
  type SaidFigure,
  trendOf,
  weekMs,
  weekOf,
} from "../model/fitness.ts";
import type { Database } from "../postgres/database.ts";
import { findSymptoms, type SymptomSources } from "./find-symptoms.ts";
import {
  closeReview,
  type FitnessLook,
  fitnessKey,
  noteFitness,
  type OverLimit,
  sayFigure,
  type Week,
  type WeekValue,
} from "./fitness-decider.ts";
import {
  countOpen,
  type Incident,
  listIncidents,
  listReviews,
  listSaid,
  listWeeks,
  type ReviewItem,
  readIncident,
} from "./fitness-records.ts";
import { type MeasureSources, measure } from "./measure.ts";
import { symptomKey, symptomNames } from "./symptoms.ts";

/** A fitness function with its value. */
export interface ScoredFunction {
  readonly definition: FitnessFunction;
  /** Of the last seven days; null: no data. */
  readonly value: number | null;
  readonly state: FitnessState;
  /** Where the numbers behind the value are. */
  readonly evidence: string;
  /** Who said it, of a figure that people say; null: nobody did, or the system measures it. */
  readonly said: SaidFigure | null;
  /** Against the last week written down. */
  readonly trend: FitnessTrend;
  /** Of the weeks written down, oldest first, at most `weeksShown`. */
  readonly weeks: readonly { readonly week: string; readonly value: number | null; readonly state: string }[];
}

export interface Scorecard {
  readonly from: number;
  readonly until: number;
  readonly functions: readonly ScoredFunction[];
}

/** How a system fares, for one tenant. */
export interface Fitness {
  scorecard(tenantId: string): Promise<Scorecard>;
  /** Newest first; `open`: null for all. */
  incidents(tenantId: string, open: boolean | null, limit: number): Promise<Incident[]>;
  incident(tenantId: string, incidentId: string): Promise<Incident | null>;
  reviews(tenantId: string, open: boolean | null, limit: number): Promise<ReviewItem[]>;
  /** Says that a decision was looked at again. Errors: `review-not-open` (conflict). */
  closeReview(
    tenantId: string,
    act: { readonly reviewId: string; readonly by: string; readonly why: string },
  ): Promise<void>;
  /** Says a figure that only people know. Errors: `figure-not-said` (refused) for one that there is not, or that the system measures. */
  say(
    tenantId: string,
    act: { readonly figure: string; readonly value: number; readonly by: string; readonly why: string },
  ): Promise<void>;
  /** Open incidents by symptom, over all tenants; symptoms without any are 0. */
  openIncidents(): Promise<ReadonlyMap<string, number>>;
  /** Looks at once instead of at the next turn. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

export interface FitnessSetting
  extends Omit<MeasureSources, "records" | "offsetMs">,
    Omit<SymptomSources, "contexts"> {
  readonly context: string;
  /** Of that context. */
  readonly records: Database;
  readonly functions: readonly FitnessFunction[];
  readonly clock: BusinessClock;
  readonly ring: (name: string) => void;
  readonly report: (event: ConsumerEvent) => void;
  /** Wall-clock milliseconds between looks; null: this process does not look. */
  readonly everyMs: number | null;
}

/** Weeks of the trend that are shown, and that are written down after the fact when the system was away. */
export const weeksShown = 12;

const dayMs = 86_400_000;

/** Business time between two evaluations of all figures, which read more than the symptoms do. */
const evaluateEveryMs = 5 * 60_000;

const tenantsOf = `with recursive t as (
    (select tenant_id from entente.process_minute order by tenant_id limit 1)
    union all select (select m.tenant_id from entente.process_minute m where m.tenant_id > t.tenant_id order by 1 limit 1)
    from t where t.tenant_id is not null)
  select tenant_id as tenant from t where tenant_id is not null limit 1000`;

/** Looks now and then at how the system fares and has it written down; several processes may: what is told twice changes nothing. */
export function openFitness(setting: FitnessSetting): Fitness {
  const { clock, records, functions, context } = setting;
  const sources: MeasureSources = { ...setting, offsetMs: () => clock.offsetMs() };
  /** By tenant: when all figures were evaluated last, and what was told last. */
  const evaluatedAt = new Map<string, number>();
  const told = new Set<string>();
  const emptyWeek = new Map<string, number>();

  async function valuesOf(tenantId: string, from: number, until: number, isPast: boolean) {
    const [measured, said] = await Promise.all([
      measure(sources, tenantId, from, until, isPast),
      saidUntil(tenantId, until),
    ]);
    const measures = { ...measured, said };
    return functions.map((definition) => {
      const value = finite(definition.read(measures));
      return {
        definition,
        value,
        state: judge(definition, value),
        evidence: evidenceOf(definition, measures),
        said: said.get(definition.name) ?? null,
      };
    });
  }

  /** What people said last before a moment, as far as it still held then. */
  async function saidUntil(tenantId: string, until: number): Promise<ReadonlyMap<string, SaidFigure>> {
    const holds = new Map(functions.map(({ name, saidForDays = 0 }) => [name, saidForDays * dayMs]));
    const said = await listSaid(records, tenantId, until);
    return new Map([...said].filter(([name, { at }]) => until - at <= (holds.get(name) ?? 0)));
  }

  async function weeksDue(tenantId: string, now: number): Promise<Week[]> {
    const [last] = await listWeeks(records, tenantId, 1);
    const ended = weekOf(now) - weekMs;
    if (last === undefined && !(await hasStarted(tenantId, ended))) return [];
    const first =
      last === undefined ? ended : Math.max(weekStart(last.week) + weekMs, ended - (weeksShown - 1) * weekMs);
    const due: Week[] = [];
    for (let from = first; from <= ended; from += weekMs) {
      // A look in the hours after the end of a week may still take what is now for what was then.
      const isPast = now - (from + weekMs) > dayMs;
      const values = await valuesOf(tenantId, from, from + weekMs, isPast);
      due.push({
        week: dayText(from),
        values: values.map(
          ({ definition, value, state }): WeekValue => ({ name: definition.name, value, state }),
        ),
      });
    }
    return due;
  }

  /** The weeks before a tenant's first process are nothing to write down. */
  async function hasStarted(tenantId: string, week: number): Promise<boolean> {
    if (emptyWeek.get(tenantId) === week) return false;
    const period = { tenantId, from: week, until: week + weekMs };
    const types = await setting.statistics.read({ ...period, types: [], resolution: "day" });
    if (types.some(({ total }) => total.started > 0)) return true;
    emptyWeek.set(tenantId, week);
    return false;
  }

  async function overLimits(tenantId: string, now: number): Promise<OverLimit[]> {
    const last = evaluatedAt.get(tenantId);
    if (last !== undefined && now >= last && now - last < evaluateEveryMs) return [];
    evaluatedAt.set(tenantId, now);
    const values = await valuesOf(tenantId, now - weekMs, now, false);
    const open = new Set((await listReviews(records, tenantId, true, 100)).map(({ figure }) => figure));
    return values.flatMap(({ definition: { name, limit, decision }, value, state, evidence }) =>
      state === "over-limit" && value !== null && limit !== null && !open.has(name)
        ? { name, value, limit, decision, evidence, week: dayText(weekOf(now)) }
        : [],
    );
  }

  async function lookAt(tenantId: string): Promise<void> {
    const now = clock.now();
    const open = await listIncidents(records, tenantId, true, 1_000);
    const known = new Set(open.map(symptomKey));
    const [{ symptoms, blind }, weeks, overLimit] = await Promise.all([
      findSymptoms(setting, tenantId, now, known),
      weeksDue(tenantId, now),
      overLimits(tenantId, now),
    ]);
    const present = new Set(symptoms.map(symptomKey));
    const begun = symptoms.filter((one) => !known.has(symptomKey(one)));
    const over = open.filter((one) => !present.has(symptomKey(one)) && !blind.includes(one.symptom));
    for (const incident of open) tell(incident);
    if (begun.length + over.length + weeks.length + overLimit.length === 0) return;
    const found: FitnessLook = { symptoms, blind, weeks, overLimit };
    await submit(tenantId, noteFitness, found);
  }

  /** Once per process and incident: this line pages somebody. */
  function tell({ incidentId, symptom, subject, says, processIds, runbook }: Incident): void {
    if (told.has(incidentId)) return;
    told.add(incidentId);
    setting.report({
      event: "incident",
      consumer: context,
      code: symptom,
      incidentId,
      subject,
      says,
      processIds,
      runbook,
    });
  }

  async function submit(tenantId: string, type: string, data: object): Promise<void> {
    await appendEntries(records, [commandTo(context, tenantId, type, data, clock.now())]);
    setting.ring(`${context}:commands`);
  }

  async function lookAtAll(): Promise<void> {
    const tenants = await setting.database.execute<{ tenant: string }>(tenantsOf);
    for (const { tenant } of tenants) await lookAt(tenant);
  }

  let current: Promise<void> = Promise.resolve();
  const look = (): Promise<void> => {
    const turn = current.then(lookAtAll);
    // Trouble with a store waits for the next turn.
    current = turn.catch((error: unknown) => {
      if (!isFailure(error)) throw error;
    });
    return turn;
  };
  const { everyMs } = setting;
  const timer = everyMs === null ? null : setInterval(() => void look().catch(() => {}), everyMs);
  const unlisten = everyMs === null ? () => {} : clock.onChange(() => void look().catch(() => {}));

  return {
    async scorecard(tenantId) {
      const until = clock.now();
      const from = until - weekMs;
      const [values, weeks] = await Promise.all([
        valuesOf(tenantId, from, until, false),
        listWeeks(records, tenantId, weeksShown),
      ]);
      const oldestFirst = weeks.toReversed();
      return {
        from,
        until,
        functions: values.map(({ definition, value, ...judged }) => {
          const course = oldestFirst.map(({ week, values: then }) => {
            const own = then.find(({ name }) => name === definition.name);
            return { week, value: own?.value ?? null, state: own?.state ?? "no-data" };
          });
          return {
            definition,
            value,
            ...judged,
            trend: trendOf(definition, course.at(-1)?.value ?? null, value),
            weeks: course,
          };
        }),
      };
    },
    incidents: (tenantId, open, limit) => listIncidents(records, tenantId, open, limit),
    incident: (tenantId, incidentId) => readIncident(records, tenantId, incidentId),
    reviews: (tenantId, open, limit) => listReviews(records, tenantId, open, limit),
    async closeReview(tenantId, act) {
      const open = await listReviews(records, tenantId, true, 1_000);
      if (!open.some(({ reviewId }) => reviewId === act.reviewId)) {
        throw new Failure("conflict", "review-not-open", "There is no such open review item.", {
          fields: { reviewId: act.reviewId },
        });
      }
      await submit(tenantId, closeReview, act);
    },
    async say(tenantId, act) {
      const { figure } = act;
      if (!functions.some(({ name, saidForDays }) => name === figure && saidForDays !== undefined)) {
        throw new Failure(
          "refused",
          "figure-not-said",
          "There is no such figure, or the system measures it.",
          {
            fields: { figure },
          },
        );
      }
      await submit(tenantId, sayFigure, act);
    },
    async openIncidents() {
      const counted = await countOpen(records);
      return new Map(symptomNames.map((name) => [name, counted.get(name) ?? 0]));
    },
    look,
    async stop() {
      if (timer !== null) clearInterval(timer);
      unlisten();
      await current;
    },
  };
}

function finite(value: number | null): number | null {
  return value === null || !Number.isFinite(value) ? null : value;
}

function dayText(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function weekStart(week: string): number {
  return Date.parse(`${week}T00:00:00Z`);
}

function commandTo(
  context: string,
  tenantId: string,
  type: string,
  data: object,
  now: number,
): NewEntry<object> {
  const id = newId(now);
  return {
    id,
    kind: "command",
    type,
    schemaVersion: "1.0.0",
    source: context,
    target: context,
    tenantId,
    key: fitnessKey,
    keyVersion: null,
    processId: id,
    correlationId: id,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: now,
    data,
  };
}
