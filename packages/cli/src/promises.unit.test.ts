import assert from "node:assert/strict";
import { test } from "node:test";
import { everyCounterparty, fluxContract, fluxWith, stages } from "@entente/flux";

const contexts = stages.flatMap((stage) => fluxWith(everyCounterparty, stage).contexts);
const versions = new Map(
  fluxContract.contexts.flatMap(({ messages }) => messages.map((one) => [one.type, one.schemaVersion])),
);

test("every treaty that Flux can have is in its contract", () => {
  const declared = new Set(contexts.flatMap(({ treaties = [] }) => treaties.map(({ name }) => name)));
  assert.deepEqual(fluxContract.treaties?.map(({ name }) => name).sort(), [...declared].sort());
});

test("deciders take commands and record facts at the versions that the contract publishes", () => {
  const deciders = contexts.flatMap((context) => (context.deciders ?? []).map(({ decider }) => decider));
  assert.ok(deciders.length > 0);
  for (const { commands, facts, refusalType } of deciders) {
    const types = facts.map(({ type }) => type);
    assert.ok(types.includes(refusalType), refusalType);
    for (const [type, { schemaVersion }] of Object.entries(commands))
      assert.equal(schemaVersion, versions.get(type), type);
    for (const { type, schemaVersion } of facts) assert.equal(schemaVersion, versions.get(type), type);
  }
});
