import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Failure } from "@entente/core/model";
import { aTopUp, operator, startEdge } from "./edge.fixture.ts";
import { fakeId } from "./fake-names.fixture.ts";
import { assertProblem, call } from "./http-client.fixture.ts";

describe("a command", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const token = await edge.tokenFor();
  let keys = 0;
  const send = (headers: Record<string, string> = {}, body: unknown = aTopUp, as = token) =>
    call(edge.url, "POST", "/top-ups", {
      token: as,
      body,
      headers: { "idempotency-key": `key-${++keys}`, ...headers },
    });

  test("is answered 202 with its process, which can be read right away", async () => {
    const answer = await send();
    assert.equal(answer.status, 202);
    const { processId, ...rest } = answer.body;
    assert.deepStrictEqual(rest, { state: "queued" });
    assert.equal(answer.headers.get("location"), `/processes/${processId}`);
    assert.equal(answer.headers.get("idempotency-replayed"), null);
    const read = await call(edge.url, "GET", `/processes/${processId}`, { token });
    assert.equal(read.body.state, "queued");
  });

  test("reaches the system with caller, tenant, key and trace of its request", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await send({ "idempotency-key": "the-key", traceparent });
    assert.deepStrictEqual(edge.system.submissions.at(-1), {
      type: "flux.top-up",
      schemaVersion: "1.0.0",
      target: "subscription",
      tenantId: "demo",
      key: "acct-0001",
      customerId: null,
      caller: "ada",
      idempotencyKey: "the-key",
      traceparent,
      data: aTopUp,
    });
  });

  test("carries no trace when the caller sent none, or one that is not valid", async () => {
    const parent = "b7ad6b7169203331";
    const invalid = [
      `00-${"0".repeat(32)}-${parent}-01`,
      `00-0af7651916cd43dd8448eb211c80319c-${"0".repeat(16)}-01`,
      `ff-0af7651916cd43dd8448eb211c80319c-${parent}-01`,
      `00-0AF7651916CD43DD8448EB211C80319C-${parent}-01`,
      "nonsense",
    ];
    for (const traceparent of invalid) {
      assert.equal((await send({ traceparent })).status, 202);
      assert.equal(edge.system.submissions.at(-1)?.traceparent, null);
    }
  });

  test("repeated with the same body gets the same answer and a mark", async () => {
    const first = await send({ "idempotency-key": "again" });
    const second = await send({ "idempotency-key": "again" });
    assert.equal(second.status, 202);
    assert.deepStrictEqual(second.body, first.body);
    assert.equal(second.headers.get("location"), first.headers.get("location"));
    assert.equal(second.headers.get("idempotency-replayed"), "true");
  });

  test("with the key of another request is refused and told which process has it", async () => {
    const first = await send({ "idempotency-key": "mine" });
    const other = await send({ "idempotency-key": "mine" }, { ...aTopUp, units: 6 });
    assert.equal(assertProblem(other, 422, "idempotency-key-reused").processId, first.body.processId);
  });

  test("needs a key of 1 to 255 visible ASCII characters", async () => {
    const without = await call(edge.url, "POST", "/top-ups", { token, body: aTopUp });
    assertProblem(without, 400, "idempotency-key-missing");
    assertProblem(await send({ "idempotency-key": "" }), 400, "idempotency-key-missing");
    for (const key of ["a b", "é", "k".repeat(256), "a, b"]) {
      assertProblem(await send({ "idempotency-key": key }), 400, "idempotency-key-invalid");
    }
    for (const key of ["k", "k".repeat(255), '"quoted~!"']) {
      assert.equal((await send({ "idempotency-key": key })).status, 202);
    }
  });

  test("that breaks the schema is refused with the places that break it", async () => {
    const answer = await send({}, { accountId: "acct-0001", units: 0, extra: 1 });
    const { errors } = assertProblem(answer, 422, "body-invalid");
    const pointers = errors.map((error: { pointer: string }) => error.pointer);
    assert.ok(pointers.includes("/condenserId") && pointers.includes("/extra"), JSON.stringify(errors));
    const wrong = await send({}, { ...aTopUp, units: "5" });
    assert.deepStrictEqual(assertProblem(wrong, 422, "body-invalid").errors, [
      { pointer: "/units", detail: "must be integer" },
    ]);
  });

  test("for an account the token does not name is refused; an operator speaks for the whole tenant", async () => {
    const body = { ...aTopUp, accountId: "acct-0002" };
    assertProblem(await send({}, body), 403, "account-not-allowed");
    assert.equal((await send({}, body, await edge.tokenFor(operator))).status, 202);
  });

  test("is turned away with the expected wait while the backlog is full", async () => {
    const fields = { backlog: 9, backlogAllowed: 8, expectedWaitSeconds: 42 };
    edge.system.answerNext(new Failure("unavailable", "backlog-full", "Too many commands wait.", { fields }));
    const answer = await send();
    const problem = assertProblem(answer, 429, "backlog-full");
    assert.equal(problem.expectedWaitSeconds, 42);
    assert.equal(answer.headers.get("retry-after"), "42");
    assert.ok(!("backlog" in problem) && !("backlogAllowed" in problem));
  });
});

