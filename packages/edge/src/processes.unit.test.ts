import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Failure } from "@entente/core/model";
import { aTopUp, auditor, customer, operator, startEdge, type TestEdge } from "./edge.fixture.ts";
import { fakeId, fakeNow } from "./fake-names.fixture.ts";
import { delayedAfterMs } from "./fake-system.fixture.ts";
import { assertProblem, call } from "./http-client.fixture.ts";

async function accept(edge: TestEdge, key: string, body = aTopUp, token?: string): Promise<string> {
  const answer = await call(edge.url, "POST", "/top-ups", {
    token: token ?? (await edge.tokenFor({ accounts: [body.accountId] })),
    body,
    headers: { "idempotency-key": key },
  });
  return answer.body.processId;
}

describe("reading a process", async () => {
  const edge = await startEdge({ textOf: (record) => ({ title: "T", text: `It is ${record.state}.` }) });
  after(() => edge.close());
  const token = await edge.tokenFor();
  const at = "2026-01-15T12:00:00.000Z";

  test("shows state, steps, times and the customer's text; nothing that is not there", async () => {
    const processId = await accept(edge, "one");
    const answer = await call(edge.url, "GET", `/processes/${processId}`, { token });
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.deepStrictEqual(answer.body, {
      processId,
      type: "top-up",
      state: "queued",
      steps: [],
      acceptedAt: at,
      updatedAt: at,
      title: "T",
      text: "It is queued.",
    });
  });

  test("shows why it failed, what came of it, and that it is late", async () => {
    const processId = await accept(edge, "two");
    const reason = { code: "quota-exceeded", message: "No quota left." };
    edge.system.move(processId, "failed", {
      reason,
      steps: [{ name: "debit", state: "failed", at: fakeNow }],
    });
    const failed = await call(edge.url, "GET", `/processes/${processId}`, { token });
    assert.deepStrictEqual(failed.body.reason, reason);
    assert.deepStrictEqual(failed.body.steps, [{ name: "debit", state: "failed", at }]);
    const other = await accept(edge, "three");
    edge.system.move(other, "confirmed", { outcome: { units: 5 } });
    assert.deepStrictEqual((await call(edge.url, "GET", `/processes/${other}`, { token })).body.outcome, {
      units: 5,
    });
    const late = await accept(edge, "four");
    edge.system.clock.setOffset(delayedAfterMs + 1);
    assert.equal((await call(edge.url, "GET", `/processes/${late}`, { token })).body.delayed, true);
    edge.system.clock.setOffset(0);
  });

  test("a process of others, of another tenant or of nobody looks the same", async () => {
    const theirs = await accept(edge, "five", { ...aTopUp, accountId: "acct-0002" });
    const foreign = await edge.tokenFor({ tenant: "other", accounts: ["acct-0001"] });
    const mine = await accept(edge, "six");
    const answers = [
      await call(edge.url, "GET", `/processes/${theirs}`, { token }),
      await call(edge.url, "GET", `/processes/${mine}`, { token: foreign }),
      await call(edge.url, "GET", `/processes/${fakeId(0xffff)}`, { token }),
      await call(edge.url, "GET", "/processes/not-an-id", { token }),
      await call(edge.url, "GET", `/processes/${mine.toUpperCase()}`, { token }),
      await call(edge.url, "GET", `/processes/${encodeURIComponent("💥\u0000")}`, { token }),
    ];
    for (const answer of answers) assertProblem(answer, 404, "process-unknown");
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  });

  test("operators and auditors read their whole tenant and no other", async () => {
    const processId = await accept(edge, "seven");
    for (const claims of [operator, auditor]) {
      const own = await edge.tokenFor(claims);
      assert.equal((await call(edge.url, "GET", `/processes/${processId}`, { token: own })).status, 200);
      const other = await edge.tokenFor({ ...claims, tenant: "other" });
      assertProblem(
        await call(edge.url, "GET", `/processes/${processId}`, { token: other }),
        404,
        "process-unknown",
      );
    }
  });

  test("is unavailable while the store is away, and says when to come back", async () => {
    const processId = await accept(edge, "eight");
    edge.system.failWith(new Failure("unavailable", "database-unavailable", "The database did not answer."));
    const answer = await call(edge.url, "GET", `/processes/${processId}`, { token });
    edge.system.failWith(null);
    assertProblem(answer, 503, "database-unavailable");
    assert.equal(answer.headers.get("retry-after"), "2");
  });

  test("whose account is not its key is shown to the account's customers", async () => {
    await using own = await startEdge({ accountOf: (record) => record.customerId });
    const processId = await accept(own, "nine");
    const record = own.system.records.get(processId);
    assert.ok(record !== undefined);
    own.system.records.set(processId, { ...record, key: "order-1", customerId: "acct-0007" });
    const allowed = await own.tokenFor({ ...customer, accounts: ["acct-0007"] });
    assert.equal((await call(own.url, "GET", `/processes/${processId}`, { token: allowed })).status, 200);
    assertProblem(
      await call(own.url, "GET", `/processes/${processId}`, { token: await own.tokenFor() }),
      404,
      "process-unknown",
    );
  });
});

describe("answers with an ETag", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const token = await edge.tokenFor();

  test("are not sent again to who has them", async () => {
    const first = await call(edge.url, "GET", "/accounts/acct-0001/balance", { token });
    const etag = first.headers.get("etag") ?? "";
    assert.equal(first.status, 200);
    assert.match(etag, /^"[A-Za-z0-9_-]{22}"$/);
    assert.equal(first.headers.get("cache-control"), "private, max-age=2");
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const again = await call(edge.url, "GET", "/accounts/acct-0001/balance", {
        token,
        headers: { "if-none-match": known },
      });
      assert.equal(again.status, 304);
      assert.equal(again.text, "");
      assert.equal(again.headers.get("etag"), etag);
    }
    const changed = await call(edge.url, "GET", "/accounts/acct-0001/balance", {
      token,
      headers: { "if-none-match": '"other"' },
    });
    assert.equal(changed.status, 200);
  });

  test("do not go to who may not see them", async () => {
    assertProblem(
      await call(edge.url, "GET", "/accounts/acct-0002/balance", { token }),
      403,
      "account-not-allowed",
    );
  });
});
