import type { FitnessFunction, FitnessMeasures, SystemDefinition } from "@entente/core";
import { topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import { fluxContract } from "./contract.ts";

/** Points of the maintenance cost index. Their sum is a week's cost; only the course of it means anything. */
const costPoints = { contract: 1, treaty: 5, repair: 2, failedChange: 10 } as const;

const decisions = "docs/decisions";
const journals = `${decisions}/0001-journals-and-cursors.md`;
const treaties = `${decisions}/0009-treaties-and-hand-offs.md`;
const following = `${decisions}/0012-following-the-changes-of-others.md`;
const stages = `${decisions}/0015-three-stages-of-flux.md`;
const postponed = `${decisions}/0023-fitness-and-postponed-patterns.md`;

const fitnessPage = "docs/reference/fitness.md";

/**
 * What Flux is held against: its criteria of success, and the triggers of patterns that were put off. `costBaseline`: points a week of the
 * landscape before, by the same formula; without it the index has a course and no target.
 */
export function fluxFitness(
  definition: SystemDefinition,
  costBaseline: number | null = null,
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
      says: "What keeping the integrations costs in a week, in points.",
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
      says: "Most of a day's Salesforce calls that was used. Trigger of write-behind.",
      formula: "Largest day of the period: API calls counted ÷ API calls allowed.",
      unit: "share",
      better: "lower",
      target: 0.5,
      limit: 0.8,
      evidence: "/ops/treaties",
      decision: postponed,
      read: ({ budgetShares }) => budgetShares?.get("salesforce api-calls") ?? null,
    },
    {
      name: "crm-reads-saved",
      says: "Share of the CRM reads of the landscape before that are not made any more.",
      formula: "1 − reads in the period ÷ reads of the landscape before. Nobody has measured those: no data.",
      unit: "share",
      better: "higher",
      target: 0.8,
      limit: 0.5,
      evidence: fitnessPage,
      decision: following,
      read: () => null,
    },
    {
      name: "commands-per-second",
      says: "Busiest ten minutes. Trigger of full command sourcing at the edge.",
      formula: "Most commands accepted in ten minutes of the period ÷ 600.",
      unit: "per-second",
      better: "lower",
      target: 1_000,
      limit: 2_000,
      evidence: "/ops/process-statistics?resolution=minute",
      decision: postponed,
      read: ({ busiestPerSecond }) => busiestPerSecond,
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
      formula: "Contexts − different databases, now.",
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
      formula: "Measured outside, from ticket to release: no data here.",
      unit: "count",
      better: "lower",
      target: 5,
      limit: 20,
      evidence: fitnessPage,
      decision: `${decisions}/0010-compatibility-by-proof.md`,
      read: () => null,
    },
  ];
}

function lostOrDoubled({ lost, processes }: FitnessMeasures): number | null {
  if (lost === null) return null;
  return [...processes.values()].reduce((sum, { doubled }) => sum + doubled, lost);
}
