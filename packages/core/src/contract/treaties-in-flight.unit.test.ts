import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Type } from "typebox";
import { acceptContract } from "./accept-contract.ts";
import type { SystemContract, TreatyTerms } from "./published-message.ts";
import { type ContractSnapshot, emptySnapshot, readSnapshot, snapshotText } from "./snapshot.ts";
import { checkTreatiesInFlight, type TreatyInFlight } from "./treaties-in-flight.ts";

const charge: TreatyTerms = {
  name: "charge-card",
  version: "1.0.0",
  idempotencyKey: ["tenantId", "orderId"],
  timeLimits: { answerWithinMs: 5_000 },
  errors: { "card-declined": "BUSINESS_REJECTED" },
  schemas: {
    request: { schema: Type.Object({ amount: Type.Integer({ maximum: 900 }) }), compatibility: "full" },
    answer: { schema: Type.Object({ state: Type.Enum(["paid", "late"]) }), compatibility: "backward" },
  },
};
const shop = (treaty?: TreatyTerms): SystemContract => ({
  system: "shop",
  contexts: [],
  treaties: treaty === undefined ? [] : [treaty],
});

/** The committed file after these versions were accepted one after the other. */
function accepted(...versions: readonly TreatyTerms[]): ContractSnapshot {
  const because = { reason: "a test", date: "2026-11-30" };
  const last = versions.reduce(
    (before, treaty) => acceptContract(shop(treaty), before, [], because),
    emptySnapshot("shop"),
  );
  const read = readSnapshot(snapshotText(last));
  assert.ok(read !== null);
  return read;
}

const next = (change: Partial<TreatyTerms>): TreatyTerms => ({ ...charge, version: "1.1.0", ...change });
const open: TreatyInFlight = {
  context: "sales",
  treaty: "charge-card",
  version: "1.0.0",
  open: 3,
  oldestAt: Date.UTC(2026, 10, 1, 12),
};

/** Today's treaty is `now`, the committed one too, and it followed `charge`. */
function found(now: TreatyTerms, said: Partial<TreatyInFlight> = {}, snapshot = accepted(charge, now)) {
  return checkTreatiesInFlight(shop(now), snapshot, [{ ...open, ...said }]);
}

function rules(...of: Parameters<typeof found>): string[] {
  return found(...of).map(({ severity, rule, subject }) => `${severity} ${rule} (${subject})`);
}

describe("of hand-offs that are not at their end,", () => {
  test("those of a version whose terms are all kept are no finding", () => {
    assert.deepEqual(rules(charge), []);
    const wider = Type.Object({ state: Type.Enum(["paid", "late", "refused"]) });
    const answer = { schema: wider, compatibility: "backward" } as const;
    assert.deepEqual(rules(next({ schemas: { ...charge.schemas, answer } })), []);
    assert.deepEqual(rules(next({ timeLimits: {}, errors: { ...charge.errors, stolen: "X" } })), []);
  });

  test("a request that today's input refuses is shown by a document, with how many wait and since when", () => {
    const narrower = Type.Object({ amount: Type.Integer({ maximum: 100 }) });
    const request = { schema: narrower, compatibility: "full" } as const;
    const [one, ...others] = found(next({ schemas: { ...charge.schemas, request } }));
    assert.deepEqual(others, []);
    assert.equal(one?.rule, "number-out-of-range");
    assert.equal(one?.severity, "breaking");
    assert.equal(one?.version, "1.0.0");
    const example = one?.counterExample as { readonly amount: number } | undefined;
    assert.ok(example !== undefined && example.amount > 100);
    assert.match(
      one?.says ?? "",
      /3 hand-offs of sales opened with 1\.0\.0 are not at their end, the oldest since 2026-11-01T12:00:00\.000Z/,
    );
  });

  test("an answer of then that today's output refuses breaks, and so does a message that is gone", () => {
    const answer = {
      schema: Type.Object({ state: Type.Enum(["paid"]) }),
      compatibility: "backward",
    } as const;
    assert.deepEqual(rules(next({ schemas: { ...charge.schemas, answer } })), [
      "breaking value-not-listed (treaty charge-card answer)",
    ]);
    assert.deepEqual(rules(next({ schemas: { request: charge.schemas.request as never } })), [
      "breaking treaty-schema-removed (treaty charge-card)",
    ]);
  });

  test("another key, a shorter wait and a code that is gone or means something else break", () => {
    assert.deepEqual(rules(next({ idempotencyKey: ["orderId"] })), [
      "breaking idempotency-key-changed (treaty charge-card)",
    ]);
    assert.deepEqual(rules(next({ timeLimits: { answerWithinMs: 4_999 } })), [
      "breaking timeout-tightened (treaty charge-card)",
    ]);
    assert.deepEqual(rules(next({ errors: {} })), ["breaking error-code-dropped (treaty charge-card)"]);
    assert.deepEqual(rules(next({ errors: { "card-declined": "TECHNICAL_RETRYABLE" } })), [
      "breaking error-meaning-changed (treaty charge-card)",
    ]);
  });

  test("what broke two versions ago still breaks those who began before it", () => {
    const hasty = next({ timeLimits: { answerWithinMs: 1_000 } });
    const today = { ...hasty, version: "1.2.0" };
    const snapshot = accepted(charge, hasty, today);
    assert.deepEqual(rules(today, {}, snapshot), ["breaking timeout-tightened (treaty charge-card)"]);
    assert.deepEqual(rules(today, { version: "1.1.0" }, snapshot), []);
  });

  test("a treaty that is gone, or of another major version, is named with how many it leaves", () => {
    const [gone] = checkTreatiesInFlight(shop(), accepted(charge), [{ ...open, open: 1 }]);
    assert.equal(gone?.rule, "treaty-removed");
    assert.match(gone?.says ?? "", /1 hand-off of sales opened with 1\.0\.0 is not at its end/);
    assert.deepEqual(rules({ ...charge, version: "2.0.0" }), [
      "breaking treaty-major-changed (treaty charge-card)",
    ]);
    assert.deepEqual(rules({ ...charge, version: "10.0.0" }), [
      "breaking treaty-major-changed (treaty charge-card)",
    ]);
  });

  test("a version that was not recorded, or whose terms nobody kept, is undecided and says why", () => {
    const [unknown] = found(charge, { version: null });
    assert.equal(unknown?.severity, "undecided");
    assert.match(unknown?.says ?? "", /undecided, because the version .* was not recorded/);
    const [notKept] = found(charge, { version: "0.9.0" }, accepted(charge)).filter(
      ({ rule }) => rule === "treaty-version-not-kept",
    );
    assert.equal(notKept?.severity, "undecided");
    assert.match(notKept?.says ?? "", /undecided, because the snapshot does not have the terms/);
  });

  test("what today's software opened before its promise was accepted is no finding", () => {
    assert.deepEqual(rules(next({}), { version: "1.1.0" }, accepted(charge)), []);
  });
});

test("a treaty that only reads keeps no earlier terms: nothing waits under them", () => {
  const reading = { ...charge, idempotencyKey: [] };
  const snapshot = accepted(reading, { ...reading, version: "1.1.0" });
  assert.equal(snapshot.treaties["charge-card"]?.earlier, undefined);
});
