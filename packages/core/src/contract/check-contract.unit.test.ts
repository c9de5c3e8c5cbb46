import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type TSchema, Type } from "typebox";
import { acceptContract } from "./accept-contract.ts";
import { checkContract } from "./check-contract.ts";
import { type ContractFinding, stopsRelease } from "./contract-finding.ts";
import type { PublishedMessage, SystemContract } from "./published-message.ts";
import { type ContractSnapshot, emptySnapshot, readSnapshot, snapshotText } from "./snapshot.ts";

const model = Type.Enum(["car", "train"]);
const command = (
  members: Record<string, TSchema>,
  said: Partial<PublishedMessage> = {},
): PublishedMessage => ({
  kind: "command",
  type: "shop.order",
  schemaVersion: "1.0.0",
  schema: Type.Object({ id: Type.String(), ...members }, { additionalProperties: false }),
  ...said,
});
const fact = (members: Record<string, TSchema>, said: Partial<PublishedMessage> = {}): PublishedMessage => ({
  kind: "event",
  type: "shop.ordered",
  schemaVersion: "1.0.0",
  schema: Type.Object({ id: Type.String(), ...members }),
  ...said,
});
const shop = (...messages: PublishedMessage[]): SystemContract => ({
  system: "shop",
  contexts: [{ name: "sales", messages }],
});

/** As it would be committed and read again. */
function promised(...messages: PublishedMessage[]): ContractSnapshot {
  return accepted(shop(...messages), emptySnapshot("shop"));
}

function accepted(contract: SystemContract, before: ContractSnapshot, reason?: string): ContractSnapshot {
  const because = reason === undefined ? null : { reason, date: "2026-11-24" };
  const text = snapshotText(acceptContract(contract, before, checkContract(contract, before), because));
  const read = readSnapshot(text);
  assert.ok(read !== null);
  assert.equal(snapshotText(read), text);
  return read;
}

function told(findings: readonly ContractFinding[]): string[] {
  return findings.map(({ severity, rule, at }) => `${severity} ${rule}${at === undefined ? "" : ` ${at}`}`);
}

const v11 = { schemaVersion: "1.1.0" };

describe("a specimen that must fail:", () => {
  const specimens: [string, PublishedMessage, PublishedMessage, string[]][] = [
    [
      "a new required field in a command",
      command({}),
      command({ model }, v11),
      ["breaking member-missing /model"],
    ],
    [
      "a field taken from a command",
      command({ model }),
      command({}, v11),
      ["breaking member-not-allowed /model"],
    ],
    [
      "a narrowed enumeration in a command",
      command({ model }),
      command({ model: Type.Enum(["car"]) }, v11),
      ["breaking value-not-listed /model"],
    ],
    ["a field taken from a fact", fact({ model }), fact({}, v11), ["breaking member-missing /model"]],
    ["a new required field in a fact", fact({}), fact({ model }, v11), ["breaking member-missing /model"]],
    [
      "a widened enumeration in a fact, which subscribers of old do not know",
      fact({ model: Type.Enum(["car"]) }),
      fact({ model }, v11),
      ["breaking value-not-listed /model"],
    ],
    [
      "a pattern beyond the checker",
      command({ code: Type.String({ pattern: "^(?=a)[a-z]*$" }) }),
      command({ code: Type.String({ pattern: "^[a-b]*$" }) }, v11),
      ["undecided pattern-not-matched /code"],
    ],
  ];
  for (const [title, before, now, expected] of specimens) {
    test(title, () => {
      const findings = checkContract(shop(now), promised(before));
      const stopping = findings.filter((finding) => finding.severity !== "compatible");
      assert.deepEqual(told(stopping), expected);
      assert.equal(stopsRelease(findings), true);
      for (const { severity, counterExample } of stopping) {
        assert.equal(counterExample !== undefined, severity === "breaking");
      }
    });
  }

  test("a message that is gone", () => {
    assert.deepEqual(told(checkContract(shop(), promised(fact({})))), ["breaking message-removed"]);
  });

  test("another schema under the same version, even a compatible one", () => {
    const findings = checkContract(
      shop(command({ note: Type.Optional(Type.String()) })),
      promised(command({})),
    );
    assert.deepEqual(told(findings), ["breaking schema-version-same"]);
  });

  test("a version that goes back, by number and not by text", () => {
    const findings = checkContract(
      shop(command({}, { schemaVersion: "1.9.0" })),
      promised(command({}, { schemaVersion: "1.10.0" })),
    );
    assert.deepEqual(told(findings), ["breaking schema-version-lowered"]);
  });

  test("a command that becomes a fact", () => {
    const findings = checkContract(shop(command({}, { kind: "event" })), promised(command({})));
    assert.deepEqual(told(findings), ["breaking kind-changed", "compatible compatibility-raised"]);
  });

  test("a promise that is lowered", () => {
    const findings = checkContract(shop(fact({}, { compatibility: "backward" })), promised(fact({})));
    assert.deepEqual(told(findings), ["breaking compatibility-lowered"]);
  });

  test("an example with members that the schema does not name", () => {
    const findings = checkContract(
      shop(fact({}, { example: { id: "a", unheardOf: 1 } })),
      promised(fact({})),
    );
    assert.deepEqual(told(findings), ["undecided example-not-written"]);
  });
});

