import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, describe, test } from "node:test";
import { type Entry, Failure } from "@entente/core/model";
import { CloudEvent } from "cloudevents";
import { consumerMetrics } from "./consumer-metrics.ts";
import { aTopUp, auditor, operator, secretTokens, startEdge } from "./edge.fixture.ts";
import { fakeId, fakeNow } from "./fake-names.fixture.ts";
import { assertProblem, call } from "./http-client.fixture.ts";

describe("operations", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const token = await edge.tokenFor(operator);
  const post = (path: string, body?: unknown) => call(edge.url, "POST", path, { token, body });

  test("a context is taken off line and back, with who and why", async () => {
    const paused = await post("/ops/contexts/subscription/pause", { why: "outage drill" });
    assert.equal(paused.status, 200);
    assert.deepStrictEqual(paused.body, { name: "subscription", state: "paused" });
    // Without a body, too.
    assert.deepStrictEqual((await post("/ops/contexts/subscription/resume")).body, {
      name: "subscription",
      state: "up",
    });
    assert.deepStrictEqual(edge.system.acts.splice(0), [
      { what: "pause", context: "subscription", act: { tenantId: "demo", by: "olga", why: "outage drill" } },
      { what: "resume", context: "subscription", act: { tenantId: "demo", by: "olga", why: "" } },
    ]);
  });

  test("what is kept is listed, and what is asked to go before its time is refused by name", async () => {
    edge.system.journals = [
      {
        context: "subscription",
        isIntake: false,
        keptDays: 2_557,
        historyBegins: null,
        months: [
          { month: "2026-01", state: "kept", keptUntil: fakeNow, holds: [] },
          { month: "2019-01", state: "due", keptUntil: 0, holds: [{ what: "unread", says: "Not read." }] },
        ],
        archives: [],
      },
    ];
    const listed = await call(edge.url, "GET", "/ops/retention", { token: await edge.tokenFor(auditor) });
    assert.deepStrictEqual(listed.body, {
      journals: [
        {
          ...edge.system.journals[0],
          months: [
            { month: "2026-01", state: "kept", keptUntil: "2026-01-15T12:00:00.000Z", holds: [] },
            {
              month: "2019-01",
              state: "due",
              keptUntil: "1970-01-01T00:00:00.000Z",
              holds: [{ what: "unread", says: "Not read." }],
            },
          ],
        },
      ],
    });
    const path = (month: string) => `/ops/contexts/subscription/months/${month}/delete`;
    const refused = assertProblem(await post(path("2026-01"), { why: "space" }), 409, "retention-not-over");
    assert.equal(refused.month, "2026-01");
    assert.ok(refused.keptUntil);
    assertProblem(await post(path("2018-01"), { why: "space" }), 404, "month-unknown");
    assertProblem(await post(path("2019-01")), 422, "body-invalid");
    const byAuditor = { token: await edge.tokenFor(auditor), body: { why: "space" } };
    assertProblem(await call(edge.url, "POST", path("2019-01"), byAuditor), 403, "role-not-allowed");
    assert.equal((await post(path("2019-01"), { why: "space" })).status, 200);
    assert.deepStrictEqual(edge.system.acts.splice(0), [
      {
        what: "delete-month",
        context: "subscription",
        act: { tenantId: "demo", by: "olga", why: "space", month: "2019-01" },
      },
    ]);
  });

  test("a context nobody has is unknown", async () => {
    assert.equal(
      assertProblem(await post("/ops/contexts/nowhere/pause"), 404, "context-unknown").context,
      "nowhere",
    );
    assertProblem(
      await call(edge.url, "GET", "/ops/parked?context=nowhere", { token }),
      404,
      "context-unknown",
    );
    assertProblem(await call(edge.url, "GET", "/journals/nowhere/events", { token }), 404, "context-unknown");
  });

  const parked = {
    consumer: "account",
    entryId: fakeId(1),
    tenantId: "demo",
    key: "acct-0001",
    processId: fakeId(1),
    type: "flux.top-up",
    state: "parked",
    policy: "step-aside",
    attempts: 5,
    causeCode: "broken",
    causeText: "It broke.",
    parkedAt: fakeNow,
    waiting: 2,
  } as const;

  test("parked entries are listed over all contexts, or of one, those of the own tenant", async () => {
    edge.system.parked = [parked, { ...parked, tenantId: "other", entryId: fakeId(2) }];
    const { tenantId: _own, ...rest } = parked;
    const shown = { context: "subscription", ...rest, parkedAt: "2026-01-15T12:00:00.000Z" };
    assert.deepStrictEqual((await call(edge.url, "GET", "/ops/parked", { token })).body, { parked: [shown] });
    const none = await call(edge.url, "GET", "/ops/parked?context=gateway&limit=1", { token });
    assert.deepStrictEqual(none.body, { parked: [] });
    for (const query of [
      "limit=0",
      "limit=1001",
      "limit=x",
      "limit=1&limit=2",
      "limit=1e2",
      "more=1",
      "context=",
    ]) {
      assertProblem(await call(edge.url, "GET", `/ops/parked?${query}`, { token }), 422, "query-invalid");
    }
  });

  test("a parked entry is redriven, corrected or discarded, with a reason", async () => {
    edge.system.parked = [parked];
    const base = { context: "subscription", why: "fixed upstream" };
    const path = `/ops/parked/${parked.entryId}`;
    assert.equal((await post(`${path}/redrive`, base)).status, 202);
    assert.equal((await post(`${path}/correct`, { ...base, data: { units: 1 } })).status, 202);
    assert.equal((await post(`${path}/discard`, base)).status, 200);
    const act = { why: base.why, tenantId: "demo", entryId: parked.entryId, by: "olga" };
    assert.deepStrictEqual(edge.system.acts.splice(0), [
      { what: "redrive", context: "subscription", act },
      { what: "correct", context: "subscription", act: { ...act, corrected: { units: 1 } } },
      { what: "discard", context: "subscription", act },
    ]);
    for (const body of [
      { context: "subscription" },
      { ...base, why: "" },
      { ...base, why: " \n" },
      { why: "x" },
    ]) {
      assertProblem(await post(`${path}/redrive`, body), 422, "body-invalid");
    }
    assertProblem(await post(`${path}/correct`, base), 422, "body-invalid");
    assertProblem(await post(`${path}/redrive`, { ...base, data: {} }), 422, "body-invalid");
  });

  test("an entry that is not parked is a conflict, whatever its id looks like", async () => {
    const body = { context: "subscription", why: "x" };
    for (const id of [fakeId(7), "nonsense", "%F0%9F%A6%8A"]) {
      for (const act of ["redrive", "discard"]) {
        assertProblem(await post(`/ops/parked/${id}/${act}`, body), 409, "not-parked");
      }
    }
  });
});

