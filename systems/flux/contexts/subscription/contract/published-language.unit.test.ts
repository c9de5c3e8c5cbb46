import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Value } from "typebox/value";
import { topUp } from "../../gateway/contract/top-up.ts";
import { subscriptionCommands, subscriptionFacts } from "./published-language.ts";
import { refusalReasons } from "./refusals.ts";
import { undoQuotaDebit } from "./undo-quota-debit.ts";

const messages = [...subscriptionCommands, ...subscriptionFacts];

describe("every message", () => {
  for (const message of messages) {
    test(`${message.type} has an example its schema accepts`, () => {
      assert.deepEqual([...Value.Errors(message.schema, message.example)], []);
      assert.match(message.schemaVersion, /^\d+\.\d+\.\d+$/);
    });
  }

  test("has a name of its own", () => {
    assert.equal(new Set(messages.map((message) => message.type)).size, messages.length);
  });
});

describe("every command", () => {
  for (const message of subscriptionCommands) {
    test(`${message.type} is for one account and takes no field it does not name`, () => {
      const schema = message.schema;
      assert.equal(Value.Check(schema, { ...message.example, unheardOf: 1 }), false);
      const { accountId: _, ...withoutAccount } = message.example;
      assert.equal(Value.Check(schema, withoutAccount), false);
    });
  }
});

test("an undo names every figure of its debit and no other", () => {
  const { debit, ...rest } = undoQuotaDebit.example;
  const check = (given: object) => Value.Check(undoQuotaDebit.schema, { ...rest, debit: given });
  assert.ok(check(debit));
  assert.ok(!Value.Check(undoQuotaDebit.schema, rest));
  assert.ok(!check({ ...debit, unheardOf: 1 }));
  for (const figure of Object.keys(debit)) assert.ok(!check({ ...debit, [figure]: undefined }), figure);
});

describe("a top-up", () => {
  const check = (fields: object) => Value.Check(topUp.schema, { ...topUp.example, ...fields });

  for (const units of [1, 10_000]) test(`of ${units} units passes`, () => assert.ok(check({ units })));
  for (const units of [0, 10_001, 2.5, "5"]) {
    test(`of ${JSON.stringify(units)} units does not pass`, () => assert.ok(!check({ units })));
  }
  test("names ids of 1 to 64 safe characters", () => {
    assert.ok(check({ accountId: "a".repeat(64) }));
    for (const accountId of ["", "a".repeat(65), "-a", "a/b", "a b", "a\n"]) assert.ok(!check({ accountId }));
  });
});

test("every refusal has one plain sentence", () => {
  for (const reason of Object.values(refusalReasons)) assert.match(reason, /^[A-Z].*\.$/);
});
