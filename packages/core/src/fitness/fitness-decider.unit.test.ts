import assert from "node:assert/strict";
import { test } from "node:test";
import { isRefusal } from "../model/decider.ts";
import type { Entry, JsonObject } from "../model/entry.ts";
import {
  closeReview,
  type FitnessBook,
  type FitnessLook,
  figureSaid,
  fitnessDecider,
  incidentClosed,
  incidentOpened,
  noteFitness,
  reviewOpened,
  sayFigure,
  weekNoted,
} from "./fitness-decider.ts";
import { type Found, rootsOf, type Symptom } from "./symptoms.ts";

const commandId = "0199f0e2-7a3b-7c4d-8e5f-0123456789ab";
const late: Symptom = {
  symptom: "processes-late",
  subject: "top-up",
  since: 1_000,
  count: 2,
  processIds: ["p-1", "p-2"],
  says: "Late.",
};
const nothing: FitnessLook = { symptoms: [], blind: [], weeks: [], overLimit: [] };
const over = {
  name: "p90",
  value: 9,
  limit: 5,
  decision: "docs/decisions/0015-three-stages-of-flux.md",
  evidence: "/ops/process-statistics?types=top-up",
  week: "2026-03-02",
};

/** Types of the facts that follow, and the book after them. */
function after(
  book: FitnessBook,
  type: string,
  data: object,
  now = 61_000,
): { types: string[]; book: FitnessBook } {
  const command = { type, data: data as JsonObject } as Entry;
  const context = { now, tenantId: "acme", key: "fitness", processId: commandId, commandId, version: 0 };
  const decision = fitnessDecider.decide(book, command, context);
  if (isRefusal(decision)) return { types: [decision.code], book };
  return {
    types: decision.facts.map((one) => one.type),
    book: decision.facts.reduce(fitnessDecider.evolve, book),
  };
}

const note = (book: FitnessBook, look: Partial<FitnessLook>, now?: number) =>
  after(book, noteFitness, { ...nothing, ...look }, now);

test("a symptom opens one incident however often it is told, and its absence closes it", () => {
  const opened = note(fitnessDecider.initial, { symptoms: [late] });
  assert.deepEqual(opened.types, [incidentOpened]);
  assert.deepEqual(note(opened.book, { symptoms: [{ ...late, count: 9 }] }).types, []);
  const closed = note(opened.book, {});
  assert.deepEqual(closed.types, [incidentClosed]);
  assert.deepEqual(closed.book, fitnessDecider.initial);
});

test("an incident is not closed by a look that could not see", () => {
  const { book } = note(fitnessDecider.initial, { symptoms: [late] });
  assert.deepEqual(note(book, { blind: ["processes-late"] }).types, []);
  assert.deepEqual(note(book, { blind: ["hand-offs-stuck"] }).types, [incidentClosed]);
});

test("a week is written down once, and none before the last", () => {
  const week = { week: "2026-03-09", values: [] };
  const { types, book } = note(fitnessDecider.initial, { weeks: [week, { week: "2026-03-02", values: [] }] });
  assert.deepEqual(types, [weekNoted, weekNoted]);
  assert.deepEqual(note(book, { weeks: [week] }).types, []);
});

test("a figure has one open review item, and another one only in a later week than one that was closed", () => {
  const opened = note(fitnessDecider.initial, { overLimit: [over] });
  assert.deepEqual(opened.types, [reviewOpened]);
  assert.deepEqual(note(opened.book, { overLimit: [{ ...over, week: "2026-03-09" }] }).types, []);
  const { reviewId } = opened.book.reviews.p90 ?? { reviewId: "" };
  const closed = after(opened.book, closeReview, { reviewId, by: "ann", why: "seen" });
  assert.deepEqual(after(closed.book, closeReview, { reviewId, by: "bob", why: "too" }).types, [
    "review-not-open",
  ]);
  assert.deepEqual(note(closed.book, { overLimit: [over] }).types, []);
  assert.deepEqual(note(closed.book, { overLimit: [{ ...over, week: "2026-03-09" }] }).types, [reviewOpened]);
});

test("what a person says is recorded each time it is said, and decides nothing by itself", () => {
  const said = { figure: "raw-log-days", value: 3_650, by: "axel", why: "Asked for at the audit." };
  const first = after(fitnessDecider.initial, sayFigure, said);
  assert.deepEqual([first.types, first.book], [[figureSaid], fitnessDecider.initial]);
  assert.deepEqual(after(first.book, sayFigure, said).types, [figureSaid]);
});

test("ids of what is opened are their own, and the same when the command is decided again", () => {
  const look = { symptoms: [late, { ...late, subject: "plan" }], overLimit: [over] };
  const idsOf = ({ incidents, reviews }: FitnessBook) => [
    ...Object.values(incidents).map(({ incidentId }) => incidentId),
    ...Object.values(reviews).map(({ reviewId }) => reviewId),
  ];
  const ids = idsOf(note(fitnessDecider.initial, look).book);
  assert.equal(new Set(ids).size, 3);
  assert.deepEqual(idsOf(note(fitnessDecider.initial, look).book), ids);
});

const found = (symptom: Partial<Symptom>, ...allProcessIds: string[]): Found => ({
  ...late,
  ...symptom,
  processIds: allProcessIds.slice(0, 1),
  allProcessIds,
});
const waiting = { failing: [], late: [found({}, "p-1", "p-2")] };
const stuckAt = (...ids: string[]) => [found({ symptom: "hand-offs-stuck", subject: "sap" }, ...ids)];
const names = (symptoms: readonly Symptom[]) => symptoms.map(({ symptom }) => symptom);

test("late processes that wait for a stuck hand-off are told with the hand-off; one that waits for something else is told as well", () => {
  const none = new Set<string>();
  assert.deepEqual(names(rootsOf({ ...waiting, stuck: stuckAt("p-1", "p-2") }, none)), ["hand-offs-stuck"]);
  assert.deepEqual(names(rootsOf({ ...waiting, stuck: stuckAt("p-1") }, none)), [
    "processes-late",
    "hand-offs-stuck",
  ]);
});

test("what was told as late before its hand-off counted as stuck stays one incident, as long as its customers wait", () => {
  const open = new Set(["processes-late/top-up"]);
  assert.deepEqual(names(rootsOf({ ...waiting, stuck: stuckAt("p-1", "p-2") }, open)), ["processes-late"]);
  // Others whose hand-off is stuck were told to nobody yet.
  assert.deepEqual(names(rootsOf({ ...waiting, stuck: stuckAt("p-1", "p-3") }, open)), [
    "processes-late",
    "hand-offs-stuck",
  ]);
  // Both are open: neither ends before its own symptom does.
  const both = new Set([...open, "hand-offs-stuck/sap"]);
  assert.deepEqual(names(rootsOf({ ...waiting, stuck: stuckAt("p-1") }, both)), [
    "processes-late",
    "hand-offs-stuck",
  ]);
});