describe("the journal feed", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const token = await edge.tokenFor(auditor);
  const entry: Entry = {
    id: fakeId(1),
    kind: "event",
    type: "flux.balance-debited",
    schemaVersion: "1.0.0",
    source: "subscription",
    target: null,
    tenantId: "demo",
    key: "acct-0001",
    keyVersion: 3,
    processId: fakeId(1),
    correlationId: fakeId(1),
    causationId: fakeId(1),
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: fakeNow,
    data: { units: 5 },
    position: { xid: "7", seq: "9" },
    lane: 0,
  };

  test("gives a page of valid CloudEvents and says where to go on", async () => {
    edge.system.page = { entries: [entry], cursor: "abc_-" };
    const answer = await call(edge.url, "GET", "/journals/subscription/events?limit=10", { token });
    assert.equal(answer.headers.get("content-type"), "application/cloudevents-batch+json");
    assert.equal(answer.headers.get("entente-cursor"), "abc_-");
    assert.equal(
      answer.headers.get("link"),
      '</journals/subscription/events?cursor=abc_-&limit=10>; rel="next"',
    );
    const [event] = answer.body;
    assert.ok(new CloudEvent(event).validate());
    assert.equal(event.subject, "acct-0001");
    edge.system.page = { entries: [], cursor: "abc_-" };
    assert.deepStrictEqual(
      (await call(edge.url, "GET", "/journals/subscription/events", { token })).body,
      [],
    );
  });

  test("says of every event for how long it is news, and marks what is past that", async () => {
    const observed = { ...entry, ttlMs: 60_000 };
    edge.system.page = {
      entries: [entry, observed, { ...observed, occurredAt: fakeNow - 60_001 }],
      cursor: "abc_-",
    };
    const { body } = await call(edge.url, "GET", "/journals/subscription/events", { token });
    const said = (body as { ttlms: string; stale?: boolean }[]).map(({ ttlms, stale }) => [ttlms, stale]);
    assert.deepStrictEqual(said, [
      ["never", undefined],
      ["60000", undefined],
      ["60000", true],
    ]);
  });

  test("a cursor that is none, or of a journal that was replaced, is refused", async () => {
    const read = (cursor: string) =>
      call(edge.url, "GET", `/journals/gateway/events?cursor=${cursor}`, { token });
    const failures = [
      [new Failure("refused", "cursor-invalid", "No."), 422, "cursor-invalid"],
      [new Failure("defect", "data-rejected", "Out of range."), 422, "cursor-invalid"],
      [new Failure("conflict", "cursor-outdated", "No."), 409, "cursor-outdated"],
    ] as const;
    for (const [failure, status, code] of failures) {
      edge.system.failWith(failure);
      assertProblem(await read("x"), status, code);
    }
    edge.system.failWith(null);
    assertProblem(await read("x".repeat(201)), 422, "query-invalid");
  });
});

