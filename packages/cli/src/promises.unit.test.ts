import assert from "node:assert/strict";
import { test } from "node:test";
import { everyCounterparty, fluxContract, fluxWith } from "@entente/flux";

const flux = fluxWith(everyCounterparty);
const versions = new Map(
  fluxContract.contexts.flatMap(({ messages }) => messages.map((one) => [one.type, one.schemaVersion])),
);

test("every treaty that Flux can have is in its contract", () => {
  const declared = flux.contexts.flatMap(({ treaties = [] }) => treaties.map(({ name }) => name));
  assert.deepEqual(fluxContract.treaties?.map(({ name }) => name).sort(), declared.sort());
});

test("deciders take commands and record facts at the versions that the contract publishes", () => {
  const deciders = flux.contexts.flatMap((context) => (context.deciders ?? []).map(({ decider }) => decider));
  assert.ok(deciders.length > 0);
  for (const { commands, facts, refusalType } of deciders) {
    const types = facts.map(({ type }) => type);
    assert.ok(types.includes(refusalType), refusalType);
    for (const [type, { schemaVersion }] of Object.entries(commands))
      assert.equal(schemaVersion, versions.get(type), type);
    for (const { type, schemaVersion } of facts) assert.equal(schemaVersion, versions.get(type), type);
  }
});
