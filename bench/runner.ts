/** Runs one target through one scenario, on an empty database, and verifies what the ledger holds afterwards. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { LoadReport } from "./load-spec.ts";
import type { Server } from "./postgres.ts";
import { peakMemoryMiB } from "./proc.ts";
import type { Scenario } from "./scenarios.ts";
import type { Figures, Options } from "./stage.ts";
import { benchmarkDatabases, dropDatabases, type Target, withClient } from "./target.ts";
import { type Verdict, verify } from "./verify.ts";

/** Row of the results. Exactly one of `figures`, `skipped` and `failed` is there. */
export type Outcome = {
  scenario: string;
  target: string;
  figures?: Figures;
  skipped?: string;
  failed?: string;
  verdict?: Verdict;
  /** Of several rounds: how much better ours is, in the middle. */
  ratio?: number;
};

/** What stays the same over a run. */
export type Run = { server: Server; folder: string; options: Options; earlier: Outcome[] };

const progressEveryMs = 5_000;

/** Seconds since the benchmark began, as `m:ss`. */
function clock(): string {
  const seconds = Math.floor(performance.now() / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Prints one line with the time in front. */
export function say(line: string): void {
  console.log(`[${clock()}] ${line}`);
}

/** Prints rates every five seconds, from the counts that a running load gives. */
function reporter(label: string): {
  phase(name: string): void;
  progress(line: { accepted: number; confirmed: number }): void;
} {
  let phase = "start";
  let last = { at: performance.now(), accepted: 0, confirmed: 0 };
  return {
    phase(name) {
      phase = name;
      last = { at: performance.now(), accepted: 0, confirmed: 0 };
      say(`${label}  ${name}`);
    },
    progress({ accepted, confirmed }) {
      const at = performance.now();
      const seconds = (at - last.at) / 1000;
      if (at - last.at < progressEveryMs) return;
      const rate = (now: number, then: number): string =>
        Math.max(0, Math.round((now - then) / seconds)).toLocaleString("en");
      say(
        `${label}  ${phase}: accepts ${rate(accepted, last.accepted)}/s, confirms ` +
          `${rate(confirmed, last.confirmed)}/s, waiting ${Math.max(0, accepted - confirmed).toLocaleString("en")}`,
      );
      last = { at, accepted, confirmed };
    },
  };
}

/** Bytes of write-ahead log written so far by the whole server. */
async function walBytes(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ n: string }>(
      "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as n",
    );
    return Number(rows[0]?.n ?? 0);
  });
}

async function checkpoint(url: string): Promise<void> {
  await withClient(url, (client) => client.query("checkpoint"));
}

/** Starts the target, runs the scenario, verifies, stops. Never throws: what goes wrong is the outcome's `failed`. */
export async function runOne(target: Target, scenario: Scenario, run: Run): Promise<Outcome> {
  const { server, options, earlier } = run;
  const label = `${scenario.name.padEnd(2)} ${target.name.padEnd(12)}`;
  const folder = join(run.folder, `${scenario.name}-${target.name}`);
  const outcome: Outcome = { scenario: scenario.name, target: target.name };
  const { phase, progress } = reporter(label);
  const reports: LoadReport[] = [];
  phase("start");
  let running: Awaited<ReturnType<Target["start"]>> | undefined;
  try {
    const counterparties = scenario.counterparties === true;
    running = await target.start({ serverUrl: server.url, folder, counterparties, log: say });
    const alive = new AbortController();
    void running.ended.then((why) => alive.abort(new Error(why)));
    await checkpoint(server.url);
    let walBefore = await walBytes(server.url);
    const result = await scenario.run({
      running,
      watch: { postmaster: server.pid, progress, signal: alive.signal },
      options,
      phase,
      reports,
      checkpoint: async () => {
        await checkpoint(server.url);
        walBefore = await walBytes(server.url);
      },
      earlier: (name) => earlier.find((o) => o.scenario === name && o.target === target.name)?.figures,
    });
    if ("skipped" in result && typeof result.skipped === "string")
      return { ...outcome, skipped: result.skipped };
    const figures = result as Figures;
    const accepted = reports.at(-1)?.accepted ?? 1;
    figures["WAL bytes/command"] = ((await walBytes(server.url)) - walBefore) / Math.max(1, accepted);
    figures["peak memory MiB"] = peakMemoryMiB(running.pids());
    phase("verify");
    const sum = (pick: (report: LoadReport) => number): number =>
      reports.reduce((n, report) => n + pick(report), 0);
    const followed = reports.flatMap((report) => report.followed);
    const verdict = await verify(
      running,
      sum((r) => r.accepted),
      sum((r) => r.unknown),
      followed,
    );
    outcome.verdict = verdict;
    const errors = sum((r) => r.errors);
    if (errors > 0)
      verdict.problems.push(`${errors} requests failed, first: ${reports.flatMap((r) => r.firstErrors)[0]}`);
    if (verdict.problems.length > 0) throw new Error(verdict.problems.join("; "));
    say(
      `${label}  ${scenario.main} ${(figures[scenario.main] ?? 0).toFixed(1)}; ${verdict.confirmed} commands verified`,
    );
    return { ...outcome, figures };
  } catch (cause) {
    const failed = cause instanceof Error ? cause.message : String(cause);
    say(`${label}  FAILED: ${failed}`);
    return { ...outcome, failed };
  } finally {
    await running?.stop().catch((cause: unknown) => say(`${label}  did not stop cleanly: ${String(cause)}`));
    await dropDatabases(server.url, benchmarkDatabases).catch((cause: unknown) =>
      say(`${label}  ${String(cause)}`),
    );
    rmSync(folder, { recursive: true, force: true });
  }
}
