import type { HandOffTreaty } from "@entente/core";
import { batchTests } from "./batch-tests.ts";
import { counterpartyBehaviours } from "./counterparty-behaviours.ts";
import { integrationTests } from "./integration-tests.ts";
import { registerSuite } from "./register-suite.ts";
import { type ConformanceTest, openScene } from "./scene.ts";
import type { TreatyCounterparty } from "./treaty-counterparty.ts";
import { type ConformanceOptions, openTreatyStage, type TreatyStage } from "./treaty-stage.ts";

/** The suite of a hand-off treaty: see `conformance`. */
export function handOffConformance(
  treaty: HandOffTreaty,
  counterparty: TreatyCounterparty,
  options: ConformanceOptions,
): void {
  // Replays read what all others wrote, so they come last.
  const isReplay = ({ name }: ConformanceTest) => name.startsWith("replay");
  const [replays = [], others = []] = [true, false].map((wanted) =>
    integrationTests.filter((one) => isReplay(one) === wanted),
  );
  const ownTests = treaty.batch === undefined ? [] : batchTests;
  const tests = [...others, ...counterpartyBehaviours, ...ownTests, ...replays].map((one) => ({
    name: one.name,
    skip: reasonToSkip(one, treaty, counterparty),
    run: (stage: TreatyStage) => run(one, stage, counterparty, options),
  }));
  registerSuite(treaty, tests, () => openTreatyStage(treaty, counterparty, options));
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
