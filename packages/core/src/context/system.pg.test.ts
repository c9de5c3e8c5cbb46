import assert from "node:assert/strict";
import { test } from "node:test";
import { bank, submission } from "../testing/bank.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";

const bed = await openTestBed();

test("two systems in one process work side by side and see nothing of each other", async () => {
  const [one, other] = await Promise.all([bed.start(bank(bed.newName())), bed.start(bank(bed.newName()))]);
  const here = await one.system.accept(submission("deposit", "a-1", { amount: 5 }));
  const there = await other.system.accept(submission("deposit", "a-1", { amount: 7 }));
  for (const [{ system, happenings }, { processId }, balance] of [
    [one, here, 5],
    [other, there, 7],
  ] as const) {
    await happenings.until("confirmed", async () => {
      return (await system.processes.read("acme", processId))?.state === "confirmed";
    });
    assert.deepEqual((await system.processes.read("acme", processId))?.outcome, { amount: balance, balance });
  }
  assert.equal(await one.system.processes.read("acme", there.processId), null);
});
