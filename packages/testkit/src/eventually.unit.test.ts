import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "./eventually.ts";

test("work is done again until it does not throw, and its result is given", async () => {
  let tries = 0;
  const found = await eventually(async () => {
    tries++;
    assert.ok(tries === 3);
    return "here";
  });
  assert.deepEqual([found, tries], ["here", 3]);
});

test("once the time is over the work's own last error is thrown", async () => {
  let tries = 0;
  await assert.rejects(
    eventually(async () => {
      tries++;
      throw new Error(`try ${tries}`);
    }, 0),
    (error: Error) => error.message === `try ${tries}`,
  );
});