describe("health and metrics", async () => {
  const edge = await startEdge();
  after(() => edge.close());

  test("the process is alive while the store is away, and not ready", async () => {
    edge.system.failWith(new Failure("unavailable", "database-unavailable", "Away."));
    assert.equal((await call(edge.url, "GET", "/healthz")).status, 200);
    assertProblem(await call(edge.url, "GET", "/readyz"), 503, "not-ready");
    edge.system.failWith(null);
    assert.deepStrictEqual((await call(edge.url, "GET", "/readyz")).body, { status: "ok" });
  });

  test("the status is there for everybody and kept by nobody", async () => {
    const answer = await call(edge.url, "GET", "/status");
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.deepStrictEqual(Object.keys(answer.body), [
      "maintenance",
      "backlog",
      "expectedWaitSeconds",
      "contexts",
    ]);
  });

  test("metrics count requests, commands and problems, and name no tenant, account or path of a client", async () => {
    const token = await edge.tokenFor({ tenant: "secret-tenant", accounts: ["acct-0001"] });
    const send = (key: string, units = 5) =>
      call(edge.url, "POST", "/top-ups", {
        token,
        body: { ...aTopUp, units },
        headers: { "idempotency-key": key },
      });
    await send("a");
    await send("a");
    await send("a", 6);
    edge.system.answerNext(
      new Failure("unavailable", "backlog-full", "Full.", { fields: { expectedWaitSeconds: 1 } }),
    );
    await send("b");
    await call(edge.url, "GET", "/processes/secret-path", { token });
    await call(edge.url, "GET", "/secret-path");
    const { text } = await call(edge.url, "GET", "/metrics");
    for (const line of [
      'entente_commands_total{outcome="accepted"} 1',
      'entente_commands_total{outcome="repeated"} 1',
      'entente_commands_total{outcome="key-reused"} 1',
      'entente_commands_total{outcome="turned-away"} 1',
      'entente_problems_total{code="backlog-full"} 1',
      'entente_problems_total{code="route-unknown"} 1',
      'entente_http_request_duration_seconds_count{method="POST",route="/top-ups",status="2xx"} 2',
      'entente_http_request_duration_seconds_count{method="POST",route="/top-ups",status="4xx"} 2',
      'entente_http_request_duration_seconds_bucket{method="POST",route="/top-ups",status="2xx",le="+Inf"} 2',
      'entente_context_state{context="subscription",state="up"} 1',
      'entente_context_lag_seconds{context="subscription"} 0.012',
      'entente_open_streams{kind="sse"} 0',
      "entente_backlog_commands 0",
    ]) {
      assert.ok(text.split("\n").includes(line), `${line}\n\n${text}`);
    }
    assert.ok(!/secret|acct-0001|demo|ada/.test(text));
  });

  test("metrics can be kept for operators, and show what consumers report", async () => {
    const consumers = consumerMetrics();
    const consumer = "account";
    consumers.report({ event: "batch", consumer, entries: 40, tookMs: 3, oldestAt: 0, latest: null });
    consumers.report({ event: "retrying", consumer, processId: fakeId(1), code: "broken" });
    consumers.report({
      event: "parked",
      consumer,
      processId: fakeId(1),
      entryId: fakeId(1),
      code: "broken",
      text: "raw",
    });
    consumers.report({ event: "fenced", consumer });
    consumers.report({ event: "unavailable", consumer, code: "database-unavailable" });
    consumers.report({ event: "lanes", consumer, lanes: [1] });
    await using own = await startEdge({
      registers: [consumers.register],
      metricsAccess: { roles: ["operator"] },
    });
    assertProblem(await call(own.url, "GET", "/metrics"), 401, "token-missing");
    const { text } = await call(own.url, "GET", "/metrics", { token: await own.tokenFor(operator) });
    assert.match(text, /entente_consumer_entries_total\{consumer="account"\} 40/);
    assert.match(
      text,
      /entente_consumer_troubles_total\{consumer="account",event="parked",code="broken"\} 1/,
    );
    assert.match(text, /event="fenced",code="lane-fenced"\} 1/);
  });
});

