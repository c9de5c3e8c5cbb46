import assert from "node:assert/strict";
import { once } from "node:events";
import { after, describe, test } from "node:test";
import { Failure } from "@entente/core/model";
import { aTopUp, startEdge, type TestEdge } from "./edge.fixture.ts";
import { fakeId, fakeNow } from "./fake-names.fixture.ts";
import { delayedAfterMs } from "./fake-system.fixture.ts";
import { assertProblem, bare, call, followEvents } from "./http-client.fixture.ts";

let keys = 0;
async function accept(edge: TestEdge, token: string): Promise<string> {
  const headers = { "idempotency-key": `key-${++keys}` };
  return (await call(edge.url, "POST", "/top-ups", { token, body: aTopUp, headers })).body.processId;
}

describe("events of a process", async () => {
  const edge = await startEdge({ limits: { heartbeatMs: 30 } });
  after(() => edge.close());
  const token = await edge.tokenFor();
  const path = (processId: string) => `${edge.url}/processes/${processId}/events`;

  test("begin with the present state and go on with every change", async () => {
    const processId = await accept(edge, token);
    const events = await followEvents(path(processId), token);
    assert.equal(events.response.statusCode, 200);
    assert.equal(events.response.headers["content-type"], "text/event-stream");
    const first = await events.next();
    assert.equal(first?.id, "0.0");
    assert.equal(first?.data.state, "queued");
    for (const state of ["processing", "confirmed"] as const) {
      const { change } = edge.system.move(processId, state);
      const event = await events.next();
      assert.equal(event?.data.state, state);
      assert.equal(event?.id, `${change.xid}.${change.seq}`);
    }
    const gone = edge.system.unwatched();
    events.close();
    await gone;
  });

  test("say up to when what was observed is news, and mark what comes later than that", async () => {
    const processId = await accept(edge, token);
    const events = await followEvents(path(processId), token);
    await events.next();
    edge.system.move(processId, "processing", { freshUntil: fakeNow + 60_000 });
    const fresh = await events.next();
    assert.deepEqual([fresh?.data.freshUntil, fresh?.data.stale], ["2026-01-15T12:01:00.000Z", undefined]);
    edge.system.move(processId, "confirmed", { freshUntil: fakeNow - 1 });
    const late = await events.next();
    assert.deepEqual([late?.data.state, late?.data.stale], ["confirmed", true]);
    edge.system.move(processId, "confirmed", { freshUntil: null });
    const decided = await events.next();
    assert.deepEqual([decided?.data.freshUntil, decided?.data.stale], [undefined, undefined]);
    events.close();
  });

  test("a change between watching and reading is told once and not lost", async () => {
    const processId = await accept(edge, token);
    const { read } = edge.system.processes;
    // The change comes while the present state is being read: the watcher hears of it and the read sees it, too.
    const patched = edge.system.processes as { read: typeof read };
    patched.read = async (...args) => {
      patched.read = read;
      edge.system.move(processId, "processing");
      const seen = await read(...args);
      edge.system.move(processId, "confirmed");
      return seen;
    };
    const events = await followEvents(path(processId), token);
    assert.equal((await events.next())?.data.state, "processing");
    assert.equal((await events.next())?.data.state, "confirmed");
    edge.system.move(processId, "failed");
    assert.equal((await events.next())?.data.state, "failed");
    events.close();
  });

  test("a client that returns hears nothing it has heard, and what it missed", async () => {
    const processId = await accept(edge, token);
    const { change } = edge.system.move(processId, "processing");
    const lastId = `${change.xid}.${change.seq}`;
    const up = await followEvents(path(processId), token, { "last-event-id": lastId });
    edge.system.move(processId, "confirmed");
    assert.equal((await up.next())?.data.state, "confirmed");
    up.close();
    const behind = await followEvents(path(processId), token, { "last-event-id": lastId });
    assert.equal((await behind.next())?.data.state, "confirmed");
    behind.close();
  });

  test("becoming late is told when the clock passes the limit, with an id of its own", async () => {
    const processId = await accept(edge, token);
    const events = await followEvents(path(processId), token);
    assert.equal((await events.next())?.data.delayed, undefined);
    edge.system.clock.setOffset(delayedAfterMs + 1);
    const late = await events.next();
    assert.equal(late?.data.delayed, true);
    assert.equal(late?.id, "0.0.delayed");
    const { change } = edge.system.move(processId, "processing");
    const moved = await events.next();
    assert.equal(moved?.id, `${change.xid}.${change.seq}.delayed`);
    edge.system.clock.setOffset(0);
    events.close();
  });

  test("comments show that the stream lives", async () => {
    const events = await followEvents(path(await accept(edge, token)), token);
    assert.equal(await events.comment(), ": ");
    events.close();
  });

  test("go to nobody else", async () => {
    const processId = await accept(edge, token);
    const other = await edge.tokenFor({ sub: "bob", accounts: ["acct-0002"] });
    const foreign = await edge.tokenFor({ tenant: "other" });
    for (const one of [other, foreign]) {
      const answer = await call(edge.url, "GET", `/processes/${processId}/events`, { token: one });
      assertProblem(answer, 404, "process-unknown");
    }
    assertProblem(
      await call(edge.url, "GET", `/processes/${fakeId(0xfff)}/events`, { token }),
      404,
      "process-unknown",
    );
    assertProblem(
      await call(edge.url, "GET", "/processes/nonsense/events", { token }),
      404,
      "process-unknown",
    );
    await edge.system.quiet();
  });

  test("are refused while the store is away, and leave nothing open", async () => {
    const processId = await accept(edge, token);
    edge.system.failWith(new Failure("unavailable", "database-unavailable", "Away."));
    const answer = await call(edge.url, "GET", `/processes/${processId}/events`, { token });
    edge.system.failWith(null);
    assertProblem(answer, 503, "database-unavailable");
    await edge.system.quiet();
  });

  test("end with the token", async () => {
    const processId = await accept(edge, token);
    const short = await edge.tokenFor({}, 1);
    const gone = edge.system.watched().then(() => edge.system.unwatched());
    const events = await followEvents(path(processId), short);
    await events.next();
    const end = await events.next();
    assert.equal(end?.event, "end");
    assert.deepStrictEqual(end?.data, { code: "token-expired" });
    assert.equal(await events.next(), null);
    await gone;
  });
});

