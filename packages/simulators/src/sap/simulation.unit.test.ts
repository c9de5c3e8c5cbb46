import assert from "node:assert/strict";
import { test } from "node:test";
import { openSimulatorClock } from "../control/simulator-clock.ts";
import { closedForMs, processLater, type Simulation } from "./simulation.ts";

const evening = Date.parse("2026-11-24T21:00:00Z");
const hourMs = 3_600_000;

/** A machine on which time passes with every look at its clock, until it stands still. */
function slowSimulation() {
  let wall = evening;
  let step = 1;
  const clock = openSimulatorClock(() => {
    wall += step;
    return wall;
  });
  const settings = { processingMs: 60_000, batchWindow: { mode: "queue", from: "22:00", to: "04:00" } };
  const simulation = { control: { clock }, world: () => ({ settings }), now: clock.now };
  const standStill = () => {
    step = 0;
  };
  return { clock, standStill, simulation: simulation as unknown as Simulation };
}

test("what waits for the batch window is done as it opens, however long the looks at the clock take", async () => {
  const { clock, standStill, simulation } = slowSimulation();
  const doneAt: number[] = [];
  processLater(simulation, () => void doneAt.push(clock.now()));
  standStill();
  await clock.set(evening + hourMs + 1_000);
  assert.equal(doneAt.length, 1);
  assert.ok((doneAt[0] ?? 0) < evening + hourMs + 500);
});

test("time set past the whole window waits for the next one", async () => {
  const { clock, simulation } = slowSimulation();
  let done = 0;
  processLater(simulation, () => void done++);
  // Falls due on the way, while the window is open.
  await clock.set(evening + 12 * hourMs);
  assert.equal(done, 1);
  processLater(simulation, () => void done++);
  await clock.set(evening + 24 * hourMs);
  assert.equal(done, 1);
  await clock.set(evening + 25 * hourMs + 1_000);
  assert.equal(done, 2);
  assert.equal(closedForMs(simulation), 0);
});
