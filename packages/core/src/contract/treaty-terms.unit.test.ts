import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Type } from "typebox";
import { acceptContract } from "./accept-contract.ts";
import { checkContract } from "./check-contract.ts";
import type { SystemContract, TreatyTerms } from "./published-message.ts";
import { emptySnapshot, readSnapshot, snapshotText } from "./snapshot.ts";

const charge: TreatyTerms = {
  name: "charge-card",
  idempotencyKey: ["tenantId", "orderId"],
  timeoutMs: 5_000,
  errorCodes: ["card-declined", "limit-reached"],
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
  schemas: { ...charge.schemas, answer: { schema, compatibility: "backward" } },
});

describe("of a treaty,", () => {
  const cases: [string, readonly TreatyTerms[], readonly string[]][] = [
    ["nothing changed is nothing told", [charge], []],
    [
      "the order of error codes means nothing",
      [{ ...charge, errorCodes: [...charge.errorCodes].reverse() }],
      [],
    ],
    [
      "another idempotency key breaks",
      [{ ...charge, idempotencyKey: ["tenantId", "orderId", "attempt"] }],
      ["breaking idempotency-key-changed (treaty charge-card)"],
    ],
    [
      "the same fields in another order are another idempotency key",
      [{ ...charge, idempotencyKey: ["orderId", "tenantId"] }],
      ["breaking idempotency-key-changed (treaty charge-card)"],
    ],
    [
      "a timeout one millisecond shorter breaks",
      [{ ...charge, timeoutMs: 4_999 }],
      ["breaking timeout-tightened (treaty charge-card)"],
    ],
    [
      "a longer timeout is fine",
      [{ ...charge, timeoutMs: 5_001 }],
      ["compatible timeout-relaxed (treaty charge-card)"],
    ],
    [
      "a dropped error code breaks, a new one is fine",
      [{ ...charge, errorCodes: ["card-declined", "card-stolen"] }],
      [
        "breaking error-code-dropped (treaty charge-card)",
        "compatible error-code-added (treaty charge-card)",
      ],
    ],
    [
      "other retries are told and fine",
      [{ ...charge, retry: { attempts: 5, firstDelayMs: 100, longestDelayMs: 5_000 } }],
      ["compatible retry-policy-changed (treaty charge-card)"],
    ],
    [
      "a narrowed answer breaks",
      [answer(Type.Object({ state: Type.Enum(["paid"]) }))],
      ["breaking value-not-listed (treaty charge-card answer)"],
    ],
    [
      "a widened answer is fine for its reader",
      [answer(Type.Object({ state: Type.Enum(["paid", "refused", "late"]) }))],
      [],
    ],
    [
      "a request that an older partner would refuse breaks",
      [
        {
          ...charge,
          schemas: {
            ...charge.schemas,
            request: { schema: Type.Object({ amount: Type.Integer() }), compatibility: "forward" },
          },
        },
      ],
      ["breaking number-out-of-range (treaty charge-card request)"],
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
