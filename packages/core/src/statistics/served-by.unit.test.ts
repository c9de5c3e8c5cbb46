import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContextDefinition } from "../context/definition.ts";
import { bank, bankProcesses } from "../testing/bank.fixture.ts";
import type { Treaty } from "../treaty/treaty.ts";
import { servedBy } from "./served-by.ts";

const [deposit] = bankProcesses;
assert.ok(deposit !== undefined);
const [told = ""] = deposit.facts;
const treaty = (name: string, facts: readonly string[]): Treaty =>
  ({
    name,
    kind: "command-with-callback",
    facts,
    factsFrom: ["ledger"],
    style: { flowNeedsTheResult: name === "waited-for" },
  }) as unknown as Treaty;

test("a flow is served by the deciders of its command, by what asks for hand-offs of its facts, and by the process view", () => {
  const contexts: ContextDefinition[] = bank("x").contexts.map((context) =>
    context.name === "ledger"
      ? {
          ...context,
          treaties: [
            treaty("waited-for", [told]),
            treaty("besides", [told, "bank.other"]),
            treaty("strange", ["bank.other"]),
          ],
        }
      : context,
  );
  assert.deepEqual(
    servedBy(deposit, contexts)
      .map((one) =>
        one.kind === "treaty"
          ? [one.kind, one.context, one.name, one.isWaitedFor]
          : [one.kind, one.context, one.name, one.journal, one.types, one.target],
      )
      .sort(),
    [
      ["consumer", "front", "process-view", "ledger", deposit.facts, null],
      ["consumer", "ledger", "account", "front", [deposit.startedBy], "ledger"],
      ["consumer", "ledger", "hand-off-opener", "ledger", [told], null],
      ["treaty", "ledger", "besides", false],
      ["treaty", "ledger", "waited-for", true],
    ],
  );
});

test("without a context that accepts nothing serves it", () => {
  assert.deepEqual(servedBy(deposit, [{ name: "ledger" }]), []);
});
