import assert from "node:assert/strict";
import { test } from "node:test";
import { joinRounds } from "./rounds.ts";
import type { Outcome } from "./runner.ts";
import type { Scenario } from "./scenarios.ts";

const scenario = { name: "A", main: "rate", moreIsBetter: true } as Scenario;
const run = (target: string, rate: number): Outcome => ({ scenario: "A", target, figures: { rate } });

test("the middle run stands for a target, and ratios are taken within each round", () => {
  const rounds = [
    [run("ours", 60), run("peer", 100)],
    [run("ours", 20), run("peer", 50)],
    [run("ours", 90), run("peer", 120)],
  ];
  const [ours, peer] = joinRounds(scenario, rounds, "ours");
  assert.deepEqual(ours?.figures, { rate: 60, lowest: 20, highest: 90 });
  assert.deepEqual(peer?.figures, { rate: 100, lowest: 50, highest: 120 });
  assert.equal(ours?.ratio, undefined);
  assert.equal(peer?.ratio, 0.6);
});

test("a run that failed is not hidden by those that did not", () => {
  const failed: Outcome = { scenario: "A", target: "peer", failed: "lost one" };
  assert.deepEqual(joinRounds(scenario, [[run("peer", 1)], [failed], [run("peer", 2)]], "ours"), [failed]);
});

test("one round is left as it is", () => {
  assert.deepEqual(joinRounds(scenario, [[run("ours", 1), run("peer", 2)]], "ours"), [
    run("ours", 1),
    run("peer", 2),
  ]);
});
