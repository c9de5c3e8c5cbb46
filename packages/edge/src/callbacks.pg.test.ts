import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { defineTreaty, type HandOffTreaty, type System, startSystem } from "@entente/core";
import { testServer } from "@entente/testkit";
import { Type } from "typebox";
import { writtenDown } from "./billing-system.fixture.ts";
import { callbackRoute } from "./callbacks.ts";
import { secretTokens } from "./edge.fixture.ts";
import { buildEdge, type Edge } from "./server.ts";
import { callbackSecret, otherSecret, signed } from "./signed-callback.fixture.ts";

/** A treaty whose counterparty only ever calls back. */
const billing = defineTreaty({
  name: "billing",
  version: "1.0.0",
  kind: "command-with-callback",
  target: "billing",
  purpose: "activate",
  ...writtenDown,
  credentials: ["callback-secret"],
  input: Type.Object({}),
  output: Type.Object({}),
  errorMap: { E1: { class: "BUSINESS_REJECTED", means: "no" } },
  factsFrom: ["orders"],
  facts: ["orders.ready"],
  request: () => [],
  send: () => Promise.reject(new Error("never")),
  inquire: () => Promise.reject(new Error("never")),
  translate: () => ({ says: "completed" }),
  callback: {
    schema: Type.Object({ tenantId: Type.String(), key: Type.String() }),
    verification: { scheme: "standard-webhooks", secrets: ["callback-secret"] },
    identify: (body) => {
      const { tenantId, key } = body as { tenantId: string; key: string };
      return { tenantId, reference: key };
    },
  },
  times: {
    answerWithinMs: 1_000,
    retryFirstMs: 100,
    retryLongestMs: 1_000,
    inFlightMs: 1_000,
    resultWithinMs: 60_000,
    reconcileEveryMs: 60_000,
    personAfterMs: 60_000,
  },
  limits: { concurrency: 1, ratePerSecond: 10, triesAllowed: 3, circuitFailures: 3, circuitOpenMs: 1_000 },
  order: "none",
}) as HandOffTreaty;

/** The same, from these addresses only. */
function listed(name: string, allowedFrom: readonly string[]): HandOffTreaty {
  const { callback } = billing;
  assert.ok(callback);
  return { ...billing, name, target: name, callback: { ...callback, allowedFrom } };
}

/** Tests call from the loopback address: one list has it, the other has not. */
const treaties = [billing, listed("near", ["203.0.113.7", "127.0.0.0/8"]), listed("far", ["203.0.113.0/24"])];

const adminUrl = await testServer();
const name = `t_${Math.floor(Math.random() * 2 ** 32).toString(16)}`;
const system: System = await startSystem({
  definition: {
    name,
    contexts: [
      { name: "front", intake: { processes: [], factsFrom: ["orders"] } },
      { name: "orders", treaties },
    ],
  },
  adminUrl,
  outside: { secret: () => callbackSecret },
});
const edge: Edge = await buildEdge({
  system,
  mode: "dev",
  tokens: secretTokens,
  title: "Callbacks",
  version: "1.0.0",
  routes: [callbackRoute(system)],
} as never);
const url = await edge.listen({ port: 0 });
after(async () => {
  await edge.close();
  await system.stop();
});

async function post(path: string, body: string, headers: Record<string, string>) {
  const answer = await fetch(`${url}${path}`, { method: "POST", body, headers });
  return { status: answer.status, body: (await answer.json()) as { outcome?: string; code?: string } };
}

test("a signed message is taken with a 202, and its repetition with a 200", async () => {
  // White space and order as no serialiser would write them: the bytes are what is signed.
  const body = '{ "key":"k-1",\n  "tenantId" : "acme" }';
  const headers = { ...signed(body), "content-type": "application/cloudevents+json; charset=utf-8" };
  assert.deepEqual(await post("/callbacks/billing", body, headers), {
    status: 202,
    body: { outcome: "received" },
  });
  assert.deepEqual(await post("/callbacks/billing", body, headers), {
    status: 200,
    body: { outcome: "repeated" },
  });
  const [record] = await system.treaties.callbacks("orders", "acme", 10);
  assert.deepEqual([record?.messageId, record?.reference, record?.repeats], ["m-1", "k-1", 1]);
});

test("what is not genuine is refused with a problem document that tells the code only", async () => {
  const body = JSON.stringify({ tenantId: "acme", key: "k-2" });
  for (const [path, headers, sent, status, code] of [
    ["/callbacks/billing", signed(body, "m-2", otherSecret), body, 401, "callback-signature-wrong"],
    ["/callbacks/billing", signed(body, "m-2"), `${body} `, 401, "callback-signature-wrong"],
    ["/callbacks/billing", {}, body, 401, "callback-signature-missing"],
    ["/callbacks/billing", signed("[]", "m-3"), "[]", 422, "callback-unreadable"],
    ["/callbacks/nobody", signed(body, "m-2"), body, 404, "treaty-unknown"],
  ] as const) {
    const answer = await post(path, sent, headers);
    assert.deepEqual([answer.status, answer.body.code], [status, code]);
  }
  const reused = JSON.stringify({ tenantId: "acme", key: "k-9" });
  const answer = await post("/callbacks/billing", reused, signed(reused, "m-1"));
  assert.deepEqual([answer.status, answer.body.code], [409, "callback-id-reused"]);
});

test("a signature header that comes twice is no signature", async () => {
  const body = JSON.stringify({ tenantId: "acme", key: "k-3" });
  const headers = Object.entries(signed(body, "m-4")).map(([header, value]) => `${header}: ${value}\r\n`);
  const { hostname, port } = new URL(url);
  const twice = headers.filter((header) => header.startsWith("webhook-signature")).join("");
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
    socket.write(
      `POST /callbacks/billing HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: text/plain\r\n${headers.join("")}${twice}content-length: ${body.length}\r\n\r\n${body}`,
    );
  });
  assert.match(answer, /^HTTP\/1\.1 401 /);
  assert.match(answer, /callback-signature-missing/);
});

test("a sender on the treaty's list is heard, and one that is not is refused with its code and recorded, however it signs and whatever it says of its way", async () => {
  const body = JSON.stringify({ tenantId: "acme", key: "k-7" });
  // The same message, genuine both times.
  const headers = signed(body, "m-7");
  assert.deepEqual(await post("/callbacks/near", body, headers), {
    status: 202,
    body: { outcome: "received" },
  });
  for (const way of [{}, { "x-forwarded-for": "203.0.113.7" }, { forwarded: "for=203.0.113.7" }]) {
    const answer = await post("/callbacks/far", body, { ...headers, ...way });
    assert.deepEqual([answer.status, answer.body.code], [403, "callback-sender-not-allowed"]);
    assert.ok(!JSON.stringify(answer.body).includes("203.0.113"), "the list is not told");
  }
  const heard = await system.treaties.callbacks("orders", "acme", 100);
  const own = heard.filter(({ messageId }) => messageId === "m-7");
  assert.deepEqual(
    own.map(({ treaty }) => treaty),
    ["near"],
  );
  const refused = await system.contexts
    .get("orders")
    ?.database.execute<Record<string, unknown>>(
      "select treaty, code, total::int as total, last_address from entente.callback_refusal where treaty in ('near', 'far')",
    );
  assert.deepEqual(refused, [
    { treaty: "far", code: "callback-sender-not-allowed", total: 3, last_address: "127.0.0.1" },
  ]);
});
