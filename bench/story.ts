/** Scenario T: whole stories of top-ups that went wrong on their way, or did not, among finished ones in every table they are read from. */
import { Histogram } from "./histogram.ts";
import { random } from "./requests.ts";
import { type Figures, load, type Stage } from "./stage.ts";
import type { HandedOver } from "./target.ts";

/** Half of it is of one account: its postings wait for each other at the ledger. */
const hotShare = 0.5;
/** Few at a time, so that a batch of their postings is small and copies of it are many. */
const toCopy = { rate: 10, seconds: 3, refusals: 3, lostAnswers: 1 };
const toRead = { rate: 200, seconds: 3, refusals: 12, lostAnswers: 3 };
const calls = 1_000;

/** A story that lacks a step of its hand-offs or the cause of a fault fails the run: a fast answer must be the whole one. */
export async function story(stage: Stage): Promise<Figures | { skipped: string }> {
  const { running, options, watch } = stage;
  const { stories } = running;
  if (stories === undefined) return { skipped: "it tells no story of a process" };
  const topUps = async ({ rate, seconds, refusals, lostAnswers }: typeof toRead): Promise<HandedOver[]> => {
    await stories.injectFaults(refusals, lostAnswers);
    const { report } = await load(stage, { rate, hotShare, seconds });
    return stories.settled(report.accepted, watch.signal);
  };
  stage.phase("top-ups to copy");
  await topUps(toCopy);
  stage.phase(`preload ${options.preload.toLocaleString("en")}`);
  const history = await stories.preload(options.preload);
  await stage.checkpoint();
  stage.phase("top-ups with faults");
  const handedOver = await topUps(toRead);
  stage.phase("read");
  const all = new Histogram();
  const faulty = new Histogram();
  const draw = random(options.seed);
  for (let n = 0; n < Math.max(calls, handedOver.length); n++) {
    // Each once at least, then any.
    const place = n < handedOver.length ? n : Math.floor(draw() * handedOver.length);
    const one = handedOver[place] as HandedOver;
    const from = performance.now();
    const text = await stories.read(one.processId);
    const took = performance.now() - from;
    all.add(took);
    if (isFaulty(one)) faulty.add(took);
    const missing = stories.missing(text, one);
    if (missing.length > 0) throw new Error(`the story of ${one.processId} lacks ${missing.join(", ")}`);
  }
  const { p50, p90, p99, max, count } = all.quantiles();
  const countOf = (which: (one: HandedOver) => boolean): number => handedOver.filter(which).length;
  return {
    "one call p99": p99,
    p50,
    p90,
    max,
    "p99 with a fault": faulty.quantiles().p99,
    "max with a fault": faulty.quantiles().max,
    calls: count,
    "top-ups": handedOver.length,
    refused: countOf(({ refusedWith }) => refusedWith !== null),
    "unknown for a while": countOf(({ wasUnknown }) => wasUnknown),
    ...history,
  };
}

function isFaulty({ refusedWith, wasUnknown }: HandedOver): boolean {
  return refusedWith !== null || wasUnknown;
}
