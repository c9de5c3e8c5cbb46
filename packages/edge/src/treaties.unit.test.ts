import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { auditor, operator, startEdge } from "./edge.fixture.ts";
import { fakeId } from "./fake-names.fixture.ts";
import { assertProblem, call } from "./http-client.fixture.ts";

const moment = "2026-01-15T12:00:00.000Z";

describe("treaties", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const token = await edge.tokenFor(operator);
  const reader = await edge.tokenFor(auditor);
  const stranger = await edge.tokenFor({ ...operator, tenant: "other" });
  const get = (path: string, by = token) => call(edge.url, "GET", path, { token: by });
  const post = (path: string, body: unknown, by = token) => call(edge.url, "POST", path, { token: by, body });

  test("every treaty is shown with whether it is in force, to operators and auditors", async () => {
    for (const by of [token, reader]) {
      assert.deepStrictEqual((await get("/ops/treaties", by)).body, {
        treaties: [
          {
            name: "bank",
            version: "1.0.0",
            context: "subscription",
            kind: "command-with-callback",
            target: "bank",
            stopped: true,
            code: "401",
            by: "entente",
            why: "credentials refused",
            feed: null,
          },
        ],
        budgets: [
          {
            context: "subscription",
            target: "bank",
            name: "payments",
            perDay: 10,
            used: 4,
            share: 0.4,
            warnAtShare: 0.8,
            callers: [{ treaty: "bank", operation: "pay", total: 4 }],
          },
        ],
      });
    }
    assert.deepStrictEqual((await get("/ops/treaties", stranger)).body.budgets, [], "another tenant's use");
    const dayOf = async (query: string) => (await get(`/ops/treaties${query}`)).body.budgets[0]?.used;
    assert.deepStrictEqual([await dayOf(""), await dayOf("?day=2026-01-01")], [4, 1]);
    assertProblem(await get("/ops/treaties?day=monday"), 422, "query-invalid");
  });

  test("a treaty is stopped and let go on by an operator with a reason, and by nobody else", async () => {
    assert.deepStrictEqual((await post("/ops/treaties/bank/stop", { why: "SAP asked for it" })).body, {
      name: "bank",
      stopped: true,
    });
    assert.equal((await post("/ops/treaties/bank/resume", { why: "they are back" })).status, 200);
    assert.deepStrictEqual(edge.system.acts.splice(0), [
      {
        what: "stop-treaty",
        context: "bank",
        act: { tenantId: "demo", by: "olga", why: "SAP asked for it" },
      },
      { what: "resume-treaty", context: "bank", act: { tenantId: "demo", by: "olga", why: "they are back" } },
    ]);
    assertProblem(await post("/ops/treaties/nobody/stop", { why: "x" }), 404, "treaty-unknown");
    assertProblem(await post("/ops/treaties/bank/stop", { why: " " }), 422, "body-invalid");
    assertProblem(await post("/ops/treaties/bank/stop", { why: "x" }, reader), 403, "role-not-allowed");
    assert.deepStrictEqual(edge.system.acts, []);
  });

  test("hand-offs are those not settled or those of one state, and the own tenant's only", async () => {
    const [one] = (await get("/ops/hand-offs")).body.handOffs;
    assert.deepStrictEqual(
      [one.context, one.handOffId, one.state, one.nextTryAt, one.deadlineAt, one.createdAt],
      ["subscription", fakeId(2), "unknown", moment, null, moment],
    );
    assert.deepStrictEqual(
      [one.requestHash, one.lastResponseHash, one.lastErrorText],
      ["0".repeat(32), null, "Their gateway gave up."],
    );
    assert.equal("tenantId" in one, false);
    assert.deepStrictEqual((await get("/ops/hand-offs?state=completed")).body, { handOffs: [] });
    assert.deepStrictEqual((await get("/ops/hand-offs", stranger)).body, { handOffs: [] });
    assertProblem(await get("/ops/hand-offs?state=nonsense"), 422, "query-invalid");
    assertProblem(await get("/ops/hand-offs?context=nowhere"), 404, "context-unknown");
  });

  test("callbacks and refused messages are shown as described, and the own tenant's callbacks only", async () => {
    for (const by of [token, reader]) {
      const { callbacks } = (await get("/ops/callbacks", by)).body;
      assert.deepStrictEqual(callbacks, [
        {
          context: "subscription",
          treaty: "bank",
          entryId: fakeId(5),
          messageId: "m-1",
          schemaVersion: "1.0.0",
          receivedAt: moment,
          state: "applied",
          code: null,
          reference: "k-1",
          payloadHash: "1".repeat(32),
          repeats: 1,
          reused: 0,
          handOffId: fakeId(2),
          aggregateType: "order",
          aggregateId: "o-1",
          key: "acct-0001",
          processId: fakeId(3),
        },
      ]);
      const code = "callback-signature-wrong";
      assert.deepStrictEqual((await get("/ops/callbacks/refused", by)).body.refused, [
        { context: "subscription", treaty: "bank", code, day: "2026-01-15", total: 2, lastAt: moment },
      ]);
    }
    assert.deepStrictEqual((await get("/ops/callbacks", stranger)).body, { callbacks: [] });
    const customer = await edge.tokenFor();
    for (const path of ["/ops/callbacks", "/ops/callbacks/refused"]) {
      assertProblem(await get(path, customer), 403, "role-not-allowed");
      assertProblem(await get(`${path}?treaty=nobody`), 404, "treaty-unknown");
      for (const query of ["before=nonsense", "limit=0", "limit=1001", "limit=x", "payload=yes"])
        assertProblem(await get(`${path}?${query}`), 422, "query-invalid");
    }
    for (const query of ["state=nonsense", "handOff=nonsense"])
      assertProblem(await get(`/ops/callbacks?${query}`), 422, "query-invalid");
    assertProblem(await get("/ops/callbacks/refused?before=2026-13-40"), 422, "query-invalid");
  });

  test("a case is shown with its safe acts, claimed, decided and closed, each with a reason", async () => {
    const [one] = (await get("/ops/cases", reader)).body.cases;
    assert.deepStrictEqual(
      [one.caseId, one.owner, one.acts, one.openedAt, one.closedAt],
      [fakeId(1), "payments", ["ask-again", "give-up"], moment, null],
    );
    assert.deepStrictEqual((await get("/ops/cases", stranger)).body, { cases: [] });
    const body = { context: "subscription", why: "seen in their books" };
    const path = `/ops/cases/${fakeId(1)}`;
    for (const [act, said] of [
      ["claim", body],
      ["decide", { ...body, act: "ask-again" }],
      ["close", body],
    ] as const)
      assert.equal((await post(`${path}/${act}`, said)).status, 200, act);
    const act = { tenantId: "demo", caseId: fakeId(1), by: "olga", why: body.why };
    assert.deepStrictEqual(edge.system.acts.splice(0), [
      { what: "claim-case", context: "subscription", act },
      { what: "decide-case", context: "subscription", act: { ...act, act: "ask-again" } },
      { what: "close-case", context: "subscription", act },
    ]);
    assertProblem(await post(`/ops/cases/${fakeId(7)}/claim`, body), 409, "case-not-open");
    assertProblem(await post("/ops/cases/nonsense/close", body), 409, "case-not-open");
    assertProblem(await post(`${path}/decide`, { ...body, act: "burn-it" }), 422, "body-invalid");
    assertProblem(await post(`${path}/close`, body, reader), 403, "role-not-allowed");
  });

  test("the business metrics of treaties are on the metrics page, in seconds", async () => {
    const { text } = await get("/metrics");
    assert.match(text, /^entente_treaty_retries_total\{treaty="bank",label=""\} 3$/m);
    assert.match(text, /^entente_treaty_pending_age_seconds\{treaty="bank",label="unknown"\} 1\.5$/m);
    assert.match(text, /^entente_treaty_callback_latency_seconds_total\{treaty="bank",label=""\} 90\.25$/m);
    assert.match(text, /^entente_treaty_deadlines_missed_total\{treaty="bank",label=""\} 5$/m);
    assert.match(text, /^entente_treaty_parked\{treaty="",label=""\} 2$/m);
    assert.doesNotMatch(text, /entente_treaty_[^\n]*demo/);
  });
});
