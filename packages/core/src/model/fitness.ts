/**
 * Fitness functions: figures that say whether the architecture still does what it was chosen for, each with what it means, how it is
 * computed, what is wanted, and which decision has to be looked at again when it is over its limit.
 */

/** How the processes fare that were accepted in some time. */
export interface ProcessCounts {
  readonly started: number;
  /** Of those: as their customers see them now. */
  readonly confirmed: number;
  readonly failed: number;
  readonly inFlight: number;
  /** Effects that happened a second time; must be 0. */
  readonly doubled: number;
  /** Milliseconds from acceptance until the customer was shown that it is confirmed; null when none was. */
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
}

/** What the system knows of itself about a period, for one tenant. Null: it is not known, which is not the same as 0. */
export interface FitnessMeasures {
  /** By process type. */
  readonly processes: ReadonlyMap<string, ProcessCounts>;
  /** Incidents that ended in the period. */
  readonly incidents: EndedIncidents | null;
  /** Accepted, not ended, and with nobody who will end it. */
  readonly lost: number | null;
  /** The ten minutes with most commands accepted. */
  readonly busiest: BusiestTime | null;
  /** Share of the latest processes, 20 at most, whose story is without a gap from the command to its end. */
  readonly completeTraces: number | null;
  /** The day on which most of a day's budget was used, by target and budget such as `salesforce api-calls`. */
  readonly busiestDays: ReadonlyMap<string, BusiestDay> | null;
  /**
   * Calls counted on the days of the period, by treaty, budget and kind of call such as `salesforce-entitlement-now api-calls ask-entitlement`.
   * Questions answered from a copy of ours instead are counted under `<treaty> answered-here copy`.
   */
  readonly calls: ReadonlyMap<string, number> | null;
  /** Cases that a person claimed or closed, and parked entries dealt with by people. */
  readonly repairs: number | null;
  /** Answers and records of counterparties that nobody could read, and entries parked because of what they hold. */
  readonly failedChanges: number | null;
  /** Contexts that have a database together with another one. */
  readonly sharedStores: number | null;
  /** Age of the oldest entry that a context has not dealt with, milliseconds, the largest over all contexts. */
  readonly lagMs: number | null;
  /** What people have said last, by figure: only of figures that people say, and only while it holds. */
  readonly said: ReadonlyMap<string, SaidFigure>;
}

export interface EndedIncidents {
  readonly closed: number;
  /** Of those: over within half an hour of their beginning. */
  readonly closedInTime: number;
  /** Means over them, milliseconds from the beginning until it was noticed, and until it was over; null when none ended. */
  readonly meanToDetectMs: number | null;
  readonly meanToResolveMs: number | null;
}

export interface BusiestDay {
  /** Of what is allowed in a day; may be above 1. */
  readonly share: number;
  /** Such as `2026-03-04`, UTC, business time. */
  readonly day: string;
}

export interface BusiestTime {
  /** Mean over the ten minutes. */
  readonly perSecond: number;
  /** Where they begin: epoch milliseconds, business time. */
  readonly from: number;
}

/** A figure that only people know. Time in epoch milliseconds, business time. */
export interface SaidFigure {
  readonly value: number;
  readonly by: string;
  readonly why: string;
  readonly at: number;
}

export type FitnessUnit = "ms" | "share" | "count" | "days" | "points" | "per-second";

export interface FitnessFunction {
  /** Stable: the trend is found by it. */
  readonly name: string;
  /** One plain sentence: what it tells. */
  readonly says: string;
  /** How it is computed, in words. */
  readonly formula: string;
  readonly unit: FitnessUnit;
  readonly better: "lower" | "higher";
  /** What is wanted; null: nobody can say yet. */
  readonly target: number | null;
  /** Past it, `decision` is looked at again; null with `target`. */
  readonly limit: number | null;
  /** Path at the system's own address where the numbers behind it are, or a page of the docs. */
  readonly evidence: string | ((measures: FitnessMeasures) => string);
  /** File of the decision record that rests on it. */
  readonly decision: string;
  /** Only people know it: what one of them says holds for so many days, unless somebody says otherwise. Absent: the system measures it. */
  readonly saidForDays?: number;
  /** Null: nothing was measured. */
  read(measures: FitnessMeasures): number | null;
}

/** `no-data` and `no-target` are states of their own: what was not measured, or is held against nothing, is never well. */
export type FitnessState = "within-target" | "past-target" | "over-limit" | "no-data" | "no-target";

export function judge(
  { better, target, limit }: Pick<FitnessFunction, "better" | "target" | "limit">,
  value: number | null,
): FitnessState {
  if (value === null || !Number.isFinite(value)) return "no-data";
  if (target === null || limit === null) return "no-target";
  const isWithin = (bound: number): boolean => (better === "lower" ? value <= bound : value >= bound);
  if (isWithin(target)) return "within-target";
  return isWithin(limit) ? "past-target" : "over-limit";
}

/** Which way a figure goes. `unknown`: there are not two values to compare. `steady`: within 2 % of the one before. */
export type FitnessTrend = "better" | "worse" | "steady" | "unknown";

export function trendOf(
  { better }: Pick<FitnessFunction, "better">,
  before: number | null,
  value: number | null,
): FitnessTrend {
  if (before === null || value === null) return "unknown";
  if (Math.abs(value - before) <= Math.abs(before) * 0.02) return "steady";
  return value < before === (better === "lower") ? "better" : "worse";
}

export function evidenceOf(
  { evidence }: Pick<FitnessFunction, "evidence">,
  measures: FitnessMeasures,
): string {
  return typeof evidence === "string" ? evidence : evidence(measures);
}

const dayMs = 86_400_000;
export const weekMs = 7 * dayMs;

/** The Monday, 00:00 UTC, of the week a moment lies in; epoch milliseconds. */
export function weekOf(at: number): number {
  // 1970-01-05 was a Monday.
  const firstMonday = 4 * dayMs;
  return firstMonday + Math.floor((at - firstMonday) / weekMs) * weekMs;
}
