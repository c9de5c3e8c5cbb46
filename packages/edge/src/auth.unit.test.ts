import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { isFailure } from "@entente/core/model";
import type { FastifyPluginAsync } from "fastify";
import { aTopUp, auditor, customer, operator, secretTokens, startEdge } from "./edge.fixture.ts";
import { assertProblem, call } from "./http-client.fixture.ts";
import { openTokenIssuer } from "./tokens.ts";

describe("access", async () => {
  const edge = await startEdge();
  after(() => edge.close());

  test("a route that does not say who may call it stops the server from starting", async () => {
    const silent: FastifyPluginAsync = async (app) => {
      app.get("/secrets", async () => "everything");
    };
    await assert.rejects(
      startEdge({ routes: [silent] }),
      (error) => isFailure(error, "route-without-access") && error.message.includes("GET /secrets"),
    );
  });

  test("a route that names an error nobody knows stops the server from starting", async () => {
    const careless: FastifyPluginAsync = async (app) => {
      app.get("/x", { config: { access: { public: true }, problems: ["no-such-code"] } }, async () => "");
    };
    await assert.rejects(startEdge({ routes: [careless] }), /no-such-code/);
  });

  test("without a token, or with something else in its place, the caller is asked for one", async () => {
    const missing = await call(edge.url, "GET", "/processes/x");
    assertProblem(missing, 401, "token-missing");
    assert.equal(missing.headers.get("www-authenticate"), 'Bearer realm="entente"');
    for (const authorization of ["Basic YTpi", "Bearer", "Bearer ", "bearertoken"]) {
      assertProblem(
        await call(edge.url, "GET", "/processes/x", { headers: { authorization } }),
        401,
        "token-missing",
      );
    }
  });

  test("a token that is not one of ours, or past its time, is refused with that reason", async () => {
    const invalid = await call(edge.url, "GET", "/processes/x", { token: "a.b.c" });
    assertProblem(invalid, 401, "token-invalid");
    assert.match(invalid.headers.get("www-authenticate") ?? "", /error="invalid_token"/);
    const expired = await edge.tokenFor(customer, -60);
    assertProblem(await call(edge.url, "GET", "/processes/x", { token: expired }), 401, "token-expired");
    const elsewhere = openTokenIssuer({ ...secretTokens, audience: "elsewhere" });
    const { token } = await elsewhere(operator, 60);
    assertProblem(await call(edge.url, "GET", "/ops/parked", { token }), 401, "token-invalid");
  });

  test("the word Bearer may be written in any case", async () => {
    const authorization = `bEARER ${await edge.tokenFor()}`;
    const answer = await call(edge.url, "GET", "/processes/x", { headers: { authorization } });
    assertProblem(answer, 404, "process-unknown");
  });

  test("roles: auditors read and do not act, customers do not operate", async () => {
    const audit = await edge.tokenFor(auditor);
    const buy = await edge.tokenFor(customer);
    const act = { body: { why: "drill" } };
    assertProblem(
      await call(edge.url, "POST", "/top-ups", { token: audit, body: aTopUp }),
      403,
      "role-not-allowed",
    );
    assertProblem(
      await call(edge.url, "POST", "/ops/contexts/gateway/pause", { token: audit, ...act }),
      403,
      "role-not-allowed",
    );
    assert.equal((await call(edge.url, "GET", "/ops/parked", { token: audit })).status, 200);
    for (const path of ["/ops/parked", "/journals/gateway/events"]) {
      assertProblem(await call(edge.url, "GET", path, { token: buy }), 403, "role-not-allowed");
    }
  });

  test("a refused caller's body is not looked at", async () => {
    const answer = await call(edge.url, "POST", "/top-ups", {
      body: "{{{",
      headers: { "content-type": "text/xml" },
    });
    assertProblem(answer, 401, "token-missing");
  });
});
