/** What scenarios are made of: loads on a running target and the figures they give. */
import type { LoadReport, LoadSpec } from "./load-spec.ts";
import { type Measured, measure, type Watch } from "./measure.ts";
import type { Running } from "./target.ts";

/** Figures of one target in one scenario: rates per second, times in ms unless the name says otherwise. */
export type Figures = Record<string, number>;

/** What a scenario works with. */
export type Stage = {
  running: Running;
  watch: Watch;
  options: Options;
  /** Figures this target already has from other scenarios of this run. */
  earlier(scenario: string): Figures | undefined;
  /** Tells which part begins. */
  phase(name: string): void;
  /** Equalises what came before: writes PostgreSQL's dirty pages out. */
  checkpoint(): Promise<void>;
  /** Collects every load, so that the whole run can be verified. */
  reports: LoadReport[];
};

/** What the command line can change. */
export type Options = {
  rounds: number;
  seconds: number;
  outageSeconds: number;
  outageRate: number;
  preload: number;
  seed: number;
};

const warmUpSeconds = 3;
const connections = 256;
/** Accepting runs ahead of deciding by at most this many commands; then the load waits: accepting must not starve deciding. */
const maxBacklog = 5_000;
/** Samples per second at a rate: few, because following one takes some twenty questions, and these are to be a tenth of the load at most. */
const samplesAt = (rate: number): number => Math.min(20, Math.max(4, rate / 200));

/** Runs one load with the usual settings, changed by `part`. */
export async function load(stage: Stage, part: Partial<LoadSpec>, drain = true): Promise<Measured> {
  const { running, options, reports } = stage;
  const spec: LoadSpec = {
    url: running.url,
    wire: running.wire,
    authorization: running.authorization,
    accounts: 1000,
    connections,
    seconds: options.seconds,
    hotShare: 0,
    samples: 0,
    maxBacklog: 0,
    seed: options.seed + reports.length,
    ...part,
  };
  const measured = await measure(running, spec, stage.watch, drain);
  reports.push(measured.report);
  return measured;
}

/** Three seconds of load, then a checkpoint: every measurement starts alike. */
export async function warmUp(stage: Stage, part: Partial<LoadSpec>): Promise<void> {
  stage.phase("warm-up");
  await load(stage, { maxBacklog, ...part, seconds: warmUpSeconds });
  await stage.checkpoint();
  stage.phase("measure");
}

function costs({ report, cpuTarget, cpuPostgres, cpuLoad }: Measured): Figures {
  const per1000 = (seconds: number): number => (seconds * 1000) / Math.max(1, report.accepted);
  return {
    accepted: report.accepted,
    refused: report.refused,
    "target CPU s/1000": per1000(cpuTarget),
    "PostgreSQL CPU s/1000": per1000(cpuPostgres),
    "load CPU s/1000": per1000(cpuLoad),
  };
}

/** Highest throughput: 256 connections that never wait longer than for their answer. */
export async function closedLoop(stage: Stage, hotShare: number): Promise<Figures> {
  await warmUp(stage, { hotShare });
  const measured = await load(stage, { maxBacklog, hotShare });
  return {
    "confirmed/s": measured.confirmedPerSecond,
    "accepted/s": measured.acceptPerSecond,
    "accept p50": measured.report.accept.p50,
    "accept p99": measured.report.accept.p99,
    "drain s": measured.drainSeconds,
    ...costs(measured),
    ...(measured.auditLagSeconds === undefined ? {} : { "log behind s": measured.auditLagSeconds }),
  };
}

/** Latency at a fixed rate. */
export async function latency(stage: Stage, rate: number): Promise<Figures> {
  await warmUp(stage, { rate });
  const measured = await load(stage, { rate, samples: samplesAt(rate) });
  const { accept, endToEnd, samplesSkipped, questions } = measured.report;
  return {
    "rate/s": rate,
    "end to end p50": endToEnd.p50,
    "end to end p90": endToEnd.p90,
    "end to end p99": endToEnd.p99,
    "accept p50": accept.p50,
    "accept p90": accept.p90,
    "accept p99": accept.p99,
    samples: endToEnd.count,
    "samples lost": samplesSkipped,
    "questions/s": questions / stage.options.seconds,
    ...costs(measured),
  };
}
