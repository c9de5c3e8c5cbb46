import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Parser } from "@asyncapi/parser";
import { asyncApi } from "./asyncapi.ts";
import { shop, shopAtlas } from "./shop.fixture.ts";

const info = {
  title: "Shop",
  version: "1.0.0",
  description: "Sells things.",
  license: { name: "Apache-2.0" },
};

/** Judged by the reference parser: what it says, worst first. */
async function judged(document: unknown) {
  const { document: parsed, diagnostics } = await new Parser().parse(JSON.stringify(document));
  return {
    parsed,
    told: diagnostics.map(({ severity, code, path }) => `${severity} ${code} ${path.join(".")}`),
  };
}

describe("the AsyncAPI document", async () => {
  const document = asyncApi(shop, shopAtlas.contract, info);
  const { parsed, told } = await judged(document);

  test("is AsyncAPI 3.1 without error or warning for the reference parser", () => {
    assert.equal(parsed?.version(), "3.1.0");
    // 2 and 3 are notes and hints.
    assert.deepEqual(
      told.filter((one) => /^[01] /.test(one)),
      [],
    );
  });

  test("has every command, every fact and every callback, each with its operation", () => {
    const ids = (parsed?.allOperations().all() ?? []).map((one) => {
      const messages = one
        .messages()
        .all()
        .map((message) => message.id());
      return `${one.action()} ${one.id()}: ${messages.join(", ")}`;
    });
    assert.deepEqual(ids, [
      "receive orders.commands.receive: shop.order",
      "send orders.facts.send: shop.ordered",
      "send shipping.facts.send: shop.shipped",
      "receive carrier-command-with-callback.callbacks.receive: carrier-command-with-callback.callback",
    ]);
  });

  test("that must fail: an operation on no channel", async () => {
    const lost = { action: "send", channel: { $ref: "#/channels/nowhere" } };
    const { told } = await judged({ ...document, operations: { lost } });
    assert.deepEqual(told, ["0 invalid-ref operations.lost.channel.$ref"]);
  });

  test("that must fail: a payload that is no schema", async () => {
    const messages = { strange: { payload: { type: "strung" } } };
    const { told } = await judged({
      ...document,
      components: { ...(document.components as object), messages },
    });
    assert.ok(
      told.some((one) => /^0 asyncapi-document-resolved components\.messages\.strange\.payload/.test(one)),
      told.join("\n"),
    );
  });
});
