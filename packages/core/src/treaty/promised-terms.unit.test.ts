import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptContract } from "../contract/accept-contract.ts";
import { checkContract } from "../contract/check-contract.ts";
import { emptySnapshot } from "../contract/snapshot.ts";
import { handOffKey } from "../model/hand-off-key.ts";
import { billingTreaty, ordersSystem } from "../testing/billing-treaty.fixture.ts";
import type { Counterparty } from "../testing/counterparty.fixture.ts";
import { systemContract } from "./promised-terms.ts";
import type { HandOffTreaty } from "./treaty.ts";

const treaty = billingTreaty({ counterparty: {} as Counterparty });

const contractWith = (...treaties: readonly HandOffTreaty[]) =>
  systemContract(ordersSystem("shop", treaties), []);

/** What is told when a treaty, promised as it is, becomes another. */
function told(change: Partial<HandOffTreaty>): string[] {
  const before = contractWith(treaty);
  const empty = emptySnapshot("shop");
  const snapshot = acceptContract(before, empty, checkContract(before, empty), null);
  return checkContract(contractWith({ ...treaty, ...change }), snapshot).map(
    ({ severity, rule, counterExample }) =>
      `${severity} ${rule}${counterExample === undefined ? "" : " with an example"}`,
  );
}

test("every treaty of a definition is in its contract, and a new one is told", () => {
  const other = billingTreaty({ counterparty: {} as Counterparty, name: "other", purpose: "other" });
  assert.deepEqual(
    contractWith(treaty, other).treaties?.map(({ name }) => name),
    ["billing-activation", "other"],
  );
  assert.deepEqual(told({}), []);
  assert.deepEqual(told({ name: "renamed" }), ["breaking treaty-removed", "compatible treaty-added"]);
});

test("another purpose, a shorter limit, a code less and a narrower answer each break", () => {
  const { E10: _, ...errorMap } = treaty.errorMap;
  // Under the same version: what was opened with either could not be told apart.
  const same = "breaking terms-version-same";
  assert.deepEqual(told({ purpose: "bill" }), ["breaking idempotency-key-changed", same]);
  assert.deepEqual(told({ times: { ...treaty.times, inFlightMs: 599 } }), [
    "breaking timeout-tightened",
    same,
  ]);
  assert.deepEqual(told({ errorMap }), ["breaking error-code-dropped", same]);
  const output = { type: "object", properties: { status: { enum: ["DONE"] } }, required: ["status"] };
  assert.deepEqual(told({ version: "2.0.0", output: output as never }), [
    "breaking value-not-listed with an example",
    "compatible schema-changed",
  ]);
});

test("the promised key has the parts of the real one, in its order", () => {
  const identity = {
    tenantId: "tenantId",
    aggregateType: "aggregateType",
    aggregateId: "aggregateId",
    line: "line",
    target: treaty.target,
    purpose: treaty.purpose,
  };
  const [terms] = contractWith(treaty).treaties ?? [];
  const said = terms?.idempotencyKey.map((part) => part.replace(/^target |^purpose /, ""));
  assert.equal(said?.join(":").replace("line", "=line").replace("attempt", "1"), handOffKey(identity, 1));
});
