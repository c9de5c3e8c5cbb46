import assert from "node:assert/strict";
import { test } from "node:test";
import { openTurns } from "./turns.ts";

test("what has one name is done one after the other, in the order asked; another name waits for nobody", async () => {
  const inTurn = openTurns();
  const done: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = inTurn("a", async () => {
    await gate.promise;
    done.push("first");
  });
  const second = inTurn("a", async () => void done.push("second"));
  await inTurn("b", async () => void done.push("other"));
  assert.deepEqual(done, ["other"]);
  gate.resolve();
  await Promise.all([first, second]);
  assert.deepEqual(done, ["other", "first", "second"]);
});

test("a failure is told to its own caller and holds nobody up", async () => {
  const inTurn = openTurns();
  const failing = inTurn("a", async () => {
    throw new Error("no");
  });
  const next = inTurn("a", async () => "yes");
  await assert.rejects(failing, /no/);
  assert.equal(await next, "yes");
});
