import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type ChangeKind,
  changeKinds,
  undecidedChanges,
} from "../packages/core/src/contract/change-kinds.fixture.ts";
import { checkContract } from "../packages/core/src/contract/check-contract.ts";
import type { PublishedMessage, SystemContract } from "../packages/core/src/contract/published-message.ts";
import { snapshotText } from "../packages/core/src/contract/snapshot.ts";
import { contractedSystems, contractOf, messagesIn, snapshotOf, unpromised } from "./contracts.ts";
import { codeSpans, tablesOf } from "./markdown.ts";
import { readText } from "./tree.ts";

describe("every system", () => {
  for (const system of contractedSystems()) {
    describe(system, async () => {
      const contract = await contractOf(system);
      const snapshot = snapshotOf(system);

      test("gathers everything its contexts publish in app/contract.ts", async () => {
        assert.ok(contract !== null, `systems/${system}/app/contract.ts exports the contract`);
        assert.equal(contract.system, system);
        assert.deepEqual(unpromised(contract, await messagesIn(system)), []);
      });

      test("keeps what it promised, and what it promises is committed", () => {
        assert.ok(contract !== null && snapshot !== null, `entente contracts accept ${system}`);
        const told = checkContract(contract, snapshot).map(({ severity, subject, rule, at = "" }) =>
          `${severity}: ${subject} ${rule} ${at}`.trim(),
        );
        assert.deepEqual(told, [], `entente contracts check ${system}`);
      });

      test("has its snapshot in the form the command line writes", () => {
        assert.ok(snapshot !== null);
        assert.equal(readText(`systems/${system}/contracts.snapshot.json`), snapshotText(snapshot));
      });
    });
  }

  test("is found: there is at least Flux", () => assert.ok(contractedSystems().includes("flux")));
});

type Schema = {
  readonly properties: Record<string, object>;
  readonly required: readonly string[];
};

/** The contract of Flux with one message changed, as a careless hand would. */
async function fluxWith(
  type: string,
  change: (schema: Schema) => object,
  version = "1.1.0",
): Promise<SystemContract> {
  const contract = (await contractOf("flux")) as SystemContract;
  const changed = (message: PublishedMessage) =>
    message.type === type
      ? { ...message, schemaVersion: version, schema: change(message.schema as Schema), example: undefined }
      : message;
  return {
    ...contract,
    contexts: contract.contexts.map(({ name, messages }) => ({ name, messages: messages.map(changed) })),
  };
}

function without(map: Schema["properties"], name: string): Schema["properties"] {
  return Object.fromEntries(Object.entries(map).filter(([one]) => one !== name));
}

describe("a contract that must fail:", () => {
  const specimens: readonly [string, string, (schema: Schema) => object, string][] = [
    [
      "a fact without one of its members",
      "flux.balance-debited",
      (schema) => ({
        ...schema,
        properties: without(schema.properties, "currency"),
        required: schema.required.filter((name) => name !== "currency"),
      }),
      "member-missing /currency",
    ],
    [
      "an enumeration without one of its values",
      "flux.register-condenser",
      (schema) => ({ ...schema, properties: { ...schema.properties, model: { enum: ["car"] } } }),
      "value-not-listed /model",
    ],
    [
      "an enumeration with a value that subscribers of old do not know",
      "flux.condenser-registered",
      (schema) => ({
        ...schema,
        properties: { ...schema.properties, model: { enum: ["car", "train", "ship"] } },
      }),
      "value-not-listed /model",
    ],
    [
      "a command with one more required member",
      "flux.top-up",
      (schema) => ({
        ...schema,
        properties: { ...schema.properties, reason: { type: "string" } },
        required: [...schema.required, "reason"],
      }),
      "member-missing /reason",
    ],
    [
      "a command that takes less",
      "flux.top-up",
      (schema) => ({
        ...schema,
        properties: { ...schema.properties, units: { type: "integer", minimum: 1, maximum: 9_999 } },
      }),
      "number-out-of-range /units",
    ],
    [
      "an identifier with another pattern",
      "flux.change-plan",
      (schema) => ({
        ...schema,
        properties: { ...schema.properties, planId: { type: "string", pattern: "^[a-z0-9-]{1,64}$" } },
      }),
      "pattern-not-matched /planId",
    ],
    [
      "a member of another type",
      "flux.cycle-started",
      (schema) => ({ ...schema, properties: { ...schema.properties, startsAt: { type: "string" } } }),
      "type-not-accepted /startsAt",
    ],
  ];
  for (const [title, type, change, expected] of specimens) {
    test(title, async () => {
      const snapshot = snapshotOf("flux");
      assert.ok(snapshot !== null);
      const stopping = checkContract(await fluxWith(type, change), snapshot).filter(
        (one) => one.severity === "breaking",
      );
      assert.deepEqual([...new Set(stopping.map(({ rule, at }) => `${rule} ${at}`))], [expected]);
      assert.ok(
        stopping.every(({ subject, counterExample }) => subject === type && counterExample !== undefined),
      );
    });
  }

  test("a message that is published nowhere, or twice", async () => {
    const contract = (await contractOf("flux")) as SystemContract;
    const [gateway, ...others] = contract.contexts;
    assert.ok(gateway !== undefined);
    const messages = await messagesIn("flux");
    assert.deepEqual(unpromised({ ...contract, contexts: others }, messages), [
      "flux.top-up is in no context's messages",
    ]);
    assert.deepEqual(unpromised({ ...contract, contexts: [gateway, gateway, ...others] }, messages), [
      "flux.top-up is published twice",
    ]);
  });
});

describe("docs/reference/contract-compatibility.md", () => {
  const page = readText("docs/reference/contract-compatibility.md");
  const rows = (title: string) =>
    tablesOf(page)
      .filter(({ header }) => header[0] === title)
      .flatMap((table) => table.rows);
  const cell = (rule: ChangeKind["backward"]) => (rule === null ? "fine" : `\`${rule}\``);

  test("lists every kind of change with the verdict that the checker gives", () => {
    assert.deepEqual(
      rows("Change"),
      changeKinds.map(({ change, backward, forward }) => [
        change,
        cell(backward),
        cell(forward),
        backward === null && forward === null ? "fine" : "breaks",
      ]),
    );
  });

  test("lists what is left undecided", () => {
    assert.deepEqual(
      rows("Undecided"),
      undecidedChanges.map(({ change, rule }) => [change, `\`${rule}\``]),
    );
  });

  test("explains every rule, and no other", () => {
    const files = ["gap.ts", "contract-finding.ts"].map((file) =>
      readText(`packages/core/src/contract/${file}`),
    );
    const unions = files.map(
      (text) => /export type (?:GapRule|ContractRule) =([^;]+);/.exec(text)?.[1] ?? "",
    );
    const rules = [...unions.join("").matchAll(/"([a-z-]+)"/g)].map((match) => match[1] as string);
    assert.ok(rules.length > 30);
    const explained = rows("Rule").map(([rule = ""]) => codeSpans(rule)[0]);
    assert.deepEqual([...explained].sort(), [...rules].sort());
  });
});
