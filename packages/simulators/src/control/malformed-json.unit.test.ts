import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { malformedJson } from "./malformed-json.ts";

const answer = (body: string) => ({ status: 201, headers: { "content-type": "application/json" }, body });

describe("a malformed answer", () => {
  for (const [variant, body, expected] of [
    ["missing-field", '{"id":"a","status":"b"}', '{"id":"a"}'],
    ["wrong-type", '{"id":"a","status":"b"}', '{"id":"a","status":42}'],
    ["wrong-type", '{"status":7}', '{"status":"forty-two"}'],
    ["missing-field", '{"list":[{"id":"a"},{"id":"b"}]}', '{"list":[{},{"id":"b"}]}'],
    ["missing-field", '{"colour":"red"}', '{"colour"'.slice(0, 8)],
    ["missing-field", "plain text", "plain"],
    ["not-json", '{"id":"a"}', '{"id"'],
    ["not-json", "[]", "{"],
  ] as const) {
    test(`${variant} of ${body} is ${expected}`, () => {
      const spoilt = malformedJson(variant, answer(body), ["status", "id"]);
      assert.equal(spoilt.body, expected);
      assert.equal(spoilt.status, 201);
    });
  }
});