describe("bounds of event streams", () => {
  test("a caller has so many streams and no more; a closed one makes room", async () => {
    await using edge = await startEdge({ limits: { streamsPerCaller: 2 } });
    const token = await edge.tokenFor();
    const processId = await accept(edge, token);
    const url = `${edge.url}/processes/${processId}/events`;
    const first = await followEvents(url, token);
    const second = await followEvents(url, token);
    const third = await call(edge.url, "GET", `/processes/${processId}/events`, { token });
    assertProblem(third, 429, "too-many-streams");
    assert.equal(third.headers.get("retry-after"), "10");
    const another = await edge.tokenFor({ sub: "bob" });
    (await followEvents(url, another)).close();
    const gone = edge.system.unwatched();
    first.close();
    await gone;
    const again = await followEvents(url, token);
    assert.equal((await again.next())?.data.processId, processId);
    again.close();
    second.close();
  });

  test("a reader that does not read is dropped", async () => {
    await using edge = await startEdge({
      limits: { streamBufferBytes: 64 * 1024 },
      textOf: () => ({ text: "x".repeat(32 * 1024) }),
    });
    const token = await edge.tokenFor();
    const processId = await accept(edge, token);
    const watched = edge.system.watched();
    const socket = bare(edge.port);
    socket.pause();
    socket.write(
      `GET /processes/${processId}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    await watched;
    // What the two kernels buffer is not ours to bound; everything past it is.
    for (let sent = 0; edge.system.watchers.size > 0; sent++) {
      assert.ok(sent < 2_000, "64 MB later it still reads nothing and is not dropped");
      edge.system.move(processId, "processing");
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.resume();
    await once(socket, "close");
  });
});
