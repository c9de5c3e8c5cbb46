import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { evidenceOf, type FitnessMeasures, judge } from "@entente/core";
import { readsSaved } from "./entitlement-copy.ts";
import { fluxFitness } from "./fitness.ts";
import { flux } from "./flux.ts";

const root = new URL("../../../", import.meta.url);
const functions = fluxFitness(flux, { costBaseline: 1_000 });

const nothing: FitnessMeasures = {
  processes: new Map(),
  incidents: null,
  lost: null,
  busiest: null,
  completeTraces: null,
  busiestDays: null,
  calls: null,
  repairs: null,
  failedChanges: null,
  sharedStores: null,
  lagMs: null,
  said: new Map(),
};

const counted = { started: 1, confirmed: 1, failed: 0, inFlight: 0, p50Ms: 1, p90Ms: 1, p99Ms: 1 };

test("every fitness function names a decision record that exists, and evidence that is a path here or a page that exists", () => {
  for (const definition of functions) {
    const { name, decision } = definition;
    const evidence = evidenceOf(definition, nothing);
    assert.match(decision, /^docs\/decisions\/\d{4}-[a-z0-9-]+\.md$/, name);
    assert.ok(existsSync(new URL(decision, root)), `${name}: ${decision}`);
    if (!evidence.startsWith("/"))
      assert.ok(existsSync(new URL(evidence.replace(/#.*/, ""), root)), `${name}: ${evidence}`);
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
    fluxFitness(flux, { costBaseline: baseline }).find(({ name }) => name === "maintenance-cost");
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
  const processes = new Map([["top-up", { ...counted, doubled: 2 }]]);
  assert.equal(own?.read({ ...nothing, processes, lost: 1 }), 3);
  assert.equal(own?.read({ ...nothing, processes }), null);
});

test("a figure is measured or said by people, and nothing in between", () => {
  const everything: FitnessMeasures = {
    processes: new Map([["top-up", { ...counted, doubled: 0 }]]),
    incidents: { closed: 1, closedInTime: 1, meanToDetectMs: 1, meanToResolveMs: 1 },
    lost: 0,
    busiest: { perSecond: 1, from: 0 },
    completeTraces: 1,
    busiestDays: new Map([["salesforce api-calls", { share: 0.1, day: "2026-03-04" }]]),
    calls: new Map([["salesforce-entitlement-now answered-here copy", 100]]),
    repairs: 0,
    failedChanges: 0,
    sharedStores: 0,
    lagMs: 0,
    said: new Map(),
  };
  const silent = functions.filter((definition) => definition.read(everything) === null);
  assert.deepEqual(
    silent.map(({ name }) => name),
    functions.filter(({ saidForDays }) => saidForDays !== undefined).map(({ name }) => name),
  );
  const said = new Map(silent.map(({ name }) => [name, { value: 7, by: "ann", why: "asked", at: 0 }]));
  for (const definition of silent) assert.equal(definition.read({ ...nothing, said }), 7, definition.name);
});

test("reads saved are those of every question, less those passed on and those that keep the copy", () => {
  const now = "salesforce-entitlement-now";
  const calls = (here: number, passedOn: number, keeping: number) =>
    new Map([
      [`${now} answered-here copy`, here],
      [`${now} api-calls ask-entitlement`, passedOn],
      ["salesforce-entitlement-changes api-calls read-changed", keeping],
      ["salesforce-entitlement-changes api-calls read-everything", 2],
      ["salesforce-entitlement-changes delivered-events change-event", 1_000],
      ["salesforce-cases api-calls open-case", 500],
    ]);
  assert.equal(readsSaved(calls(190, 10, 8)), 0.9);
  // Keeping it costs more than asking would.
  assert.equal(readsSaved(calls(100, 0, 148)), -0.5);
  assert.equal(readsSaved(calls(90, 9, 0)), null);
});

test("the busiest ten minutes are shown by their own statistics", () => {
  const own = functions.find(({ name }) => name === "commands-per-second");
  assert.ok(own !== undefined);
  const busiest = { perSecond: 2_100, from: Date.UTC(2026, 2, 2, 9, 55) };
  assert.equal(
    evidenceOf(own, { ...nothing, busiest }),
    "/ops/process-statistics?resolution=minute&from=2026-03-02T09:55:00.000Z&until=2026-03-02T10:05:00.000Z",
  );
});