describe("a neighbour that must pass:", () => {
  const optional = { note: Type.Optional(Type.String()) };
  const neighbours: [string, PublishedMessage, PublishedMessage, string[]][] = [
    ["nothing changed", fact({ model }), fact({ model }), []],
    ["a description", fact({}), fact({}, { schema: Type.Object({ id: Type.String({ title: "x" }) }) }), []],
    ["an optional field in a command", command({}), command(optional, v11), ["compatible schema-changed"]],
    ["an optional field in a fact", fact({}), fact(optional, v11), ["compatible schema-changed"]],
    [
      "a new required field in a fact that promises old readers only",
      fact({}, { compatibility: "forward" }),
      fact({ model }, { ...v11, compatibility: "forward" }),
      ["compatible schema-changed"],
    ],
    [
      "a promise that is raised",
      command({}),
      command({}, { compatibility: "full" }),
      ["compatible compatibility-raised"],
    ],
    ["a new message", fact({}), fact({}), []],
  ];
  for (const [title, before, now, expected] of neighbours) {
    test(title, () => assert.deepEqual(told(checkContract(shop(now), promised(before))), expected));
  }
});

describe("versions", () => {
  const text = command({ note: Type.Optional(Type.String()) });
  const without = command({}, { schemaVersion: "2.0.0" });

  test("that were accepted stay to be understood: a member may not come back as something else", () => {
    const read = { compatibility: "backward" } as const;
    const first = fact({ note: Type.Optional(Type.String()) }, read);
    const second = fact({}, { ...read, schemaVersion: "2.0.0" });
    const third = fact({ note: Type.Optional(Type.Integer()) }, { ...read, schemaVersion: "3.0.0" });
    const before = accepted(shop(second), promised(first));
    assert.deepEqual(Object.keys(before.messages["shop.ordered"]?.versions ?? {}), ["1.0.0", "2.0.0"]);
    const stopping = checkContract(shop(third), before).filter(({ severity }) => severity !== "compatible");
    assert.deepEqual(
      stopping.map(({ rule, at, version }) => [rule, at, version]),
      [["type-not-accepted", "/note", "1.0.0"]],
    );
  });

  test("that a breaking change gave up are retired, with the reason and the day", () => {
    const before = accepted(shop(without), promised(text), "nobody sends notes");
    assert.deepEqual(before.messages["shop.order"]?.retired, ["1.0.0"]);
    assert.deepEqual(Object.keys(before.messages["shop.order"]?.versions ?? {}), ["2.0.0"]);
    assert.deepEqual(before.broken, [
      { date: "2026-11-24", reason: "nobody sends notes", changes: ["shop.order: member-not-allowed /note"] },
    ]);
    assert.deepEqual(checkContract(shop(without), before), []);
  });

  test("keep the reasons given before", () => {
    const first = accepted(shop(without), promised(text), "one");
    const second = accepted(shop(), first, "two");
    assert.deepEqual(
      second.broken.map(({ reason, changes }) => [reason, changes]),
      [
        ["one", ["shop.order: member-not-allowed /note"]],
        ["two", ["shop.order: message-removed"]],
      ],
    );
  });

  test("without a break record no reason", () => {
    assert.deepEqual(accepted(shop(text), promised(text), "for nothing").broken, []);
  });
});

describe("a snapshot", () => {
  test("has the same text however its parts were ordered", () => {
    const [a, b] = [fact({}), command({})];
    assert.equal(snapshotText(promised(a, b)), snapshotText(promised(b, a)));
    const swapped = {
      ...b,
      schema: JSON.parse(
        '{"additionalProperties":false,"required":["id"],"properties":{"id":{"type":"string"}},"type":"object"}',
      ),
    };
    assert.equal(snapshotText(promised(a, b)), snapshotText(promised(a, swapped)));
  });

  test("that is damaged is not read", () => {
    const text = snapshotText(promised(fact({})));
    for (const damaged of ["", "{}", "[]", text.slice(1), text.replace('"1.0.0": {', '"1.0.1": {')]) {
      assert.equal(readSnapshot(damaged), null, damaged);
    }
  });
});
