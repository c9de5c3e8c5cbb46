import assert from "node:assert/strict";
import { test } from "node:test";
import { type FitnessAnswers, scorecardLines } from "./scorecard.ts";

const figure = { better: "lower", trend: "unknown", weeks: [] } as const;
const answers: FitnessAnswers = {
  from: "2026-03-01T00:00:00.000Z",
  until: "2026-03-08T00:00:00.000Z",
  functions: [
    {
      ...figure,
      name: "top-up-p90",
      says: "Fast.",
      unit: "ms",
      target: 5_000,
      value: 17_000,
      state: "over-limit",
      trend: "worse",
    },
    {
      ...figure,
      name: "in-time",
      says: "Soon.",
      unit: "share",
      better: "higher",
      target: 0.95,
      value: 1,
      state: "within-target",
    },
    { ...figure, name: "cost", says: "Dear.", unit: "points", target: null, value: 96, state: "no-target" },
    { ...figure, name: "reads", says: "Few.", unit: "share", target: 0.8, value: null, state: "no-data" },
  ],
  incidents: [],
  reviews: [],
};

test("the scorecard is a table that can be read from left to right, and no data is said to be that", () => {
  assert.deepEqual(scorecardLines(answers), [
    "How the system fares, 2026-03-01 to 2026-03-08: 1 of 4 figures are good.",
    "",
    "Figure      Now    Target         State       Trend  What it says",
    "top-up-p90  17 s   up to 5 s      OVER LIMIT  worse  Fast.",
    "in-time     100 %  at least 95 %  good        -      Soon.",
    "cost        96     -              no target   -      Dear.",
    "reads       -      up to 80 %     no data     -      Few.",
    "",
    "Trend: against the last week written down. A figure without data is never good.",
    "",
    "No open incidents.",
    "No decisions to look at again.",
  ]);
});

test("an open incident is told with its processes and what to do, a review item with its decision", () => {
  const incident = {
    incidentId: "i",
    says: "2 of type top-up are not finished although 15 s were promised.",
    since: "2026-03-07T10:00:00.000Z",
    processIds: ["p-1", "p-2", "p-3", "p-4"],
    runbook: "docs/operations/incidents.md#processes-late",
  };
  const review = {
    reviewId: "r",
    figure: "top-up-p90",
    value: 17_000,
    limit: 15_000,
    decision: "docs/decisions/0015-three-stages-of-flux.md",
  };
  assert.deepEqual(scorecardLines({ ...answers, incidents: [incident], reviews: [review] }).slice(10), [
    "Open incidents: 1",
    "  2 of type top-up are not finished although 15 s were promised.",
    "    since 2026-03-07T10:00:00.000Z; processes p-1, p-2, p-3, ...",
    "    what to do: docs/operations/incidents.md#processes-late",
    "Decisions to look at again: 1",
    "  docs/decisions/0015-three-stages-of-flux.md",
    "    top-up-p90 was 17 s, limit 15 s; review item r",
  ]);
});
