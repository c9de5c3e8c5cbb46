import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, describe, test } from "node:test";
import { Failure } from "@entente/core/model";
import { aTopUp, operator, startEdge, type TestEdge } from "./edge.fixture.ts";
import { delayedAfterMs } from "./fake-system.fixture.ts";
import { assertProblem, bare, call, openPush } from "./http-client.fixture.ts";

let keys = 0;
async function accept(edge: TestEdge, accountId = "acct-0001", tenant = "demo"): Promise<string> {
  const token = await edge.tokenFor({ tenant, accounts: [accountId] });
  const headers = { "idempotency-key": `key-${++keys}` };
  return (await call(edge.url, "POST", "/top-ups", { token, body: { ...aTopUp, accountId }, headers })).body
    .processId;
}

const path = "/processes/stream";

describe("the process stream", async () => {
  const edge = await startEdge();
  after(() => edge.close());
  const bearer = async (claims = {}) => ({ authorization: `Bearer ${await edge.tokenFor(claims)}` });

  test("says where it begins and pushes the changes of the caller's own accounts, nothing of others", async () => {
    const mine = await accept(edge);
    const theirs = await accept(edge, "acct-0002");
    const foreign = await accept(edge, "acct-0001", "other");
    const push = await openPush(edge.port, path, await bearer());
    const ready = await push.next();
    assert.equal(ready.ready, true);
    assert.match(ready.id, /^\d+\.\d+$/);
    edge.system.move(theirs, "confirmed");
    edge.system.move(foreign, "confirmed");
    const { change } = edge.system.move(mine, "confirmed");
    const message = await push.next();
    assert.equal(message.processId, mine);
    assert.equal(message.state, "confirmed");
    assert.equal(message.id, `${change.xid}.${change.seq}`);
    push.close();
  });

  test("pushes the whole tenant to operators, and no other tenant", async () => {
    const here = [await accept(edge), await accept(edge, "acct-0002")];
    const elsewhere = await accept(edge, "acct-0001", "other");
    const push = await openPush(edge.port, path, await bearer(operator));
    await push.next();
    edge.system.move(elsewhere, "processing");
    for (const processId of here) edge.system.move(processId, "processing");
    assert.deepStrictEqual([(await push.next()).processId, (await push.next()).processId], here);
    push.close();
  });

  test("takes the token as its first message instead of a header", async () => {
    const processId = await accept(edge);
    const push = await openPush(edge.port, path);
    push.send({ token: await edge.tokenFor() });
    assert.equal((await push.next()).ready, true);
    edge.system.move(processId, "processing");
    assert.equal((await push.next()).processId, processId);
    push.close();
  });

  test("gives a client that was away what it missed, in order and once", async () => {
    const ids = [await accept(edge), await accept(edge), await accept(edge)] as const;
    const seen = edge.system.move(ids[0], "processing").change;
    for (const id of ids) edge.system.move(id, "processing");
    const others = await accept(edge, "acct-0002");
    edge.system.move(others, "confirmed");
    for (const id of ids) edge.system.move(id, "confirmed");
    const push = await openPush(edge.port, `${path}?since=${seen.xid}.${seen.seq}`, await bearer());
    assert.deepStrictEqual(await push.next(), { ready: true, id: `${seen.xid}.${seen.seq}` });
    const told: string[] = [];
    for (let i = 0; i < 6; i++) {
      const { processId, state } = await push.next();
      told.push(`${ids.indexOf(processId)} ${state}`);
    }
    assert.deepStrictEqual(
      told,
      ["processing", "confirmed"].flatMap((state) => [0, 1, 2].map((n) => `${n} ${state}`)),
    );
    edge.system.move(ids[0], "failed");
    assert.equal((await push.next()).state, "failed");
    push.close();
  });

  test("catches up over many pages while changes go on", async () => {
    const processId = await accept(edge);
    const from = edge.system.move(processId, "processing").change;
    for (let i = 0; i < 500; i++) edge.system.move(processId, "processing", { outcome: { i } });
    const { changes } = edge.system.processes;
    const patched = edge.system.processes as { changes: typeof changes };
    let reads = 0;
    patched.changes = async (...args) => {
      const page = await changes(...args);
      // After the page was read and before it is told.
      if (reads++ < 3) edge.system.move(processId, "processing", { outcome: { i: 499 + reads } });
      return page;
    };
    const push = await openPush(edge.port, `${path}?since=${from.xid}.${from.seq}`, await bearer());
    await push.next();
    for (let i = 0; i < 503; i++) assert.equal((await push.next()).outcome.i, i);
    patched.changes = changes;
    push.close();
  });

  test("closes with a code that says why: no, bad or expired token, odd messages", async () => {
    const expired = await edge.tokenFor({}, -60);
    const cases: [unknown, number, string][] = [
      [{ token: "a.b.c" }, 4401, "token-invalid"],
      [{ token: expired }, 4401, "token-expired"],
      [{ hello: "you" }, 4401, "token-missing"],
      [null, 4401, "token-missing"],
      [Buffer.from("{}"), 1008, "message-unexpected"],
    ];
    for (const [message, code, reason] of cases) {
      const push = await openPush(edge.port, path);
      push.send(message);
      assert.deepStrictEqual(await push.closed, { code, reason });
    }
    const big = await openPush(edge.port, path);
    big.send({ token: "x".repeat(5_000) });
    assert.equal((await big.closed).code, 1009);
    const talkative = await openPush(edge.port, path, await bearer());
    await talkative.next();
    talkative.send({ more: true });
    assert.deepStrictEqual(await talkative.closed, { code: 1008, reason: "message-unexpected" });
    await edge.system.quiet();
  });

  test("a bad token in the header, or a bad place to go on from, is refused before the upgrade", async () => {
    const upgrade = { connection: "upgrade", upgrade: "websocket" };
    const handshake = {
      "sec-websocket-version": "13",
      "sec-websocket-key": randomBytes(16).toString("base64"),
    };
    const cases: [string, Record<string, string>, string][] = [
      [path, { authorization: "Bearer a.b.c" }, "401 Unauthorized"],
      [`${path}?since=yesterday`, await bearer(), "422 Unprocessable Entity"],
      [`${path}?access_token=x`, await bearer(), "422 Unprocessable Entity"],
    ];
    for (const [url, headers, status] of cases) {
      const socket = bare(edge.port);
      const lines = Object.entries({ host: "x", ...upgrade, ...handshake, ...headers }).map(
        ([k, v]) => `${k}: ${v}`,
      );
      socket.write(`GET ${url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      const answer = await socket.all();
      assert.ok(answer.startsWith(`HTTP/1.1 ${status}`), answer);
      assert.match(answer, /application\/problem\+json/);
    }
  });

  test("a place to go on from that no journal has is only a place", async () => {
    const since = `${"9".repeat(20)}.${"9".repeat(19)}`;
    const push = await openPush(edge.port, `${path}?since=${since}`, await bearer());
    assert.equal((await push.next()).id, "18446744073709551615.9223372036854775807");
    push.close();
  });

  test("a plain request is told to upgrade, and an upgrade elsewhere is a plain request", async () => {
    const token = await edge.tokenFor();
    const plain = await call(edge.url, "GET", path, { token });
    assertProblem(plain, 426, "upgrade-required");
    assert.equal(plain.headers.get("upgrade"), "websocket");
    const socket = bare(edge.port);
    socket.write(
      "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n",
    );
    assert.match(await socket.all(), /^HTTP\/1\.1 200 OK/);
  });

  test("ends when the store is away", async () => {
    edge.system.failWith(new Failure("unavailable", "database-unavailable", "Away."));
    const push = await openPush(edge.port, path, await bearer());
    assert.deepStrictEqual(await push.closed, { code: 1013, reason: "unavailable" });
    edge.system.failWith(null);
  });

  test("ends with the token", async () => {
    const push = await openPush(edge.port, path, { authorization: `Bearer ${await edge.tokenFor({}, 1)}` });
    await push.next();
    assert.deepStrictEqual(await push.closed, { code: 4401, reason: "token-expired" });
  });
});

describe("becoming late, in the process stream", () => {
  test("tells what becomes late, its own only; its id is where to go on from, like every other", async () => {
    await using edge = await startEdge();
    const headers = { authorization: `Bearer ${await edge.tokenFor()}` };
    const [moved, idle] = [await accept(edge), await accept(edge)];
    await accept(edge, "acct-0002");
    const push = await openPush(edge.port, path, headers);
    const ready = await push.next();
    edge.system.clock.setOffset(delayedAfterMs + 1);
    for (const processId of [moved, idle]) {
      const late = await push.next();
      assert.deepStrictEqual([late.processId, late.state, late.delayed], [processId, "queued", true]);
      assert.equal(late.id, `${ready.id}.delayed`);
    }
    const { change } = edge.system.move(moved, "processing");
    const place = `${change.xid}.${change.seq}.delayed`;
    const changed = await push.next();
    assert.deepStrictEqual([changed.id, changed.delayed], [place, true]);
    edge.system.clock.setOffset(0);
    edge.system.clock.setOffset(delayedAfterMs + 1);
    assert.deepStrictEqual([(await push.next()).id, (await push.next()).id], [place, place]);
    push.close();
    edge.system.move(idle, "confirmed");
    const again = await openPush(edge.port, `${path}?since=${place}`, headers);
    await again.next();
    assert.deepStrictEqual((await again.next()).processId, idle);
    again.close();
  });

  test("what becomes late while a client catches up is told once, after what it missed, unless it has moved on", async () => {
    await using edge = await startEdge();
    const headers = { authorization: `Bearer ${await edge.tokenFor()}` };
    const ids = [await accept(edge), await accept(edge), await accept(edge), await accept(edge)] as const;
    const [idle, waiting, told, ended] = ids;
    const from = edge.system.move(waiting, "processing").change;
    edge.system.move(waiting, "processing");
    edge.system.move(told, "processing");
    edge.system.move(ended, "processing");
    const { changes } = edge.system.processes;
    const patched = edge.system.processes as { changes: typeof changes };
    patched.changes = async (after, filter, limit) => {
      patched.changes = changes;
      // One was read before the limits passed, the others after.
      const before = await changes(after, filter, limit);
      edge.system.clock.setOffset(delayedAfterMs + 1);
      edge.system.move(ended, "confirmed");
      const page = await changes(after, filter, limit);
      return page.map(
        (one) => before.find(({ processId }) => processId === waiting && one.processId === waiting) ?? one,
      );
    };
    const push = await openPush(edge.port, `${path}?since=${from.xid}.${from.seq}`, headers);
    await push.next();
    const heard: string[] = [];
    for (let i = 0; i < 6; i++) {
      const { processId, state, delayed } = await push.next();
      heard.push(
        `${["idle", "waiting", "told", "ended"][ids.indexOf(processId)]} ${state}${delayed ? " late" : ""}`,
      );
    }
    assert.deepStrictEqual(heard, [
      "waiting processing",
      "told processing late",
      "ended processing late",
      "ended confirmed",
      "idle queued late",
      "waiting processing late",
    ]);
    // A push that notices only now what the client has read already.
    const known = await edge.system.processes.read("demo", told);
    for (const watcher of edge.system.watchers) if (known !== null) watcher.late(known);
    edge.system.move(idle, "confirmed");
    assert.equal((await push.next()).processId, idle);
    push.close();
  });
});

describe("bounds of the process stream", () => {
  test("a client that names nobody is not waited for", async () => {
    await using edge = await startEdge({ limits: { firstMessageMs: 20 } });
    const push = await openPush(edge.port, path);
    assert.deepStrictEqual(await push.closed, { code: 4401, reason: "token-missing" });
  });

  test("streams of one caller are counted", async () => {
    await using edge = await startEdge({ limits: { streamsPerCaller: 1 } });
    const headers = { authorization: `Bearer ${await edge.tokenFor()}` };
    const first = await openPush(edge.port, path, headers);
    await first.next();
    const second = await openPush(edge.port, path, headers);
    assert.deepStrictEqual(await second.closed, { code: 4429, reason: "too-many-streams" });
    first.close();
  });

  test("a dead client is dropped after two unanswered pings", async () => {
    await using edge = await startEdge({ limits: { pingMs: 20 } });
    const watched = edge.system.watched();
    const socket = await upgraded(edge);
    await watched;
    const gone = edge.system.unwatched();
    await once(socket, "close");
    await gone;
  });

  test("a client that does not read is dropped", async () => {
    await using edge = await startEdge({
      limits: { streamBufferBytes: 64 * 1024 },
      textOf: () => ({ text: "x".repeat(32 * 1024) }),
    });
    const processId = await accept(edge);
    const watched = edge.system.watched();
    const socket = await upgraded(edge);
    socket.pause();
    await watched;
    for (let sent = 0; edge.system.watchers.size > 0; sent++) {
      assert.ok(sent < 20_000, "it reads nothing and is not dropped");
      edge.system.move(processId, "processing");
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.destroy();
  });
});

/** A WebSocket connection whose client does nothing at all once it stands. */
async function upgraded(edge: TestEdge) {
  const socket = bare(edge.port);
  const key = randomBytes(16).toString("base64");
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nAuthorization: Bearer ${await edge.tokenFor()}\r\n\r\n`,
  );
  await once(socket, "data");
  return socket;
}
