import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { type FitnessMeasures, judge } from "@entente/core";
import { fluxFitness } from "./fitness.ts";
import { flux } from "./flux.ts";

const root = new URL("../../../", import.meta.url);
const functions = fluxFitness(flux, 1_000);

const nothing: FitnessMeasures = {
  processes: new Map(),
  incidents: null,
  lost: null,
  busiestPerSecond: null,
  completeTraces: null,
  budgetShares: null,
  repairs: null,
  failedChanges: null,
  sharedStores: null,
  lagMs: null,
};

test("every fitness function names a decision record that exists, and evidence that is a path here or a page that exists", () => {
  for (const { name, decision, evidence } of functions) {
    assert.match(decision, /^docs\/decisions\/\d{4}-[a-z0-9-]+\.md$/, name);
    assert.ok(existsSync(new URL(decision, root)), `${name}: ${decision}`);
    if (!evidence.startsWith("/")) assert.ok(existsSync(new URL(evidence, root)), `${name}: ${evidence}`);
  }
  assert.equal(new Set(functions.map(({ name }) => name)).size, functions.length);
});

test("where nothing is known no function has a value, and none is within its target", () => {
  for (const definition of functions)
    assert.equal(judge(definition, definition.read(nothing)), "no-data", definition.name);
});

test("a target is at least as strict as its limit", () => {
  for (const { name, better, target, limit } of functions) {
    if (target === null || limit === null) continue;
    assert.ok(better === "lower" ? target <= limit : target >= limit, name);
  }
});

test("the cost index is its formula, and has no target without a baseline", () => {
  const find = (baseline: number | null) =>
    fluxFitness(flux, baseline).find(({ name }) => name === "maintenance-cost");
  const value = (repairs: number, failedChanges: number) =>
    find(null)?.read({ ...nothing, repairs, failedChanges }) ?? Number.NaN;
  const fixed = value(0, 0);
  assert.equal(value(3, 0) - fixed, 6);
  assert.equal(value(0, 2) - fixed, 20);
  const without = find(null);
  assert.equal(without === undefined ? "" : judge(without, fixed), "no-target");
  assert.equal(find(1_000)?.target, 100);
});

test("lost and doubled add up, and what nobody can tell is not zero", () => {
  const own = functions.find(({ name }) => name === "lost-or-doubled");
  const counts = { started: 1, confirmed: 1, failed: 0, inFlight: 0, p50Ms: 1, p90Ms: 1, p99Ms: 1 };
  const processes = new Map([["top-up", { ...counts, doubled: 2 }]]);
  assert.equal(own?.read({ ...nothing, processes, lost: 1 }), 3);
  assert.equal(own?.read({ ...nothing, processes }), null);
});
