/** The edge over a real system on a real server: what the in-memory system of the other tests only stands for. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, describe, test } from "node:test";
import {
  type Decider,
  type Entry,
  type ProcessDefinition,
  type SystemDefinition,
  startSystem,
} from "@entente/core";
import { testServer } from "@entente/testkit";
import { consumerMetrics } from "./consumer-metrics.ts";
import { aTopUp, operator, secretTokens, topUpRoutes } from "./edge.fixture.ts";
import { assertProblem, call, followEvents, openPush } from "./http-client.fixture.ts";
import { buildEdge } from "./server.ts";
import { openTokenIssuer } from "./tokens.ts";

const decider: Decider<{ readonly units: number }> = {
  name: "account",
  commands: { "flux.top-up": { parking: "step-aside", schemaVersion: "1.0.0" } },
  facts: [
    { type: "flux.balance-debited", schemaVersion: "1.0.0" },
    { type: "flux.top-up-refused", schemaVersion: "1.0.0" },
  ],
  refusalType: "flux.top-up-refused",
  initial: { units: 0 },
  decide: (_state, { data }: Entry) =>
    data.units === 666
      ? { refused: true, code: "unlucky", reason: "Not this number." }
      : { facts: [{ type: "flux.balance-debited", data: { units: Number(data.units) } }] },
  evolve: (state, { data }) => ({ units: state.units + Number(data.units ?? 0) }),
};

const topUpProcess: ProcessDefinition = {
  type: "top-up",
  startedBy: "flux.top-up",
  delayedAfterMs: 30_000,
  facts: ["flux.balance-debited", "flux.top-up-refused"],
  apply: (view, fact) =>
    fact.type === "flux.balance-debited"
      ? { ...view, state: "confirmed", steps: [{ name: "debit", state: "done", at: fact.occurredAt }] }
      : {
          ...view,
          state: "failed",
          reason: { code: String(fact.data.code), message: String(fact.data.reason) },
        },
};

const definition: SystemDefinition = {
  name: `t_edge_${randomBytes(4).toString("hex")}`,
  contexts: [
    { name: "gateway", intake: { processes: [topUpProcess], factsFrom: ["subscription"] } },
    { name: "subscription", deciders: [{ decider: decider as Decider<never>, commandsFrom: ["gateway"] }] },
  ],
};

describe("the edge over a real system", async () => {
  const consumers = consumerMetrics();
  const system = await startSystem({
    definition,
    adminUrl: await testServer(),
    report: consumers.report,
    settings: { backlogAllowed: 12 },
  });
  const edge = await buildEdge({
    system,
    mode: "dev",
    tokens: secretTokens,
    title: "Flux",
    version: "0.1.0",
    errors: [{ code: "account-unknown", status: 404, meaning: "There is no such account." }],
    routes: [topUpRoutes(system)],
    registers: [consumers.register],
  });
  const url = await edge.listen({ port: 0 });
  const port = Number(new URL(url).port);
  after(async () => {
    await edge.close();
    await system.stop();
  });
  const issue = openTokenIssuer(secretTokens);
  const tokenFor = async (account: string) =>
    (await issue({ sub: account, tenant: "demo", role: "customer", accounts: [account] }, 600)).token;
  const operatorToken = (await issue(operator, 600)).token;
  const pause = (act: "pause" | "resume") =>
    call(url, "POST", `/ops/contexts/subscription/${act}`, { token: operatorToken, body: { why: "drill" } });
  let keys = 0;
  const send = (token: string, account: string, units = 5, key = `key-${++keys}`) =>
    call(url, "POST", "/top-ups", {
      token,
      body: { ...aTopUp, accountId: account, units },
      headers: { "idempotency-key": key },
    });

  test("a top-up is queued while its context is away, watched, and confirmed when it is back", async () => {
    const token = await tokenFor("acct-1");
    assert.deepStrictEqual((await pause("pause")).body, { name: "subscription", state: "paused" });
    const { body } = await send(token, "acct-1");
    const events = await followEvents(`${url}/processes/${body.processId}/events`, token);
    const push = await openPush(port, "/processes/stream", { authorization: `Bearer ${token}` });
    const ready = await push.next();
    assert.equal((await events.next())?.data.state, "queued");
    await call(url, "POST", "/dev/clock", { body: { advance: "PT1M" } });
    assert.equal((await events.next())?.data.delayed, true);
    const late = await push.next();
    assert.deepStrictEqual(
      [late.processId, late.state, late.delayed, late.id],
      [body.processId, "queued", true, `${ready.id}.delayed`],
    );
    await pause("resume");
    const confirmed = await events.next();
    assert.equal(confirmed?.data.state, "confirmed");
    assert.equal(confirmed?.data.steps[0].name, "debit");
    const pushed = await push.next();
    assert.equal(pushed.id, confirmed?.id);
    push.close();
    events.close();

    // Going on from where the stream began, or from what was seen last.
    const again = await openPush(port, `/processes/stream?since=${late.id}`, {
      authorization: `Bearer ${token}`,
    });
    await again.next();
    assert.equal((await again.next()).id, confirmed?.id);
    again.close();
    const back = await followEvents(`${url}/processes/${body.processId}/events`, token, {
      "last-event-id": String(confirmed?.id),
    });
    back.close();
  });

  test("pushes go to their own customer only, and every change comes once", async () => {
    const customers = await Promise.all(
      ["acct-2", "acct-3", "acct-4"].map(async (account) => {
        const token = await tokenFor(account);
        const push = await openPush(port, "/processes/stream", { authorization: `Bearer ${token}` });
        await push.next();
        return { account, token, push };
      }),
    );
    const sent = await Promise.all(
      customers.flatMap(({ account, token }) => [1, 2, 666].map((units) => send(token, account, units))),
    );
    const ids = sent.map(({ body }) => body.processId);
    for (const [i, { push }] of customers.entries()) {
      const told = [await push.next(), await push.next(), await push.next()];
      assert.deepStrictEqual(
        new Set(told.map(({ processId }) => processId)),
        new Set(ids.slice(3 * i, 3 * i + 3)),
      );
      assert.deepStrictEqual(told.map(({ state }) => state).sort(), ["confirmed", "confirmed", "failed"]);
      push.close();
    }
  });

  test("past the backlog allowed new commands are turned away, repeats are answered, and the key works later", async () => {
    const token = await tokenFor("acct-5");
    await pause("pause");
    const first = await send(token, "acct-5", 1, "first");
    // What ended is counted every quarter of a second, so that room for a few less than twelve is seen at first.
    let turned = await send(token, "acct-5", 1, "later-0");
    let tries = 1;
    while (turned.status === 202 && tries < 20) turned = await send(token, "acct-5", 1, `later-${tries++}`);
    const turnedKey = `later-${tries - 1}`;
    const { expectedWaitSeconds } = assertProblem(turned, 429, "backlog-full");
    assert.equal(turned.headers.get("retry-after"), String(expectedWaitSeconds));
    const repeated = await send(token, "acct-5", 1, "first");
    assert.equal(repeated.status, 202);
    assert.deepStrictEqual(repeated.body, first.body);
    assertProblem(await send(token, "acct-5", 2, "first"), 422, "idempotency-key-reused");
    const events = await followEvents(`${url}/processes/${first.body.processId}/events`, token);
    await events.next();
    await pause("resume");
    assert.equal((await events.next())?.data.state, "confirmed");
    events.close();
    let later = await send(token, "acct-5", 1, turnedKey);
    for (let i = 0; later.status === 429 && i < 500; i++) later = await send(token, "acct-5", 1, turnedKey);
    assert.equal(later.status, 202);
    assert.equal(later.headers.get("idempotency-replayed"), null);
  });

  test("the journal can be read to its end by its cursor", async () => {
    const seen = new Set<string>();
    let path = "/journals/subscription/events?limit=4";
    for (let pages = 0; pages < 50; pages++) {
      const page = await call(url, "GET", path, { token: operatorToken });
      assert.equal(page.status, 200);
      if (page.body.length === 0) break;
      for (const event of page.body) {
        assert.ok(!seen.has(event.id), "an entry came twice");
        seen.add(event.id);
      }
      path = /<(.*)>/.exec(page.headers.get("link") ?? "")?.[1] as string;
    }
    assert.ok(seen.size >= 10, String(seen.size));
    const cursor = new URLSearchParams(path.split("?")[1]).get("cursor") ?? "";
    const [generation] = Buffer.from(cursor, "base64url").toString().split(".");
    // One beyond 64 bits, unsigned and signed, and far beyond.
    const beyond = [
      "18446744073709551616.0",
      "1.9223372036854775808",
      `${"9".repeat(40)}.0`,
      `1.${"9".repeat(40)}`,
    ];
    const odd = beyond.map((place) => Buffer.from(`${generation}.${place}`).toString("base64url"));
    for (const bad of ["nonsense", ...odd]) {
      const answer = await call(url, "GET", `/journals/subscription/events?cursor=${bad}`, {
        token: operatorToken,
      });
      assertProblem(answer, 422, "cursor-invalid");
    }
    assertProblem(
      await call(url, "GET", "/journals/none/events", { token: operatorToken }),
      404,
      "context-unknown",
    );
  });

  test("an entry that is not parked is a conflict, and metrics tell of the work done", async () => {
    const { processId } = (await send(await tokenFor("acct-6"), "acct-6")).body;
    const act = { context: "subscription", why: "x" };
    const answer = await call(url, "POST", `/ops/parked/${processId}/redrive`, {
      token: operatorToken,
      body: act,
    });
    assertProblem(answer, 409, "not-parked");
    assert.deepStrictEqual((await call(url, "GET", "/ops/parked", { token: operatorToken })).body, {
      parked: [],
    });
    const { text } = await call(url, "GET", "/metrics");
    assert.match(text, /entente_consumer_entries_total\{consumer="account"\} [1-9]/);
    assert.match(text, /entente_context_state\{context="subscription",state="up"\} 1/);
  });
});