describe("the dev routes", async () => {
  const edge = await startEdge();
  after(() => edge.close());

  test("a token for anybody works like any token", async () => {
    const body = { sub: "zoe", tenant: "demo", role: "customer", accounts: ["acct-0001"] };
    const answer = await call(edge.url, "POST", "/dev/token", { body });
    assert.equal(answer.status, 200);
    assert.ok(Date.parse(answer.body.expiresAt) > Date.now() + 3_600_000);
    const used = await call(edge.url, "GET", `/processes/${fakeId(1)}`, { token: answer.body.token });
    assertProblem(used, 404, "process-unknown");
    for (const wrong of [
      { ...body, role: "root" },
      { ...body, sub: "a\nb" },
      { ...body, accounts: ["/"] },
      {},
    ]) {
      assertProblem(await call(edge.url, "POST", "/dev/token", { body: wrong }), 422, "body-invalid");
    }
  });

  test("business time is set and advanced", async () => {
    const clock = (body: unknown) => call(edge.url, "POST", "/dev/clock", { body });
    assert.deepStrictEqual((await clock({ advance: "PT15M" })).body, { now: "2026-01-15T12:15:00.000Z" });
    assert.deepStrictEqual((await clock({ advance: "P1M" })).body, { now: "2026-02-15T12:15:00.000Z" });
    assert.deepStrictEqual((await clock({ now: "2026-01-31T23:59:00+01:00" })).body, {
      now: "2026-01-31T22:59:00.000Z",
    });
    const nonsense = [
      {},
      { now: "2026-01-31T23:59:00Z", advance: "PT1S" },
      { advance: "-PT1S" },
      { advance: "15m" },
      { advance: "" },
      { advance: "P9999999Y" },
      { advance: 900 },
      { now: "yesterday" },
      { now: "2026-01-31" },
      { now: 0 },
      { now: "1969-01-01T00:00:00Z" },
      { now: "+275760-09-13T00:00:00Z" },
      { later: true },
    ];
    for (const body of nonsense) assertProblem(await clock(body), 422, "body-invalid");
  });

  test("in production they do not exist", async () => {
    const { publicKey } = generateKeyPairSync("ed25519");
    const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    const tokens = { ...secretTokens, key: { kind: "public-key", pem, algorithm: "EdDSA" } } as const;
    await using production = await startEdge({ mode: "production", tokens });
    for (const path of ["/dev/token", "/dev/clock"]) {
      assertProblem(await call(production.url, "POST", path, { body: {} }), 404, "route-unknown");
    }
    const spoofed = await edge.tokenFor(operator);
    assertProblem(await call(production.url, "GET", "/ops/parked", { token: spoofed }), 401, "token-invalid");
  });
});
