import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, describe, test } from "node:test";
import { aTopUp, startEdge } from "./edge.fixture.ts";
import { fakeId } from "./fake-names.fixture.ts";
import { assertProblem, bare, bareAnswer, call, followEvents, openPush } from "./http-client.fixture.ts";

describe("bounds of requests", async () => {
  const edge = await startEdge({
    limits: { headersTimeoutMs: 100, requestTimeoutMs: 200, timeoutCheckMs: 20 },
  });
  after(() => edge.close());
  const token = await edge.tokenFor();
  const head = `POST /top-ups HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\n`;
  const sendBare = async (...parts: (string | Buffer)[]) => {
    const socket = bare(edge.port);
    for (const part of parts) socket.write(part);
    return bareAnswer(await socket.all());
  };

  test("ten thousand bytes of headers are too many, wherever they sit", async () => {
    const long = "x".repeat(10_000);
    for (const request of [
      `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${long}\r\n\r\n`,
      `GET /${long} HTTP/1.1\r\nHost: x\r\n\r\n`,
      `GET /healthz HTTP/1.1\r\nHost: x\r\n${"X-Many: y\r\n".repeat(1_000)}\r\n`,
    ]) {
      const { status, code, head: lines } = await sendBare(request);
      assert.equal(status, 431);
      assert.equal(code, "headers-too-large");
      assert.match(lines, /content-type: application\/problem\+json/i);
    }
  });

  test("seven thousand bytes of headers pass", async () => {
    const headers = { "x-long": "x".repeat(7_000) };
    assert.equal((await call(edge.url, "GET", "/healthz", { headers })).status, 200);
  });

  test("headers that dribble in, or never end, are cut off", async () => {
    const { status, code } = await sendBare("GET /healthz HTTP/1.1\r\nHost: x\r\n");
    assert.equal(status, 408);
    assert.equal(code, "request-timeout");
    assert.equal((await sendBare("GE")).status, 408);
  });

  test("a body that dribbles in is cut off, and nothing is accepted", async () => {
    const before = edge.system.submissions.length;
    const { status, code } = await sendBare(`${head}Content-Length: 100\r\n\r\n{"accountId":`);
    assert.equal(status, 408);
    assert.equal(code, "request-timeout");
    assert.equal(edge.system.submissions.length, before);
    assert.ok(!edge.log.some(({ level }) => Number(level) >= 50));
  });

  test("a client that leaves in the middle of its body leaves nothing behind", async () => {
    const before = edge.system.submissions.length;
    const socket = bare(edge.port);
    socket.write(`${head}Content-Length: 100\r\n\r\n{"accountId":`);
    await once(socket, "connect");
    socket.destroy();
    assert.equal((await call(edge.url, "GET", "/healthz")).status, 200);
    assert.equal(edge.system.submissions.length, before);
    assert.ok(!edge.log.some(({ level }) => Number(level) >= 50));
  });

  test("what is not HTTP is told so", async () => {
    const cases = [
      "nonsense\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde`,
      `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      "GET /healthz HTTP/1.1\r\nHost: x\r\nBad\u0000Name: y\r\n\r\n",
      "GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\u0000b\r\n\r\n",
    ];
    for (const request of cases) {
      const { status, code } = await sendBare(request);
      assert.equal(status, 400, request);
      assert.equal(code, "request-malformed", request);
    }
  });

  test("a path that is not valid percent-encoding is told so", async () => {
    assertProblem(await call(edge.url, "GET", "/processes/%zz", { token }), 400, "url-malformed");
    assertProblem(await call(edge.url, "GET", "/processes/%ff", { token }), 400, "url-malformed");
  });

  test("64 KiB of body pass, one byte more does not, announced or not", async () => {
    const post = (body: string) =>
      call(edge.url, "POST", "/top-ups", { token, body, headers: { "idempotency-key": "k" } });
    const padded = (bytes: number) => {
      const body = JSON.stringify(aTopUp);
      return body + " ".repeat(bytes - body.length);
    };
    assert.equal((await post(padded(65_536))).status, 202);
    assertProblem(await post(padded(65_537)), 413, "body-too-large");
    const chunk = "x".repeat(0x8000);
    const chunked = await sendBare(
      `${head}Transfer-Encoding: chunked\r\n\r\n`,
      ...Array.from({ length: 3 }, () => `8000\r\n${chunk}\r\n`),
    );
    assert.equal(chunked.code, "body-too-large");
  });

  test("other types of content, and encoded content, are not read", async () => {
    const body = JSON.stringify(aTopUp);
    const send = (headers: Record<string, string>) =>
      call(edge.url, "POST", "/top-ups", { token, body, headers: { "idempotency-key": "k", ...headers } });
    for (const type of [
      "text/plain",
      "application/xml",
      "application/x-www-form-urlencoded",
      "nonsense",
      "a/b/c",
    ]) {
      assertProblem(await send({ "content-type": type }), 415, "content-type-unsupported");
    }
    assertProblem(await send({ "content-encoding": "gzip" }), 415, "content-type-unsupported");
    for (const type of ["application/json; charset=utf-8", "Application/JSON"]) {
      assert.equal(
        (await send({ "content-type": type, "idempotency-key": type.replaceAll(/\W/g, "-") })).status,
        202,
      );
    }
  });

  test("unknown paths and methods are told apart, whatever the body", async () => {
    assertProblem(await call(edge.url, "GET", "/nowhere"), 404, "route-unknown");
    assertProblem(await call(edge.url, "POST", "/nowhere", { body: "{{{" }), 404, "route-unknown");
    assertProblem(await call(edge.url, "GET", "/", {}), 404, "route-unknown");
    assertProblem(await call(edge.url, "GET", `/processes/${"x".repeat(600)}`), 404, "route-unknown");
    const wrong = await call(edge.url, "DELETE", "/top-ups", { token });
    assertProblem(wrong, 405, "method-not-allowed");
    assert.equal(wrong.headers.get("allow"), "POST");
    const health = await call(edge.url, "POST", "/healthz", { body: {} });
    assertProblem(health, 405, "method-not-allowed");
    assert.equal(health.headers.get("allow"), "GET, HEAD");
    assert.equal((await call(edge.url, "HEAD", "/healthz")).status, 200);
  });
});

describe("bounds of connections", () => {
  test("one address has so many connections and no more; a closed one makes room", async () => {
    await using edge = await startEdge({ limits: { connectionsPerAddress: 2 } });
    const accepted: Socket[] = [];
    edge.app.server.on("connection", (socket) => accepted.push(socket));
    const first = connect(edge.port, "127.0.0.1");
    const second = connect(edge.port, "127.0.0.1");
    // The server has counted a connection when it answers on it.
    for (const socket of [first, second]) {
      socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
      await once(socket, "data");
    }
    const { status, code, head } = bareAnswer(await bare(edge.port).all());
    assert.equal(status, 503);
    assert.equal(code, "too-many-connections");
    assert.match(head, /retry-after: 5/i);
    const freed = once(accepted[0] as Socket, "close");
    first.end();
    await freed;
    assert.equal((await call(edge.url, "GET", "/healthz")).status, 200);
    second.destroy();
  });

  test("the server has so many connections and no more", async () => {
    await using edge = await startEdge({ limits: { connectionsAllowed: 1 } });
    const first = connect(edge.port, "127.0.0.1");
    first.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(first, "data");
    assert.equal(bareAnswer(await bare(edge.port).all()).code, "too-many-connections");
    first.destroy();
  });
});

describe("closing", () => {
  test("requests in flight finish, streams say goodbye, and nothing is left open", async () => {
    const edge = await startEdge();
    const token = await edge.tokenFor();
    const held = edge.system.hold();
    const accepted = edge.system.accepted(1);
    const inFlight = call(edge.url, "POST", "/top-ups", {
      token,
      body: aTopUp,
      headers: { "idempotency-key": "k" },
    });
    await accepted;
    edge.system.records.set(someRecord.processId, someRecord);
    const events = await followEvents(`${edge.url}/processes/${someRecord.processId}/events`, token);
    await events.next();
    const push = await openPush(edge.port, "/processes/stream", { authorization: `Bearer ${token}` });
    await push.next();
    const silent = await openPush(edge.port, "/processes/stream");
    const closed = edge.close();
    assert.deepStrictEqual((await events.next())?.data, { code: "server-closing" });
    assert.deepStrictEqual(await push.closed, { code: 1001, reason: "server-closing" });
    assert.deepStrictEqual(await silent.closed, { code: 1001, reason: "server-closing" });
    held.release();
    assert.equal((await inFlight).status, 202);
    await closed;
    await edge.system.quiet();
  });

  test("a request that does not finish is cut off after a while", async () => {
    const edge = await startEdge({ limits: { closeWithinMs: 30 } });
    const token = await edge.tokenFor();
    edge.system.hold();
    const accepted = edge.system.accepted(1);
    const inFlight = call(edge.url, "POST", "/top-ups", {
      token,
      body: aTopUp,
      headers: { "idempotency-key": "k" },
    });
    const cut = assert.rejects(inFlight);
    await accepted;
    await edge.close();
    await cut;
  });

  test("a client that keeps its connection does not hold the server", async () => {
    const edge = await startEdge();
    const socket = connect(edge.port, "127.0.0.1");
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    const closed = once(socket, "close");
    await edge.close();
    socket.end();
    await closed;
  });
});

const someRecord = {
  processId: fakeId(0xaa),
  tenantId: "demo",
  type: "top-up",
  key: "acct-0001",
  customerId: null,
  state: "queued",
  delayed: false,
  freshUntil: null,
  stale: false,
  steps: [],
  reason: null,
  outcome: null,
  acceptedAt: 0,
  updatedAt: 0,
  change: { xid: "0", seq: "0" },
} as const;
