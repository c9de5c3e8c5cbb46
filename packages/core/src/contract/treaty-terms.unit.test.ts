import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Type } from "typebox";
import { acceptContract } from "./accept-contract.ts";
import { checkContract } from "./check-contract.ts";
import type { SystemContract, TreatyTerms } from "./published-message.ts";
import { emptySnapshot, readSnapshot, snapshotText } from "./snapshot.ts";

const charge: TreatyTerms = {
  name: "charge-card",
  version: "1.0.0",
  idempotencyKey: ["tenantId", "orderId"],
  timeLimits: { answerWithinMs: 5_000, resultWithinMs: 60_000 },
  errors: { "card-declined": "BUSINESS_REJECTED", "limit-reached": "TECHNICAL_RETRYABLE" },
  retry: { attempts: 3, firstDelayMs: 100, longestDelayMs: 5_000 },
  schemas: {
    // We write requests: partners of old must read what we write today.
    request: { schema: Type.Object({ amount: Type.Integer({ minimum: 1 }) }), compatibility: "forward" },
    // We read answers: we must read what partners of old write.
    answer: { schema: Type.Object({ state: Type.Enum(["paid", "refused"]) }), compatibility: "backward" },
  },
};

const shop = (...treaties: TreatyTerms[]): SystemContract => ({ system: "shop", contexts: [], treaties });

function check(now: readonly TreatyTerms[], before: readonly TreatyTerms[] = [charge]): string[] {
  const contract = shop(...before);
  const empty = emptySnapshot("shop");
  const text = snapshotText(acceptContract(contract, empty, checkContract(contract, empty), null));
  const snapshot = readSnapshot(text);
  assert.ok(snapshot !== null);
  return checkContract(shop(...now), snapshot).map(
    ({ severity, rule, subject }) => `${severity} ${rule} (${subject})`,
  );
}

const answer = (schema: ReturnType<typeof Type.Object>): TreatyTerms => ({
  ...charge,
  version: "1.1.0",
  schemas: { ...charge.schemas, answer: { schema, compatibility: "backward" } },
});

/** Harder terms take another version, too, as hand-offs are told apart by it. */
const sameVersion = "breaking terms-version-same (treaty charge-card)";

describe("of a treaty,", () => {
  const cases: [string, readonly TreatyTerms[], readonly string[]][] = [
    ["nothing changed is nothing told", [charge], []],
    [
      "the order of error codes means nothing",
      [{ ...charge, errors: Object.fromEntries(Object.entries(charge.errors).reverse()) }],
      [],
    ],
    [
      "another idempotency key breaks",
      [{ ...charge, idempotencyKey: ["tenantId", "orderId", "attempt"] }],
      ["breaking idempotency-key-changed (treaty charge-card)", sameVersion],
    ],
    [
      "the same fields in another order are another idempotency key",
      [{ ...charge, idempotencyKey: ["orderId", "tenantId"] }],
      ["breaking idempotency-key-changed (treaty charge-card)", sameVersion],
    ],
    [
      "a time limit one millisecond shorter breaks",
      [{ ...charge, timeLimits: { ...charge.timeLimits, answerWithinMs: 4_999 } }],
      ["breaking timeout-tightened (treaty charge-card)", sameVersion],
    ],
    [
      "so does a limit where there was none",
      [{ ...charge, timeLimits: { ...charge.timeLimits, inFlightMs: 90_000 } }],
      ["breaking timeout-tightened (treaty charge-card)", sameVersion],
    ],
    [
      "a longer limit is fine, and so is none",
      [{ ...charge, timeLimits: { answerWithinMs: 5_001 } }],
      ["compatible timeout-relaxed (treaty charge-card)", "compatible timeout-relaxed (treaty charge-card)"],
    ],
    [
      "a dropped error code breaks, a new one is fine",
      [{ ...charge, errors: { "card-declined": "BUSINESS_REJECTED", "card-stolen": "BUSINESS_REJECTED" } }],
      [
        "breaking error-code-dropped (treaty charge-card)",
        sameVersion,
        "compatible error-code-added (treaty charge-card)",
      ],
    ],
    [
      "a code that means something else breaks",
      [{ ...charge, errors: { ...charge.errors, "limit-reached": "BUSINESS_REJECTED" } }],
      ["breaking error-meaning-changed (treaty charge-card)", sameVersion],
    ],
    [
      "harder terms under a higher version break once",
      [{ ...charge, version: "1.1.0", timeLimits: { ...charge.timeLimits, answerWithinMs: 4_999 } }],
      ["breaking timeout-tightened (treaty charge-card)", "compatible schema-changed (treaty charge-card)"],
    ],
    [
      "a lower version breaks",
      [{ ...charge, version: "0.9.0" }],
      ["breaking schema-version-lowered (treaty charge-card)"],
    ],
    [
      "another schema under the same version breaks, however compatible",
      [{ ...answer(Type.Object({ state: Type.Enum(["paid", "refused", "late"]) })), version: "1.0.0" }],
      ["breaking schema-version-same (treaty charge-card)"],
    ],
    [
      "other retries are told and fine",
      [{ ...charge, retry: { attempts: 5, firstDelayMs: 100, longestDelayMs: 5_000 } }],
      ["compatible retry-policy-changed (treaty charge-card)"],
    ],
    [
      "a narrowed answer breaks",
      [answer(Type.Object({ state: Type.Enum(["paid"]) }))],
      [
        "breaking value-not-listed (treaty charge-card answer)",
        "compatible schema-changed (treaty charge-card)",
      ],
    ],
    [
      "a widened answer is fine for its reader",
      [answer(Type.Object({ state: Type.Enum(["paid", "refused", "late"]) }))],
      ["compatible schema-changed (treaty charge-card)"],
    ],
    [
      "a request that an older partner would refuse breaks",
      [
        {
          ...charge,
          version: "1.1.0",
          schemas: {
            ...charge.schemas,
            request: { schema: Type.Object({ amount: Type.Integer() }), compatibility: "forward" },
          },
        },
      ],
      [
        "breaking number-out-of-range (treaty charge-card request)",
        "compatible schema-changed (treaty charge-card)",
      ],
    ],
    [
      "a message that is gone breaks",
      [{ ...charge, schemas: { request: charge.schemas.request as never } }],
      ["breaking treaty-schema-removed (treaty charge-card)"],
    ],
    ["its end breaks", [], ["breaking treaty-removed (treaty charge-card)"]],
    [
      "its beginning is fine",
      [charge, { ...charge, name: "refund" }],
      ["compatible treaty-added (treaty refund)"],
    ],
  ];
  for (const [title, now, expected] of cases) test(title, () => assert.deepEqual(check(now), expected));
});