describe("a failure of the system", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const token = await edge.tokenFor();
  const answerTo = async (error: Error, headers: Record<string, string> = {}) => {
    edge.system.answerNext(error);
    return call(edge.url, "POST", "/top-ups", {
      token,
      body: aTopUp,
      headers: { "idempotency-key": "k", ...headers },
    });
  };

  test("is answered by what it means for the caller", async () => {
    const cases = [
      ["unavailable", "intake-full", 429, "1"],
      ["unavailable", "intake-closed", 503, "5"],
      ["unavailable", "database-unavailable", 503, "2"],
      ["unknown-outcome", "acceptance-unknown", 504, "5"],
      ["conflict", "cursor-outdated", 409, null],
      ["refused", "context-unknown", 404, null],
    ] as const;
    for (const [kind, code, status, retryAfter] of cases) {
      const answer = await answerTo(new Failure(kind, code, "As the system says."));
      assert.equal(assertProblem(answer, status, code).detail, "As the system says.");
      assert.equal(answer.headers.get("retry-after"), retryAfter);
    }
  });

  test("whose code is not in the catalogue is told by its kind, and its sentence stays inside", async () => {
    const cases = [
      ["refused", "refused", 422],
      ["conflict", "conflict", 409],
      ["unavailable", "unavailable", 503],
      ["unknown-outcome", "outcome-unknown", 504],
      ["defect", "internal-error", 500],
    ] as const;
    for (const [kind, code, status] of cases) {
      const answer = await answerTo(
        new Failure(kind, "relation-xyz", "raw text", { fields: { secret: "s3cret" } }),
      );
      assertProblem(answer, status, code);
      assert.ok(!/raw text|s3cret|xyz/.test(answer.text));
    }
  });

  test("that is a bug of ours gives a trace id and nothing else away; the log has the rest", async () => {
    const error = new TypeError("cannot read properties of /srv/secret");
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const traced = await answerTo(error, { traceparent });
    assert.equal(assertProblem(traced, 500, "internal-error").traceId, "0af7651916cd43dd8448eb211c80319c");
    const answer = await answerTo(error);
    const { traceId } = assertProblem(answer, 500, "internal-error");
    assert.match(traceId, /^[0-9a-f]{32}$/);
    assert.ok(!/secret|TypeError|\.ts/.test(answer.text));
    const line = edge.log.find((one) => one.traceId === traceId);
    assert.match(JSON.stringify(line), /cannot read properties/);
  });

  test("that claims a listed code without being fit for it is still a defect", async () => {
    const answer = await answerTo(new Failure("defect", "backlog-full", "A bug."));
    assertProblem(answer, 500, "internal-error");
  });

  test("success is not logged, refusal is a detail", async () => {
    const before = edge.log.length;
    await call(edge.url, "GET", "/healthz");
    assert.equal(edge.log.length, before);
    await call(edge.url, "GET", `/processes/${fakeId(99)}`, { token });
    assert.deepStrictEqual(
      edge.log.slice(before).map(({ level, code }) => ({ level, code })),
      [{ level: 20, code: "process-unknown" }],
    );
  });
});
