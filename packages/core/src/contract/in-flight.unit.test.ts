import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { checkInFlight, type VersionInFlight } from "./in-flight.ts";
import type { SystemContract } from "./published-message.ts";
import type { ContractSnapshot } from "./snapshot.ts";

const schema = Type.Object({});
const contract: SystemContract = {
  system: "shop",
  contexts: [
    { name: "sales", messages: [{ kind: "command", type: "shop.order", schemaVersion: "2.0.0", schema }] },
  ],
};
const snapshot: ContractSnapshot = {
  system: "shop",
  messages: {
    "shop.order": {
      context: "sales",
      kind: "command",
      compatibility: "backward",
      schemaVersion: "2.0.0",
      versions: { "1.1.0": {}, "2.0.0": {} },
      retired: ["1.0.0"],
    },
  },
  treaties: {},
  broken: [],
};

function rulesFor(said: Partial<VersionInFlight>): string[] {
  const found = {
    journal: "sales",
    kind: "command",
    type: "shop.order",
    schemaVersion: "2.0.0",
    entries: 3,
    waiting: 1,
  };
  return checkInFlight(contract, snapshot, [{ ...found, ...said }]).map(
    ({ rule, severity }) => `${severity} ${rule}`,
  );
}

test("today's version and every version kept are understood", () => {
  assert.deepEqual(rulesFor({}), []);
  assert.deepEqual(rulesFor({ schemaVersion: "1.1.0" }), []);
});

test("a version that was given up, was never kept, or is of tomorrow is not", () => {
  assert.deepEqual(rulesFor({ schemaVersion: "1.0.0" }), ["breaking version-retired"]);
  assert.deepEqual(rulesFor({ schemaVersion: "0.9.0" }), ["breaking version-not-kept"]);
  assert.deepEqual(rulesFor({ schemaVersion: "2.1.0" }), ["breaking version-not-kept"]);
});

test("a type that nobody publishes is not understood, even when everybody has consumed it", () => {
  assert.deepEqual(rulesFor({ type: "shop.gone", waiting: 0 }), ["breaking type-not-published"]);
});

test("the runtime's own entries are not the contract's business", () => {
  assert.deepEqual(rulesFor({ kind: "control", type: "entente.context-paused" }), []);
  assert.deepEqual(rulesFor({ kind: "event", type: "entente.command-parked" }), []);
});
