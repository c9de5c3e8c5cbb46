import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { auditor, customer, operator, startEdge } from "./edge.fixture.ts";
import { replacedCursor } from "./fake-system.fixture.ts";
import { assertProblem, call } from "./http-client.fixture.ts";
import type { TokenClaims } from "./tokens.ts";

describe("cursors", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const token = await edge.tokenFor(operator);
  const post = (path: string, body: unknown) => call(edge.url, "POST", path, { token, body });

  test("cursors are listed with their place and whether their journal was replaced, for those who look after it", async () => {
    const cursors = [
      replacedCursor,
      {
        ...replacedCursor,
        consumer: "balance",
        kind: "projection" as const,
        replaced: false,
        generation: null,
      },
      { ...replacedCursor, journal: "subscription", currentGeneration: null, replaced: null, lowest: null },
    ];
    edge.system.cursors = cursors;
    const path = "/ops/contexts/subscription/cursors";
    const read = async (claims: TokenClaims) =>
      call(edge.url, "GET", path, { token: await edge.tokenFor(claims) });
    for (const claims of [operator, auditor]) {
      const answer = await read(claims);
      assert.deepStrictEqual(answer.body, { cursors });
      assert.equal(answer.headers.get("cache-control"), "no-store");
    }
    assertProblem(await read(customer), 403, "role-not-allowed");
    assertProblem(await call(edge.url, "GET", path), 401, "token-missing");
    assertProblem(
      await call(edge.url, "GET", "/ops/contexts/nowhere/cursors", { token }),
      404,
      "context-unknown",
    );
  });

  test("a cursor whose journal was replaced is reset by an operator, with a reason", async () => {
    edge.system.cursors = [
      replacedCursor,
      { ...replacedCursor, consumer: "balance", kind: "projection", journal: "subscription" },
    ];
    const path = "/ops/contexts/subscription/cursors/reset";
    const base = { consumer: "account", journal: "gateway", why: "restored, INC-1" };
    const answer = await post(path, { ...base, to: "end" });
    assert.equal(answer.status, 200);
    assert.deepStrictEqual(answer.body, {
      consumer: "account",
      journal: "gateway",
      to: "end",
      generationBefore: replacedCursor.generation,
      generation: replacedCursor.currentGeneration,
      rebuildAdvised: false,
    });
    assert.equal((await post(path, { ...base, to: "start", acceptRepeats: true })).status, 200);
    const model = await post(path, { ...base, consumer: "balance", journal: "subscription", to: "start" });
    assert.equal(model.body.rebuildAdvised, true);
    const act = { ...base, tenantId: "demo", by: "olga" };
    assert.deepStrictEqual(edge.system.acts.splice(0), [
      { what: "reset-cursor", context: "subscription", act: { ...act, to: "end" } },
      { what: "reset-cursor", context: "subscription", act: { ...act, to: "start", acceptRepeats: true } },
      {
        what: "reset-cursor",
        context: "subscription",
        act: { ...act, consumer: "balance", journal: "subscription", to: "start" },
      },
    ]);
  });

  test("a reset that is not possible, not meant or not allowed is refused, each by its name", async () => {
    edge.system.cursors = [replacedCursor, { ...replacedCursor, journal: "subscription", replaced: false }];
    const path = "/ops/contexts/subscription/cursors/reset";
    const base = { consumer: "account", journal: "gateway", to: "end", why: "x" };
    const unknown = assertProblem(await post(path, { ...base, consumer: "nobody" }), 404, "cursor-unknown");
    assert.deepStrictEqual([unknown.consumer, unknown.journal], ["nobody", "gateway"]);
    assertProblem(await post(path, { ...base, journal: "subscription" }), 409, "cursor-not-replaced");
    for (const more of [{}, { acceptRepeats: false }])
      assertProblem(await post(path, { ...base, to: "start", ...more }), 422, "repeats-not-accepted");
    assertProblem(await post("/ops/contexts/nowhere/cursors/reset", base), 404, "context-unknown");
    for (const body of [
      { ...base, why: " " },
      { ...base, to: "middle" },
      { ...base, acceptRepeats: "yes" },
      { ...base, by: "somebody else" },
      { ...base, tenantId: "other" },
      { consumer: "account", to: "end", why: "x" },
    ]) {
      assertProblem(await post(path, body), 422, "body-invalid");
    }
    for (const claims of [auditor, customer]) {
      const answer = await call(edge.url, "POST", path, { token: await edge.tokenFor(claims), body: base });
      assertProblem(answer, 403, "role-not-allowed");
    }
    assert.deepStrictEqual(edge.system.acts, []);
  });
});
