import assert from "node:assert/strict";
import { test } from "node:test";
import { type BatchWindow, isInside, nextOpening } from "./batch-window.ts";

const at = (time: string) => Date.parse(`2026-11-24T${time}Z`);
const night: BatchWindow = { mode: "queue", from: "22:00", to: "04:00" };
const day: BatchWindow = { mode: "queue", from: "08:00", to: "18:00" };

for (const [window, time, inside] of [
  [night, "21:59:59.999", false],
  [night, "22:00:00.000", true],
  [night, "23:59:59.999", true],
  [night, "00:00:00.000", true],
  [night, "03:59:59.999", true],
  [night, "04:00:00.000", false],
  [day, "07:59:59.999", false],
  [day, "08:00:00.000", true],
  [day, "17:59:59.999", true],
  [day, "18:00:00.000", false],
  [null, "12:00:00.000", true],
] as const) {
  test(`${window === null ? "always" : `${window.from} to ${window.to}`} is ${inside ? "open" : "closed"} at ${time}`, () => {
    assert.equal(isInside(window, at(time)), inside);
  });
}

for (const [window, now, opening] of [
  [night, "21:59:59.999", "2026-11-24T22:00:00Z"],
  [night, "04:00:00.000", "2026-11-24T22:00:00Z"],
  [night, "01:00:00.000", "2026-11-24T01:00:00Z"],
  [day, "18:00:00.000", "2026-11-25T08:00:00Z"],
  [day, "00:00:00.000", "2026-11-24T08:00:00Z"],
] as const) {
  test(`at ${now} the window from ${window.from} opens at ${opening}`, () => {
    assert.equal(nextOpening(window, at(now)), Date.parse(opening));
  });
}
