import assert from "node:assert/strict";
import { test } from "node:test";
import { openCircuit } from "./circuit.ts";

const limits = { failures: 3, openMs: 1_000 };

function circuit(concurrency = 8, rate = 1_000) {
  const one = openCircuit(limits, 0);
  one.setShare(concurrency, rate);
  return one;
}

test("no more are under way than the share allows, and none without a share", () => {
  const one = circuit(4);
  assert.deepEqual(
    [0, 3, 4, 9].map((underWay) => one.room(0, underWay)),
    [4, 1, 0, 0],
  );
  one.setShare(0, 0);
  assert.equal(one.room(0, 0), 0);
});

test("the rate holds over time and lets a burst of one second pass", () => {
  const one = circuit(1_000, 10);
  assert.equal(one.room(0, 0), 10);
  one.started(10, 0);
  assert.equal(one.room(0, 0), 0);
  assert.equal(one.nextRoomAt(0), 100);
  assert.equal(one.room(99, 0), 0);
  assert.equal(one.room(100, 0), 1);
  assert.equal(one.room(60_000, 0), 10);
});

test("failures in a row open the circuit, one success between them does not let it come so far", () => {
  const one = circuit();
  one.failed(0);
  one.failed(0);
  one.succeeded(0);
  one.failed(0);
  one.failed(0);
  assert.equal(one.state(0), "closed");
  one.failed(0);
  assert.deepEqual([one.state(0), one.room(999, 0), one.nextRoomAt(0)], ["open", 0, 1_000]);
});

test("after the pause one request tries; a failure opens again, a success resumes by doubling", () => {
  const one = circuit();
  for (let n = 0; n < 3; n++) one.failed(0);
  assert.deepEqual([one.room(1_000, 0), one.room(1_000, 1), one.state(1_000)], [1, 0, "trying"]);
  one.failed(1_000);
  assert.equal(one.room(1_999, 0), 0);
  one.succeeded(2_000);
  assert.deepEqual([one.state(2_000), one.room(2_000, 0)], ["resuming", 1]);
  one.succeeded(2_000);
  assert.equal(one.room(2_000, 0), 2);
  one.succeeded(2_000);
  assert.equal(one.room(2_000, 0), 4);
  one.succeeded(2_000);
  assert.deepEqual([one.state(2_000), one.room(2_000, 0)], ["closed", 8]);
});

test("a pause they ask for is kept", () => {
  const one = circuit();
  one.pauseUntil(5_000);
  assert.deepEqual([one.room(4_999, 0), one.room(5_000, 0), one.state(10)], [0, 8, "paused"]);
});
