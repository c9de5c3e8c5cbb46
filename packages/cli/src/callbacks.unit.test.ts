import assert from "node:assert/strict";
import { test } from "node:test";
import { callbackLines, refusedLines } from "./callbacks.ts";

const about = { treaty: "billing", receivedAt: "2026-03-07T10:00:00.000Z" };

test("each message is a line with what became of it and how often it came again, and the last line says how to go on", () => {
  const applied = {
    ...about,
    entryId: "e-2",
    messageId: "m-2",
    state: "applied",
    code: null,
    reference: "k-2",
    repeats: 3,
    reused: 1,
    handOffId: "h-2",
    processId: "p-2",
  };
  const refused = {
    ...applied,
    entryId: "e-1",
    messageId: "m-1",
    state: "refused",
    code: "tenant-mismatch",
    reference: "k-1",
    repeats: 0,
    reused: 0,
    handOffId: null,
    processId: null,
  };
  assert.deepEqual(callbackLines({ callbacks: [applied, refused] }, 2), [
    "Received                  Treaty   State                      Again                    Message  Hand-off  Process  Speaks of",
    "2026-03-07T10:00:00.000Z  billing  applied                    3, 1 with other content  m-2      h-2       p-2      k-2",
    "2026-03-07T10:00:00.000Z  billing  refused (tenant-mismatch)  -                        m-1      -         -        k-1",
    "",
    "Older ones: --before e-1",
  ]);
  assert.equal(callbackLines({ callbacks: [applied, refused] }, 3).length, 3, "that was all");
  assert.deepEqual(callbackLines({ callbacks: [] }, 2), ["Nothing."]);
});

test("what was refused is a line for each treaty, reason and day", () => {
  const one = { treaty: "billing", code: "callback-signature-wrong", day: "2026-03-07", total: 2 };
  assert.deepEqual(refusedLines({ refused: [{ ...one, lastAt: about.receivedAt }] }, 1), [
    "Day         Treaty   Why                       How many  Last",
    "2026-03-07  billing  callback-signature-wrong  2         2026-03-07T10:00:00.000Z",
    "",
    "Older ones: --before 2026-03-07",
  ]);
  assert.equal(
    refusedLines({ refused: [{ ...one, lastAt: about.receivedAt }] }, 2).length,
    2,
    "that was all",
  );
  assert.deepEqual(refusedLines({ refused: [] }, 1), ["Nothing."]);
});
