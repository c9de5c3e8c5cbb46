import { after, before, describe, test } from "node:test";
import type { HandOffTreaty } from "@entente/core";
import { batchTests } from "./batch-tests.ts";
import { counterpartyBehaviours } from "./counterparty-behaviours.ts";
import { integrationTests } from "./integration-tests.ts";
import { type ConformanceTest, openScene } from "./scene.ts";
import type { TreatyCounterparty } from "./treaty-counterparty.ts";
import { type ConformanceOptions, openTreatyStage, type TreatyStage } from "./treaty-stage.ts";

/**
 * Registers the conformance suite of a hand-off treaty with `node:test`: eleven tests of the integration and nine behaviours of its
 * counterparty, over the real wire and on a real database (see testServer). Call it at the top of a test file.
 * Guarantees: every test asserts on the end of its hand-offs and on what really happened over there: nothing completed without its effect,
 * nothing failed with it, nothing twice. A test that cannot apply is reported as skipped, with the reason.
 * Bounds: one at a time per counterparty, which must be nobody else's meanwhile. Business time is moved, real time is waited for
 * only where an answer must fail to come (`answerWithinMs`). The owner of the treaty is the first of `factsFrom`.
 * With `batch`, every act of these tests is a batch of rows, and tests of its own stand beside them.
 * Not covered: the circuit, `tells`, `undoes`, `withdraws`, `totals` and the sending window.
 * Source: requirements OMS-117 to OMS-136; docs/reference/treaty-conformance.md.
 */
export function conformance(
  treaty: HandOffTreaty,
  counterparty: TreatyCounterparty,
  options: ConformanceOptions,
): void {
  describe(`${treaty.name} ${treaty.version} conforms`, () => {
    let opened: TreatyStage | null = null;
    let allPassed = true;
    before(async () => {
      opened = await openTreatyStage(treaty, counterparty, options);
    });
    after(async () => opened?.close(allPassed));
    // Replays read what all others wrote, so they come last.
    const isReplay = ({ name }: ConformanceTest) => name.startsWith("replay");
    const [replays = [], others = []] = [true, false].map((wanted) =>
      integrationTests.filter((one) => isReplay(one) === wanted),
    );
    const ownTests = treaty.batch === undefined ? [] : batchTests;
    for (const one of [...others, ...counterpartyBehaviours, ...ownTests, ...replays]) {
      const skip = reasonToSkip(one, treaty, counterparty) ?? false;
      test(one.name, { skip }, async () => {
        if (opened === null) throw new Error("the stage was not opened");
        const soFar = allPassed;
        allPassed = false;
        await run(one, opened, counterparty, options);
        allPassed = soFar;
      });
    }
  });
}

/** Throws what the test throws; the next one finds the counterparty as it should be, whatever this one left. */
async function run(
  one: ConformanceTest,
  stage: TreatyStage,
  counterparty: TreatyCounterparty,
  options: ConformanceOptions,
): Promise<void> {
  const scene = await openScene(stage, counterparty, options);
  try {
    await one.run(scene);
    await scene.compareWithTruth();
  } finally {
    await counterparty.behaveWell();
    if (stage.door !== null) stage.door.keepsBack = false;
    const state = (await stage.system.treaties.states(stage.owner)).find(
      (own) => own.treaty === stage.treaty.name,
    );
    if (state?.stopped === true) {
      const act = { tenantId: "conformance-a", by: "conformance", why: "the next test begins" };
      await stage.system.treaties.setStopped(stage.treaty.name, false, act);
    }
  }
}

function reasonToSkip(
  { needs = [] }: ConformanceTest,
  treaty: HandOffTreaty,
  counterparty: TreatyCounterparty,
): string | null {
  if (needs.includes("callbacks")) {
    if (treaty.callback === undefined) return "the treaty has no callbacks";
    if (counterparty.sendCallbacksTo === undefined) return "the counterparty of the tests sends no callbacks";
  }
  if (needs.includes("clock") && counterparty.advance === undefined)
    return "the counterparty's clock cannot be moved";
  if (needs.includes("rejections") && counterparty.rejections.length === 0)
    return "the counterparty refuses nothing";
  if (
    needs.includes("row rejections") &&
    (counterparty.rejectsRows !== true || counterparty.rejections.length === 0)
  )
    return "the counterparty does not refuse single rows";
  if (needs.includes("broken batches") && counterparty.breakAfterRows === undefined)
    return "the counterparty cannot be told to break off within a batch";
  return null;
}
