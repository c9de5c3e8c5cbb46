import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { processId } from "./account.fixture.ts";
import { rememberUndo, type UndoneDebits, undosRemembered } from "./undone-debits.ts";

function remembering(count: number): UndoneDebits {
  let undone: UndoneDebits = [];
  for (let n = 1; n <= count; n++) undone = rememberUndo(undone, processId(n));
  return undone;
}

describe("undone debits", () => {
  test("keep as many undos as remembered, in their order", () => {
    const undone = remembering(undosRemembered);
    assert.deepEqual(
      [undone.length, undone[0], undone.at(-1)],
      [undosRemembered, processId(1), processId(undosRemembered)],
    );
  });

  test("push out the oldest for one more", () => {
    const undone = remembering(undosRemembered + 1);
    assert.deepEqual(
      [undone.length, undone[0], undone.at(-1)],
      [undosRemembered, processId(2), processId(undosRemembered + 1)],
    );
  });
});
