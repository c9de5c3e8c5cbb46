/** How a system fares as lines of text, for people. */
import { table } from "./table.ts";

type Unit = "ms" | "share" | "count" | "days" | "points" | "per-second";

/** What the command reads of the answers of `GET /ops/fitness`, `/ops/incidents` and `/ops/reviews`. */
export interface FitnessAnswers {
  readonly from: string;
  readonly until: string;
  readonly functions: readonly {
    readonly name: string;
    readonly says: string;
    readonly unit: Unit;
    readonly better: "lower" | "higher";
    readonly target: number | null;
    readonly value: number | null;
    readonly state: string;
    readonly trend: string;
    /** Null: the system measures it. */
    readonly saidForDays: number | null;
    readonly said: { readonly by: string; readonly why: string; readonly at: string } | null;
    readonly weeks: readonly { readonly week: string; readonly value: number | null }[];
  }[];
  readonly incidents: readonly {
    readonly incidentId: string;
    readonly says: string;
    readonly since: string;
    readonly processIds: readonly string[];
    readonly runbook: string;
  }[];
  readonly reviews: readonly {
    readonly reviewId: string;
    readonly figure: string;
    readonly value: number;
    readonly limit: number;
    readonly decision: string;
    readonly evidence: string | null;
  }[];
}

const words: Readonly<Record<string, string>> = {
  "within-target": "good",
  "past-target": "not there yet",
  "over-limit": "OVER LIMIT",
  "no-data": "no data",
  "no-target": "no target",
};

const trends: Readonly<Record<string, string>> = {
  better: "better",
  worse: "worse",
  steady: "same",
  unknown: "-",
};

export function scorecardLines(answers: FitnessAnswers): string[] {
  const { functions, incidents, reviews } = answers;
  const day = (time: string): string => time.slice(0, 10);
  const rows = functions.map((one) => [
    one.name,
    amount(one.value, one.unit),
    wanted(one),
    words[one.state] ?? one.state,
    trends[one.trend] ?? one.trend,
    one.says,
  ]);
  const said = functions.flatMap(({ name, unit, value, said: one }) =>
    one === null ? [] : `  ${name}: ${amount(value, unit)}, said by ${one.by} on ${day(one.at)}: ${one.why}`,
  );
  const unsaid = functions.filter((one) => one.saidForDays !== null && one.said === null);
  const judged = functions.filter(({ state }) => state === "within-target").length;
  return [
    `How the system fares, ${day(answers.from)} to ${day(answers.until)}: ${judged} of ${functions.length} figures are good.`,
    "",
    ...table([["Figure", "Now", "Target", "State", "Trend", "What it says"], ...rows]),
    "",
    "Trend: against the last week written down. A figure without data is never good.",
    "Formula, evidence and decision of each: docs/reference/fitness.md, or entente fitness --json.",
    "",
    ...(said.length === 0 ? [] : ["What people said:", ...said, ""]),
    ...(unsaid.length === 0
      ? []
      : [
          `Only people know, and nobody has said: ${unsaid.map(({ name }) => name).join(", ")}.`,
          "  say it: POST /ops/fitness/{figure}/say",
          "",
        ]),
    incidents.length === 0 ? "No open incidents." : `Open incidents: ${incidents.length}`,
    ...incidents.flatMap(({ says, since, processIds, runbook }) => [
      `  ${says}`,
      `    since ${since}; processes ${processIds.slice(0, 3).join(", ")}${processIds.length > 3 ? ", ..." : ""}`,
      `    what to do: ${runbook}`,
    ]),
    reviews.length === 0 ? "No decisions to look at again." : `Decisions to look at again: ${reviews.length}`,
    ...reviews.flatMap(({ figure, value, limit, decision, evidence, reviewId }) => {
      const unit = functions.find(({ name }) => name === figure)?.unit ?? "count";
      return [
        `  ${decision}`,
        `    ${figure} was ${amount(value, unit)}, limit ${amount(limit, unit)}`,
        ...(evidence === null ? [] : [`    evidence: ${evidence}`]),
        `    when it was looked at: POST /ops/reviews/${reviewId}/close`,
      ];
    }),
  ];
}

/** The target, with the way to it where there is one: nothing is below none, or above all of it. */
function wanted({ better, target, unit }: FitnessAnswers["functions"][number]): string {
  if (target === null) return "-";
  const isEnd = better === "lower" ? target === 0 : unit === "share" && target === 1;
  const bound = better === "lower" ? "up to " : "at least ";
  return `${isEnd ? "" : bound}${amount(target, unit)}`;
}

function amount(value: number | null, unit: Unit): string {
  if (value === null) return "-";
  switch (unit) {
    case "ms":
      return duration(value);
    case "days":
      return value === 1 ? "1 day" : `${tenths(value)} days`;
    case "share":
      return value > 0 && value < 0.0005 ? "< 0.1 %" : `${tenths(value * 100)} %`;
    case "per-second":
      return `${tenths(value)}/s`;
    default:
      return tenths(value);
  }
}

/** The largest unit that leaves two or more of it. */
function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${tenths(ms / 1_000)} s`;
  return ms < 7_200_000 ? `${tenths(ms / 60_000)} min` : `${tenths(ms / 3_600_000)} h`;
}

function tenths(value: number): string {
  return String(Math.round(value * 10) / 10);
}
