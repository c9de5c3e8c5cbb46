/** Writes the results as JSON, and as Markdown for people. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Machine } from "./machine.ts";
import type { Outcome } from "./runner.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import type { Options } from "./stage.ts";

/** Everything that a run found out. */
export type Results = {
  machine: Machine;
  options: Options;
  targets: { name: string; about: string }[];
  outcomes: Outcome[];
};

const ours = "entente";

const notMeasured = `## What is not measured

- **Two cores for everything.** Target, PostgreSQL and load generator share the machine; the load generator's CPU is
  in the tables. Absolute figures say little about other machines; ratios say more.
- **One machine, loopback.** No network latency, no TLS, no replication, no second node; nobody was made to fail over.
- **Different work beside the job.** Ours checks a JWT, keeps a journal, payload hashes, process steps, read models and
  back-pressure. Peers compare one fixed token, read the ledger as process state, and do nothing else. The floor does less still.
- **Peers are tuned by us**, not by their makers. Where a series is called "-docs" it is set up as the documentation shows.
- **End-to-end latency is sampled** (one command in two hundred, 4 to 20 a second) by asking for the state every 4 ms, later every
  eighth of the time waited; the true value is up to one such step lower. The same for all. What that costs is in "questions/s".
- **Order** is verified on one account per run, for requests that did not overlap; totals and sequences on all accounts.
- **Short runs.** No vacuum cycles over days, no bloat, no month-old tables except in scenario C.
- Restate writes its own log beside PostgreSQL's: its "WAL bytes/command" covers PostgreSQL alone.
`;

function number(value: number | undefined): string {
  if (value === undefined) return "–";
  if (value === 0) return "0";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function ratio(scenario: Scenario, outcome: Outcome, outcomes: Outcome[]): string {
  if (outcome.ratio !== undefined) return `${outcome.ratio.toFixed(2)}×`;
  const own = outcomes.find((o) => o.target === ours)?.figures?.[scenario.main];
  const other = outcome.figures?.[scenario.main];
  if (outcome.target === ours || own === undefined || other === undefined || other === 0 || own === 0)
    return "–";
  return `${(scenario.moreIsBetter ? own / other : other / own).toFixed(2)}×`;
}

function table(scenario: Scenario, outcomes: Outcome[]): string {
  const names = [
    ...new Set([scenario.main, ...outcomes.flatMap(({ figures }) => Object.keys(figures ?? {}))]),
  ];
  const lines = [
    `| target | ${names.join(" | ")} | ours is better by |`,
    `| --- | ${names.map(() => "--:").join(" | ")} | --: |`,
  ];
  for (const outcome of outcomes) {
    if (outcome.figures === undefined) continue;
    const cells = names.map((name) => number(outcome.figures?.[name]));
    lines.push(`| ${outcome.target} | ${cells.join(" | ")} | ${ratio(scenario, outcome, outcomes)} |`);
  }
  const notes = outcomes
    .filter((outcome) => outcome.figures === undefined)
    .map(
      (o) => `- ${o.target}: ${o.failed === undefined ? `skipped, ${o.skipped}` : `**failed**, ${o.failed}`}`,
    );
  return [
    `## ${scenario.name}. ${scenario.title}`,
    "",
    ...lines,
    ...(notes.length > 0 ? ["", ...notes] : []),
    "",
  ].join("\n");
}

function machineLines({ machine, options }: Results): string {
  const settings = Object.entries(machine.settings).map(([name, value]) => `${name} ${value}`);
  return [
    `Measured ${machine.date} UTC on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.kernel}.`,
    `Node ${machine.node}, PostgreSQL ${machine.postgres} (${settings.join(", ")}).`,
    `One 8 KiB write with fdatasync takes ${machine.fsyncMs.p50} ms (p50), ${machine.fsyncMs.p99} ms (p99).`,
    `Windows of ${options.seconds} s after 3 s of warm-up, an empty database each; outage ${options.outageSeconds} s at`,
    ...(options.rounds > 1
      ? [
          `${options.rounds} rounds, the targets in turn; a row is a target's middle run, and how much better ours is the middle of`,
          "the ratios within each round.",
        ]
      : []),
    `${options.outageRate}/s; history ${options.preload.toLocaleString("en")} commands; seed ${options.seed}. Rates per second,`,
    "latencies in ms. After each row the ledger was checked: every accepted command once, none more, sequences dense,",
    "totals right, order kept.",
  ].join("\n");
}

/** The Markdown page. */
export function markdown(results: Results): string {
  const byHand = fileURLToPath(new URL("./where-the-time-goes.md", import.meta.url));
  const run = scenarios.filter((scenario) =>
    results.outcomes.some((outcome) => outcome.scenario === scenario.name),
  );
  return [
    "# Benchmark results",
    "",
    "Written by `npm run bench`; do not edit. How it works: [README.md](README.md).",
    "",
    machineLines(results),
    "",
    ...results.targets.map((target) => `- **${target.name}**: ${target.about}`),
    "",
    ...run.map((scenario) =>
      table(
        scenario,
        results.outcomes.filter((o) => o.scenario === scenario.name),
      ),
    ),
    notMeasured,
    ...(existsSync(byHand) ? ["## Where the time goes", "", readFileSync(byHand, "utf8").trim(), ""] : []),
  ].join("\n");
}

/** Writes `RESULTS.json` and `RESULTS.md` into `folder`. */
export function write(results: Results, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "RESULTS.json"), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(folder, "RESULTS.md"), markdown(results));
}
