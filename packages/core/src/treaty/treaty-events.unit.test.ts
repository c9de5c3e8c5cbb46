import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../model/failure.ts";
import type { HandOff } from "../model/hand-off-record.ts";
import { troubleOf } from "./treaty-events.ts";

/** What a line of trouble asks of a hand-off. */
function handOffOf(processId: string): HandOff {
  return {
    processId,
    correlationId: processId,
    tenantId: "acme",
    aggregateId: "a-1",
    handOffId: "h-1",
    target: "sap",
    idempotencyKey: "k-1",
    externalReference: null,
    lastErrorClass: null,
  } as unknown as HandOff;
}

test("trouble with hand-offs names the processes of those it tells, each once", () => {
  const line = troubleOf("sap", new TypeError("acct-0001"), ["p-1", "p-2", "p-1"].map(handOffOf));
  assert.deepEqual([line.count, line.processIds], [3, ["p-1", "p-2"]]);
  assert.deepEqual([line.trouble, line.text], ["threw", "TypeError"]);
  const many = troubleOf(
    "sap",
    new TypeError(),
    Array.from({ length: 25 }, (_, n) => handOffOf(`p-${n}`)),
  );
  assert.deepEqual([many.count, many.handOffs.length, many.processIds.length], [25, 20, 20]);
});

test("trouble with a target as a whole names no process", () => {
  const line = troubleOf("sap", new Failure("unavailable", "lane-lost", "gone"));
  assert.deepEqual([line.trouble, line.processIds, line.handOffs], ["lane-lost", [], []]);
});
