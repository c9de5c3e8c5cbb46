import assert from "node:assert/strict";
import { test } from "node:test";
import { openSimulatorClock } from "./simulator-clock.ts";

/** A clock over a machine whose time stands still, so that only `set` moves it. */
function clockAt(wall: number) {
  return openSimulatorClock(() => wall);
}

test("runs with the machine's time from wherever it was set", async () => {
  let wall = 1_000;
  const clock = openSimulatorClock(() => wall);
  await clock.set(50_000);
  wall += 250;
  assert.equal(clock.now(), 50_250);
});

test("what falls due on the way happens in order, each at its time", async () => {
  const clock = clockAt(0);
  const happened: [string, number][] = [];
  clock.at(300, () => void happened.push(["b", clock.now()]));
  clock.at(100, () => void happened.push(["a", clock.now()]));
  clock.at(300, () => void happened.push(["c", clock.now()]));
  clock.at(301, () => void happened.push(["d", clock.now()]));
  await clock.set(300);
  assert.deepEqual(happened, [
    ["a", 100],
    ["b", 300],
    ["c", 300],
  ]);
});

test("what is scheduled on the way happens too, if its time comes", async () => {
  const clock = clockAt(0);
  const happened: number[] = [];
  const again = async (): Promise<void> => {
    happened.push(clock.now());
    await Promise.resolve();
    clock.at(clock.now() + 100, again);
  };
  clock.at(100, again);
  await clock.set(350);
  assert.deepEqual(happened, [100, 200, 300]);
  clock.reset();
});

test("what was taken back does not happen", async () => {
  const clock = clockAt(0);
  const takeBack = clock.at(100, () => assert.fail("happened"));
  takeBack();
  await clock.set(200);
  assert.equal(clock.now(), 200);
});

test("set backwards, nothing happens twice", async () => {
  const clock = clockAt(0);
  let times = 0;
  clock.at(100, () => {
    times += 1;
  });
  await clock.set(200);
  await clock.set(0);
  await clock.set(200);
  assert.equal(times, 1);
});

test("what is due by the machine's time happens by itself", async () => {
  const clock = openSimulatorClock();
  await clock.wait(5);
});

test("a reset forgets what was scheduled", async () => {
  const clock = clockAt(7);
  clock.at(100, () => assert.fail("happened"));
  clock.reset();
  await clock.set(200);
  assert.equal(clock.now(), 200);
});
