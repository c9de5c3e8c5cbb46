import type { FollowingTreaty } from "@entente/core";
import { feedTests } from "./feed-tests.ts";
import { followedBehaviours } from "./followed-behaviours.ts";
import { followedIntegrationTests } from "./followed-integration-tests.ts";
import {
  type FollowedRun,
  type FollowedScene,
  type FollowingOptions,
  openFollowedRun,
  openFollowedScene,
} from "./followed-scene.ts";
import type { RecordsCounterparty } from "./records-counterparty.ts";
import { openRecordsStage, type RecordsStage } from "./records-stage.ts";
import { registerSuite } from "./register-suite.ts";

export type { FollowingOptions } from "./followed-scene.ts";

/** What the counterparty must be able to do for a test to apply. */
export type FollowedNeed = "news" | "spoil" | "places" | "clock";

export interface FollowedTest {
  /** Its name in the report: a statement that holds when it passes. */
  readonly name: string;
  readonly needs?: readonly FollowedNeed[];
  /** Why it applies to no feed. */
  readonly never?: string;
  run(scene: FollowedScene): Promise<void>;
}

interface Followed {
  readonly stage: RecordsStage;
  readonly run: FollowedRun;
  close(passed: boolean): Promise<void>;
}

/** The suite of a treaty that follows: see `conformance`. */
export function followingConformance(
  given: FollowingTreaty,
  counterparty: RecordsCounterparty,
  options: FollowingOptions,
): void {
  const treaty = atTestSpeed(given, options);
  const isReplay = ({ name }: FollowedTest) => name.startsWith("replay");
  const all = [...followedIntegrationTests, ...followedBehaviours, ...feedTests];
  // The replay reads what all others left, so it comes last.
  const ordered = [...all.filter((one) => !isReplay(one)), ...all.filter(isReplay)];
  const tests = ordered.map((one) => ({
    name: one.name,
    skip: reasonToSkip(one, counterparty),
    run: async ({ stage, run }: Followed) =>
      runTest(one, await openFollowedScene(stage, treaty, options, run)),
  }));
  registerSuite(given, tests, () => openFollowed(treaty, counterparty, options));
}

/** Starts with the first reading: what others had over there before is told, and not compared. */
async function openFollowed(
  treaty: FollowingTreaty,
  counterparty: RecordsCounterparty,
  options: FollowingOptions,
): Promise<Followed> {
  const stage = await openRecordsStage(treaty, counterparty, options);
  const isRead = async () => (await stage.system.treaties.feeds(stage.owner))[0]?.readAllAt != null;
  try {
    await stage.until("the first reading of everything", isRead);
  } catch (error) {
    await stage.close(false);
    throw error;
  }
  return { stage, run: await openFollowedRun(stage), close: (passed) => stage.close(passed) };
}

/** Throws what the test throws; the next one finds the counterparty and the treaty as they should be, whatever this one left. */
async function runTest(one: FollowedTest, scene: FollowedScene): Promise<void> {
  const { stage, treaty, counterparty } = scene;
  try {
    await one.run(scene);
    await scene.compareWithTruth();
  } finally {
    await counterparty.behaveWell();
    if ((await stage.stoppedBy()) !== undefined) await stage.setStopped(treaty.tenantId, false);
  }
}

function reasonToSkip({ needs = [], never }: FollowedTest, counterparty: RecordsCounterparty): string | null {
  if (never !== undefined) return never;
  if (needs.includes("news") && counterparty.tellSo === undefined)
    return "the counterparty cannot be told what becomes of its news";
  if (needs.includes("spoil") && counterparty.spoil === undefined)
    return "the counterparty's own rules keep its records as agreed";
  if (needs.includes("places") && counterparty.forgetPlaces === undefined)
    return "the counterparty keeps every place of its feed";
  if (needs.includes("clock") && counterparty.advance === undefined)
    return "the counterparty's clock cannot be moved";
  return null;
}

/** Only real time is cut short; business time stays as declared. */
function atTestSpeed(given: FollowingTreaty, options: FollowingOptions): FollowingTreaty {
  const { times } = given;
  return {
    ...given,
    times: {
      ...times,
      answerWithinMs: Math.min(times.answerWithinMs, options.answerWithinMs ?? 1_000),
      retryFirstMs: Math.min(times.retryFirstMs, 40),
      retryLongestMs: Math.min(times.retryLongestMs, 160),
    },
  };
}
