import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../model/failure.ts";
import { billingTreaty } from "../testing/billing-treaty.fixture.ts";
import type { Counterparty } from "../testing/counterparty.fixture.ts";
import { checkTreaty, contractSheet, missingIn, treatyParts } from "./check-treaty.ts";
import { runbookEntries, treatyQuestions } from "./contract-sheet.ts";
import { nextOpen } from "./sending-window.ts";
import { defineTreaty, type HandOffTreaty } from "./treaty.ts";
import { checkTreaties } from "./work-treaties.ts";

const treaty = billingTreaty({ counterparty: { port: 1 } as Counterparty });

test("a complete treaty is the treaty itself", () => {
  assert.equal(checkTreaty(treaty), treaty);
});

test("the contract sheet has its 21 entries, the runbook 21, the questions 11, and each of the ten concerns has a place", () => {
  const sheet = contractSheet(treaty);
  assert.equal(Object.keys(sheet).length, 21);
  assert.ok(Object.values(sheet).every((entry) => entry !== ""));
  assert.match(String(sheet.errorMapping), /E10: BUSINESS_REJECTED/);
  assert.ok(String(sheet.timeout).startsWith(`${treaty.times.answerWithinMs} ms`));
  assert.deepEqual(
    [runbookEntries.length, treatyQuestions.length, Object.keys(treatyParts).length],
    [21, 11, 10],
  );
});

test("a treaty from elsewhere does not start when anything is missing, and everything that is missing is named at once", () => {
  const { runbook: _runbook, inquire: _inquire, ...rest } = treaty;
  const given = {
    ...rest,
    sheet: { ...treaty.sheet, reconciliationPath: " " },
    answers: { ...treaty.answers, whatDoesTimeoutMean: undefined },
    errorMap: { E1: { class: "SOMETHING", means: "?" } },
    times: { ...treaty.times, inFlightMs: 0 },
  };
  assert.throws(
    () => checkTreaty(given),
    (error) => {
      assert.ok(isFailure(error, "treaty-incomplete"));
      const missing = error.fields.missing as readonly string[];
      assert.deepEqual(
        missing.filter((path) => !path.startsWith("runbook.")),
        [
          "sheet.reconciliationPath",
          "answers.whatDoesTimeoutMean",
          "errorMap.E1",
          "inquire",
          "times.inFlightMs",
        ],
      );
      assert.equal(missing.length, 5 + 21);
      return true;
    },
  );
});

test("totals may be left out, and are complete when they are declared", () => {
  assert.deepEqual(missingIn({ ...treaty, totals: { days: 32, closesAfterMs: 0 } }), [
    "totals.ofAct",
    "totals.readPage",
    "totals.closesAfterMs",
    "totals.days",
  ]);
});

test("every single entry is missed when it is not there", () => {
  const paths: string[][] = Object.entries(treaty).flatMap(([name, value]) =>
    ["sheet", "runbook", "answers", "style", "times", "limits"].includes(name)
      ? Object.keys(value as object).map((entry) => [name, entry])
      : [[name]],
  );
  const optional = new Set(["withdraws", "callback", "times.reconcileEveryMs"]);
  for (const path of paths.filter((one) => !optional.has(one.join(".")))) {
    const [name = "", entry] = path;
    const copy: Record<string, unknown> = { ...treaty };
    if (entry === undefined) delete copy[name];
    else copy[name] = { ...(copy[name] as object), [entry]: undefined };
    const missing = missingIn(copy);
    assert.ok(missing.length > 0, `${path.join(".")} is not missed`);
  }
  for (const nothing of [null, undefined, 5, "treaty", []]) assert.deepEqual(missingIn(nothing), ["treaty"]);
});

test("what is open is looked at every 15 minutes where a treaty does not say how often, and as often as it says where it does", () => {
  const { reconcileEveryMs: _every, ...times } = treaty.times;
  const declared = defineTreaty({ ...treaty, times });
  assert.deepEqual(declared.times, { ...times, reconcileEveryMs: 15 * 60_000 });
  assert.equal(defineTreaty(treaty), treaty);
  // From elsewhere: nobody has called defineTreaty.
  for (const given of [
    { ...treaty, times },
    { ...treaty, times: { ...times, reconcileEveryMs: undefined } },
  ]) {
    assert.deepEqual(missingIn(given), []);
    const checked = checkTreaty(given) as HandOffTreaty;
    assert.equal(checked.times.reconcileEveryMs, 15 * 60_000);
    assert.equal(checked.send, treaty.send);
  }
  for (const wrong of [0, -1, Number.NaN, null, "900000"])
    assert.deepEqual(missingIn({ ...treaty, times: { ...times, reconcileEveryMs: wrong } }), [
      "times.reconcileEveryMs",
    ]);
});

test("two treaties of one name do not start", () => {
  assert.throws(
    () => checkTreaties([treaty, treaty]),
    (error) => isFailure(error, "treaty-declared-twice"),
  );
});

test("an incomplete declaration is a type error", () => {
  const { inquire: _inquire, ...rest } = treaty;
  // @ts-expect-error: without a way to ask there is no reconciliation
  const declared: HandOffTreaty = defineTreaty(rest);
  assert.deepEqual(missingIn(declared), ["inquire"]);
});

test("a window lets pass what comes while it is open, also over midnight, and names the next opening", () => {
  const at = (text: string) => Date.parse(text);
  const night = { opensAt: "22:00", closesAt: "04:00", timeZone: "Europe/Berlin" };
  const day = { opensAt: "08:00", closesAt: "17:00", timeZone: "UTC" };
  assert.equal(nextOpen(undefined, 5), 5);
  for (const [window, from, opens] of [
    [day, "2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"],
    [day, "2026-11-24T07:59:59Z", "2026-11-24T08:00:00Z"],
    [day, "2026-11-24T17:00:00Z", "2026-11-25T08:00:00Z"],
    [night, "2026-11-24T20:59:59Z", "2026-11-24T21:00:00Z"],
    [night, "2026-11-24T23:30:00Z", "2026-11-24T23:30:00Z"],
    [night, "2026-11-25T02:59:59Z", "2026-11-25T02:59:59Z"],
    [night, "2026-11-25T03:00:00Z", "2026-11-25T21:00:00Z"],
    // The clocks go forward that night: 22:00 is an hour earlier in universal time from then on.
    [night, "2026-03-29T12:00:00Z", "2026-03-29T20:00:00Z"],
  ] as const) {
    assert.equal(new Date(nextOpen(window, at(from))).toISOString(), new Date(at(opens)).toISOString(), from);
  }
});
