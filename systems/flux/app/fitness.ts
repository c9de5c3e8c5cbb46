import type { FitnessFunction, FitnessMeasures, SystemDefinition } from "@entente/core";
import { topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import { fluxContract } from "./contract.ts";
import { readsSaved } from "./entitlement-copy.ts";

/** Points of the maintenance cost index. Their sum is a week's cost; only the course of it means anything. */
const costPoints = { contract: 1, treaty: 5, repair: 2, failedChange: 10 } as const;

const decisions = "docs/decisions";
const journals = `${decisions}/0001-journals-and-cursors.md`;
const treaties = `${decisions}/0009-treaties-and-hand-offs.md`;
const acceptance = `${decisions}/0004-durable-acceptance.md`;
const fieldChanges = `${decisions}/0010-compatibility-by-proof.md`;
const stages = `${decisions}/0015-three-stages-of-flux.md`;
const postponed = `${decisions}/0023-fitness-and-postponed-patterns.md`;
const crmOrder = `${decisions}/0030-crm-footprint-order.md`;

const crmBudget = "salesforce api-calls";

const fitnessPage = "docs/reference/fitness.md";

export interface FluxBounds {
  /** Points a week of the landscape before, by the formula of the maintenance cost; null: that figure has a course and no target. */
  readonly costBaseline?: number | null;
  /** Commands a second, sustained for ten minutes, past which the edge is looked at again (default 2,000). */
  readonly commandsPerSecond?: number;
}

/** What Flux is held against: its criteria of success, and the triggers of patterns that were put off. */
export function fluxFitness(
  definition: SystemDefinition,
  { costBaseline = null, commandsPerSecond = 2_000 }: FluxBounds = {},
): readonly FitnessFunction[] {
  const contracts = fluxContract.contexts.reduce((sum, { messages }) => sum + messages.length, 0);
  const treatyCount = definition.contexts.reduce((sum, { treaties: own = [] }) => sum + own.length, 0);
  return [
    {
      name: "top-up-p90",
      says: "Nine of ten customers see their top-up confirmed within this time.",
      formula:
        "P90 from acceptance to the moment the process shows confirmed, of top-ups accepted in the period.",
      unit: "ms",
      better: "lower",
      target: 5_000,
      limit: 15_000,
      evidence: `/ops/process-statistics?types=${topUpProcess.type}`,
      decision: stages,
      read: ({ processes }) => processes.get(topUpProcess.type)?.p90Ms ?? null,
    },
    {
      name: "incidents-in-time",
      says: "Share of incidents that were over within 30 minutes of their beginning.",
      formula: "Incidents over within 30 min ÷ incidents that ended in the period; no data when none ended.",
      unit: "share",
      better: "higher",
      target: 0.95,
      limit: 0.95,
      evidence: "/ops/incidents",
      decision: treaties,
      read: ({ incidents }) =>
        incidents === null || incidents.closed === 0 ? null : incidents.closedInTime / incidents.closed,
    },
    {
      name: "time-to-detect",
      says: "How long customers suffered before an incident was noticed, on average.",
      formula:
        "Mean from the beginning of an incident until it was noticed, of those that ended in the period.",
      unit: "ms",
      better: "lower",
      target: 120_000,
      limit: 300_000,
      evidence: "/ops/incidents",
      decision: postponed,
      read: ({ incidents }) => incidents?.meanToDetectMs ?? null,
    },
    {
      name: "time-to-resolve",
      says: "How long customers suffered from an incident, on average.",
      formula: "Mean from the beginning of an incident until it was over, of those that ended in the period.",
      unit: "ms",
      better: "lower",
      target: 1_800_000,
      limit: 3_600_000,
      evidence: "/ops/incidents",
      decision: treaties,
      read: ({ incidents }) => incidents?.meanToResolveMs ?? null,
    },
    {
      name: "lost-or-doubled",
      says: "Commands that nobody will end, and effects that happened twice.",
      formula:
        "Processes overdue by 15 min that no parked entry, hand-off or waiting consumer accounts for + second debits.",
      unit: "count",
      better: "lower",
      target: 0,
      limit: 0,
      evidence: "/ops/process-statistics",
      decision: journals,
      read: lostOrDoubled,
    },
    {
      name: "complete-traces",
      says: "Share of processes whose story has no gap, from the command to its end.",
      formula:
        "Of the latest 20 that ended: those where every entry leads back to the command, or to what came in.",
      unit: "share",
      better: "higher",
      target: 1,
      limit: 1,
      evidence: "/ops/processes/{id}/timeline",
      decision: journals,
      read: ({ completeTraces }) => completeTraces,
    },
    {
      name: "maintenance-cost",
      says: `What keeping the integrations costs in a week, in points.${costBaseline === null ? " Without ENTENTE_COST_BASELINE there is no target." : ""}`,
      formula: `${costPoints.contract} × contracts + ${costPoints.treaty} × treaties + ${costPoints.repair} × manual repairs + ${costPoints.failedChange} × contract changes that failed. Target: 10 % of the landscape before.`,
      unit: "points",
      better: "lower",
      target: costBaseline === null ? null : costBaseline * 0.1,
      limit: costBaseline === null ? null : costBaseline * 0.5,
      evidence: fitnessPage,
      decision: treaties,
      read: ({ repairs, failedChanges }) =>
        repairs === null || failedChanges === null
          ? null
          : contracts * costPoints.contract +
            treatyCount * costPoints.treaty +
            repairs * costPoints.repair +
            failedChanges * costPoints.failedChange,
    },
    {
      name: "crm-calls",
      says: "Largest share of a day's Salesforce calls that was used. Trigger of write-behind.",
      formula: "Day of the period with most API calls: those counted ÷ those allowed a day.",
      unit: "share",
      better: "lower",
      target: 0.5,
      limit: 0.8,
      evidence: ({ busiestDays }) => {
        const most = busiestDays?.get(crmBudget);
        return most === undefined ? "/ops/treaties" : `/ops/treaties?day=${most.day}`;
      },
      decision: crmOrder,
      read: ({ busiestDays }) => busiestDays?.get(crmBudget)?.share ?? null,
    },
    {
      name: "crm-reads-saved",
      says: "Share of Salesforce reads that our copy of the entitlements saves.",
      formula:
        "1 − (questions passed on + reads that keep the copy) ÷ questions about entitlements. No data below 100 questions.",
      unit: "share",
      better: "higher",
      target: 0.8,
      limit: 0.5,
      evidence: "/metrics",
      decision: crmOrder,
      read: ({ calls }) => (calls === null ? null : readsSaved(calls)),
    },
    {
      name: "commands-per-second",
      says: "Commands in the busiest ten minutes. Trigger of full command sourcing at the edge.",
      formula: "Most commands accepted in any ten minutes of the period ÷ 600.",
      unit: "per-second",
      better: "lower",
      target: commandsPerSecond / 2,
      limit: commandsPerSecond,
      evidence: busiestMinutes,
      decision: acceptance,
      read: ({ busiest }) => busiest?.perSecond ?? null,
    },
    {
      name: "raw-log-days",
      says: "Days of raw commands that auditors demand. Trigger of full command sourcing at the edge.",
      formula: "As an operator or an auditor said last, within a year. 0: they demand none.",
      unit: "days",
      better: "lower",
      target: 90,
      limit: 90,
      evidence: `${fitnessPage}#what-people-say`,
      decision: acceptance,
      saidForDays: 365,
      read: ({ said }) => said.get("raw-log-days")?.value ?? null,
    },
    {
      name: "read-lag",
      says: "How far what is shown lies behind what was decided. Trigger of splitting a context over databases.",
      formula: "Age of the oldest entry that any context has not dealt with, now.",
      unit: "ms",
      better: "lower",
      target: 5_000,
      limit: 60_000,
      evidence: "/status",
      decision: postponed,
      read: ({ lagMs }) => lagMs,
    },
    {
      name: "shared-stores",
      says: "Contexts that have a database together with another one.",
      formula: "Contexts − different databases as their servers know them, now.",
      unit: "count",
      better: "lower",
      target: 0,
      limit: 0,
      evidence: "docs/reference/configuration.md",
      decision: journals,
      read: ({ sharedStores }) => sharedStores,
    },
    {
      name: "pricing-field-days",
      says: "Days from the wish for a pricing field to its use by customers.",
      formula: "From ticket to release, as an operator said last, within 180 days.",
      unit: "days",
      better: "lower",
      target: 5,
      limit: 20,
      evidence: `${fitnessPage}#what-people-say`,
      decision: fieldChanges,
      saidForDays: 180,
      read: ({ said }) => said.get("pricing-field-days")?.value ?? null,
    },
  ];
}

/** The statistics of exactly the ten minutes that the figure is about. */
function busiestMinutes({ busiest }: FitnessMeasures): string {
  const path = "/ops/process-statistics?resolution=minute";
  if (busiest === null) return path;
  const [from, until] = [busiest.from, busiest.from + 600_000].map((at) => new Date(at).toISOString());
  return `${path}&from=${from}&until=${until}`;
}

function lostOrDoubled({ lost, processes }: FitnessMeasures): number | null {
  if (lost === null) return null;
  return [...processes.values()].reduce((sum, { doubled }) => sum + doubled, lost);
}
