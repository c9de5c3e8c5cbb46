import assert from "node:assert/strict";
import { test } from "node:test";
import { type FitnessAnswers, scorecardLines } from "./scorecard.ts";

const figure = { better: "lower", trend: "unknown", weeks: [], saidForDays: null, said: null } as const;
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
    { ...figure, name: "mean", says: "Over.", unit: "ms", target: 1_800_000, value: null, state: "no-data" },
  ],
  incidents: [],
  reviews: [],
};

test("the scorecard is a table that can be read from left to right, and no data is said to be that", () => {
  assert.deepEqual(scorecardLines(answers), [
    "How the system fares, 2026-03-01 to 2026-03-08: 1 of 5 figures are good.",
    "",
    "Figure      Now    Target         State       Trend  What it says",
    "top-up-p90  17 s   up to 5 s      OVER LIMIT  worse  Fast.",
    "in-time     100 %  at least 95 %  good        -      Soon.",
    "cost        96     -              no target   -      Dear.",
    "reads       -      up to 80 %     no data     -      Few.",
    "mean        -      up to 30 min   no data     -      Over.",
    "",
    "Trend: against the last week written down. A figure without data is never good.",
    "Formula, evidence and decision of each: docs/reference/fitness.md, or entente fitness --json.",
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
    evidence: "/ops/process-statistics?types=top-up",
  };
  assert.deepEqual(scorecardLines({ ...answers, incidents: [incident], reviews: [review] }).slice(12), [
    "Open incidents: 1",
    "  2 of type top-up are not finished although 15 s were promised.",
    "    since 2026-03-07T10:00:00.000Z; processes p-1, p-2, p-3, ...",
    "    what to do: docs/operations/incidents.md#processes-late",
    "Decisions to look at again: 1",
    "  docs/decisions/0015-three-stages-of-flux.md",
    "    top-up-p90 was 17 s, limit 15 s",
    "    evidence: /ops/process-statistics?types=top-up",
    "    when it was looked at: POST /ops/reviews/r/close",
  ]);
});

test("a figure that people say is told with who said it, when and why", () => {
  const said = { by: "axel", why: "Asked for at the audit of May.", at: "2026-03-07T10:00:00.000Z" };
  const demand = {
    ...figure,
    saidForDays: 365,
    name: "raw-log-days",
    says: "Kept.",
    unit: "days",
    target: 90,
  } as const;
  const over = { ...demand, value: 3_650, state: "over-limit", said };
  const lines = scorecardLines({
    ...answers,
    functions: [over, { ...demand, value: 1, state: "within-target" }],
  });
  assert.deepEqual(lines.slice(3, 5), [
    "raw-log-days  3650 days  up to 90 days  OVER LIMIT  -      Kept.",
    "raw-log-days  1 day      up to 90 days  good        -      Kept.",
  ]);
  assert.deepEqual(lines.slice(9, 11), [
    "What people said:",
    "  raw-log-days: 3650 days, said by axel on 2026-03-07: Asked for at the audit of May.",
  ]);
});

test("what only people know and nobody has said is told, with the way to say it", () => {
  const field = {
    ...figure,
    name: "field-days",
    says: "Days.",
    unit: "days",
    target: 5,
    saidForDays: 180,
  } as const;
  const lines = scorecardLines({ ...answers, functions: [{ ...field, value: null, state: "no-data" }] });
  assert.deepEqual(lines.slice(8, 10), [
    "Only people know, and nobody has said: field-days.",
    "  say it: POST /ops/fitness/{figure}/say",
  ]);
});

test("none of something and all of it are targets without a way to them, and a little is not nothing", () => {
  const none = { ...figure, name: "lost", says: "Lost.", unit: "count", target: 0, value: 0 } as const;
  const all = {
    ...figure,
    name: "whole",
    says: "Whole.",
    unit: "share",
    better: "higher",
    target: 1,
  } as const;
  const some = { ...all, name: "used", says: "Used.", better: "lower", target: 0.5 } as const;
  const state = "within-target";
  const lines = scorecardLines({
    ...answers,
    functions: [
      { ...none, state },
      { ...all, value: 1, state },
      { ...some, value: 0.00004, state },
    ],
  });
  assert.deepEqual(lines.slice(3, 6), [
    "lost    0        0           good   -      Lost.",
    "whole   100 %    100 %       good   -      Whole.",
    "used    < 0.1 %  up to 50 %  good   -      Used.",
  ]);
});
