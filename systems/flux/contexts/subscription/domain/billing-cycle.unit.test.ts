import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cycleAfter, cycleAt, isTimeZone } from "./billing-cycle.ts";

function at(iso: string): number {
  return Date.parse(iso);
}

/** Start of the cycle after the one `iso` falls into. */
function nextStart(iso: string, timeZone: string): string {
  return new Date(cycleAt(at(iso), timeZone).endsAt).toISOString();
}

describe("the next cycle starts at local midnight of the 1st", () => {
  for (const [zone, from, expected] of [
    ["Europe/Madrid", "2026-11-10T10:00:00Z", "2026-11-30T23:00:00.000Z"],
    ["Europe/Madrid", "2026-03-10T10:00:00Z", "2026-03-31T22:00:00.000Z"],
    ["Europe/Madrid", "2026-10-10T10:00:00Z", "2026-10-31T23:00:00.000Z"],
    ["America/New_York", "2026-02-10T10:00:00Z", "2026-03-01T05:00:00.000Z"],
    ["America/New_York", "2026-03-10T10:00:00Z", "2026-04-01T04:00:00.000Z"],
    ["Pacific/Auckland", "2026-12-10T10:00:00Z", "2026-12-31T11:00:00.000Z"],
    ["Pacific/Auckland", "2026-04-10T10:00:00Z", "2026-04-30T12:00:00.000Z"],
    ["Asia/Kathmandu", "2026-11-10T10:00:00Z", "2026-11-30T18:15:00.000Z"],
  ] as const) {
    test(`in ${zone} after ${from}`, () => assert.equal(nextStart(from, zone), expected));
  }

  test("at the day's first moment where daylight saving skips midnight", () => {
    // Asunción, Sunday 1 October 2023: clocks go from 00:00 to 01:00.
    assert.equal(nextStart("2023-09-10T00:00:00Z", "America/Asuncion"), "2023-10-01T04:00:00.000Z");
    assert.equal(cycleAt(at("2023-10-01T03:59:59.999Z"), "America/Asuncion").month, "2023-09");
    assert.equal(cycleAt(at("2023-10-01T04:00:00Z"), "America/Asuncion").month, "2023-10");
  });

  test("at the first of two midnights where daylight saving repeats midnight", () => {
    // Havana, Sunday 1 November 2026: clocks go from 01:00 back to 00:00.
    assert.equal(nextStart("2026-10-10T00:00:00Z", "America/Havana"), "2026-11-01T04:00:00.000Z");
    assert.equal(cycleAt(at("2026-11-01T05:30:00Z"), "America/Havana").month, "2026-11");
  });
});

describe("a cycle", () => {
  test("belongs to the customer's month, not to UTC's", () => {
    assert.equal(cycleAt(at("2026-10-31T23:00:00Z"), "Europe/Madrid").month, "2026-11");
    assert.equal(cycleAt(at("2026-10-31T22:59:59.999Z"), "Europe/Madrid").month, "2026-10");
    assert.equal(cycleAt(at("2026-12-31T10:59:59.999Z"), "Pacific/Auckland").month, "2026-12");
    assert.equal(cycleAt(at("2026-12-31T11:00:00Z"), "Pacific/Auckland").month, "2027-01");
  });

  for (const zone of [
    "Europe/Madrid",
    "America/New_York",
    "Pacific/Auckland",
    "Asia/Kathmandu",
    "America/Asuncion",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Beirut",
  ]) {
    test(`follows the former without gap or overlap for twenty years in ${zone}`, () => {
      let span = cycleAt(at("2010-01-15T12:00:00Z"), zone);
      for (let n = 0; n < 240; n++) {
        const next = cycleAfter(span.month, span.endsAt, zone);
        assert.deepEqual(next, cycleAt(span.endsAt, zone));
        assert.equal(cycleAt(span.endsAt - 1, zone).month, span.month);
        span = next;
      }
      assert.equal(span.month, "2030-01");
    });
  }

  test("starts where the former was recorded to end, though zone rules say otherwise now", () => {
    const recordedEnd = at("2026-11-30T23:30:00Z");
    const next = cycleAfter("2026-11", recordedEnd, "Europe/Madrid");
    assert.deepEqual(next, { month: "2026-12", startsAt: recordedEnd, endsAt: at("2026-12-31T23:00:00Z") });
  });
});

test("a time zone is known or not, and never throws", () => {
  assert.equal(isTimeZone("Asia/Kathmandu"), true);
  assert.equal(isTimeZone("Europe/Atlantis"), false);
  assert.equal(isTimeZone(""), false);
});
