/** What is measured. Each scenario gets a target on an empty database and leaves one row of figures. */
import { drained } from "./measure.ts";
import { closedLoop, type Figures, latency, load, type Stage, warmUp } from "./stage.ts";
import { story } from "./story.ts";

/** `run` returns the figures, or why the target cannot take part. */
export type Scenario = {
  name: string;
  title: string;
  /** Figure that the ratio ours/peer is about, and whether more is better. */
  main: string;
  moreIsBetter: boolean;
  /** Needs the systems outside, simulated. */
  counterparties?: true;
  run(stage: Stage): Promise<Figures | { skipped: string }>;
};

const idleRate = 200;

async function outage(stage: Stage): Promise<Figures | { skipped: string }> {
  const { running, options } = stage;
  if (running.pauseWorker === undefined || running.resumeWorker === undefined)
    return { skipped: "its worker cannot be stopped while it accepts" };
  await warmUp(stage, { rate: options.outageRate });
  stage.phase("outage");
  await running.pauseWorker();
  const before = await running.confirmedCount();
  const { report } = await load(stage, { rate: options.outageRate, seconds: options.outageSeconds }, false);
  const backlog = report.accepted - ((await running.confirmedCount()) - before);
  stage.phase("drain");
  const start = performance.now();
  const resumed = running.resumeWorker();
  const confirmed = async (): Promise<number> => {
    const count = (await running.confirmedCount()) - before;
    stage.watch.progress({ accepted: report.accepted, confirmed: count });
    return count;
  };
  await drained(confirmed, report.accepted, stage.watch.signal);
  const seconds = (performance.now() - start) / 1000;
  await resumed;
  return {
    "drained/s": backlog / seconds,
    "seconds to empty": seconds,
    backlog,
    "accept rate/s": options.outageRate,
    "accept p50": report.accept.p50,
    "accept p99": report.accept.p99,
    refused: report.refused,
  };
}

async function history(stage: Stage): Promise<Figures | { skipped: string }> {
  const { running, options } = stage;
  if (running.preload === undefined) return { skipped: running.preloadSkipped ?? "it cannot be preloaded" };
  stage.phase(`preload ${options.preload.toLocaleString("en")}`);
  await running.preload(options.preload);
  return closedLoop(stage, 0);
}

async function halfLoad(stage: Stage): Promise<Figures | { skipped: string }> {
  const highest = stage.earlier("A")?.["confirmed/s"];
  if (highest === undefined) return { skipped: "scenario A gave no rate" };
  return latency(stage, Math.max(1, Math.round(highest / 2)));
}

/** All scenarios, in the order in which they run. A2 needs A. */
export const scenarios: Scenario[] = [
  {
    name: "A",
    title: "Steady state: highest end-to-end throughput (256 connections, 1,000 accounts)",
    main: "confirmed/s",
    moreIsBetter: true,
    run: (stage) => closedLoop(stage, 0),
  },
  {
    name: "A2",
    title: "Latency at half of the target's own highest throughput",
    main: "end to end p99",
    moreIsBetter: false,
    run: halfLoad,
  },
  {
    name: "B",
    title: "Outage: the worker is away while commands are accepted, then drains them",
    main: "drained/s",
    moreIsBetter: true,
    run: outage,
  },
  {
    name: "C",
    title: "Throughput with history: as A, with finished commands already in the tables",
    main: "confirmed/s",
    moreIsBetter: true,
    run: history,
  },
  {
    name: "D",
    title: `Latency when nearly idle (${idleRate} commands/s)`,
    main: "end to end p50",
    moreIsBetter: false,
    run: (stage) => latency(stage, idleRate),
  },
  {
    name: "E",
    title: "One account gets 20 % of the load: highest end-to-end throughput",
    main: "confirmed/s",
    moreIsBetter: true,
    run: (stage) => closedLoop(stage, 0.2),
  },
  {
    name: "T",
    title:
      "The whole story of a process in one call, with finished top-ups in all tables it is read from (ms)",
    main: "one call p99",
    moreIsBetter: false,
    counterparties: true,
    run: story,
  },
];
