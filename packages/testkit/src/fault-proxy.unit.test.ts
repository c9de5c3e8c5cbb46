import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { type AddressInfo, createServer } from "node:net";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { connectTo, type EchoServer, startEchoServer, until } from "./tcp-peers.fixture.ts";
import { message, startupMessage } from "./wire-messages.fixture.ts";

let echo: EchoServer;
let proxy: FaultProxy;

before(async () => {
  echo = await startEchoServer();
});
after(() => echo.close());
beforeEach(async () => {
  proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: echo.port }, seed: 7 });
});
afterEach(() => proxy.close());

test("without faults bytes pass unchanged, in both directions and to the end", async () => {
  const client = await connectTo(proxy.port);
  // Not PostgreSQL: it says hello in a language the proxy does not read.
  const sent = "hello ".repeat(300_000);
  client.socket.end(sent);
  assert.equal(await client.closed, "end");
  assert.equal(client.text(), sent);
  await until("the connection is forgotten", () => proxy.connections === 0);
  assert.deepStrictEqual(
    Object.values(proxy.fired).filter((count) => count > 0),
    [],
  );
});

test("latency holds every piece in its direction, on a live connection too", async () => {
  const client = await connectTo(proxy.port);
  client.socket.write("warm");
  await until("the echo", () => client.text() === "warm");
  proxy.latency({ ms: 40, side: "to-server" });
  const start = performance.now();
  client.socket.write("cold");
  await until("the echo", () => client.text() === "warmcold");
  assert.ok(performance.now() - start >= 40);
  assert.equal(proxy.fired.latency, 1);
  client.socket.destroy();
});

test("clearing latency releases what was held", async () => {
  const client = await connectTo(proxy.port);
  proxy.latency({ ms: 3_600_000 });
  client.socket.write("late");
  await until("the piece is held", () => proxy.fired.latency === 1);
  proxy.clear("latency");
  await until("the echo", () => client.text() === "late");
  client.socket.destroy();
});

test("jitter never changes the order", async (t) => {
  t.diagnostic("seed 7");
  proxy.latency({ ms: 0, jitterMs: 5 });
  const client = await connectTo(proxy.port);
  let sent = "";
  for (let i = 0; i < 50; i++) {
    sent += `${i} `;
    client.socket.write(`${i} `);
  }
  await until("all the echoes", () => client.text().length === sent.length);
  assert.equal(client.text(), sent);
  client.socket.destroy();
});

test("a bandwidth limit takes its time", async () => {
  proxy.bandwidth({ bytesPerSecond: 20_000, side: "to-client" });
  const client = await connectTo(proxy.port);
  const start = performance.now();
  client.socket.write("x".repeat(2_000));
  await until("all the bytes", () => client.text().length === 2_000);
  // The last piece, a fiftieth of a second's worth, is not waited for.
  assert.ok(performance.now() - start >= 75);
  assert.ok(proxy.fired.bandwidth >= 5);
  client.socket.destroy();
});

test("the slicer splits what came as one", async () => {
  proxy.slice({ bytes: 3, delayMs: 1, side: "to-client" });
  const client = await connectTo(proxy.port);
  client.socket.write("0123456789");
  await until("all the bytes", () => client.text() === "0123456789");
  assert.equal(proxy.fired.slice, 3);
  assert.ok(client.chunks.length > 1, `in ${client.chunks.length} chunk`);
  client.socket.destroy();
});

test("a black hole accepts and swallows, and resets the losers when it is cleared", async () => {
  const quiet = await connectTo(proxy.port);
  quiet.socket.write("first");
  await until("the echo", () => quiet.text() === "first");
  const heardBefore = echo.heard();
  proxy.blackHole();
  const loser = await connectTo(proxy.port);
  loser.socket.write("lost");
  await until("it is swallowed", () => proxy.fired.blackHole === 1);
  proxy.clear();
  assert.equal(await loser.closed, "ECONNRESET");
  assert.equal(loser.text(), "");
  assert.equal(echo.heard(), heardBefore);
  // A connection that lost nothing goes on.
  quiet.socket.write("b");
  await until("the echo", () => quiet.text() === "firstb");
  quiet.socket.destroy();
});

test("a black hole in one direction lets the other pass: executed, but never answered", async () => {
  proxy.blackHole("to-client");
  const client = await connectTo(proxy.port);
  const heardBefore = echo.heard().length;
  client.socket.write("done?");
  await until("the answer is swallowed", () => proxy.fired.blackHole === 1);
  assert.equal(echo.heard().slice(heardBefore), "done?");
  assert.equal(client.text(), "");
  client.socket.destroy();
});

test("a black hole hides that the client has gone, until it is cleared", async () => {
  const client = await connectTo(proxy.port);
  client.socket.write("first");
  await until("the echo", () => client.text() === "first");
  proxy.blackHole("to-server");
  const endings = echo.endings.length;
  client.socket.end();
  await until("the end is swallowed", () => proxy.fired.blackHole === 1);
  assert.equal(proxy.connections, 1);
  assert.equal(echo.endings.length, endings);
  proxy.clear("blackHole");
  await until("the server is told", () => echo.endings.length === endings + 1);
  assert.equal(echo.endings.at(-1), "ECONNRESET");
});

test("a refusing proxy resets new connections and leaves live ones alone", async () => {
  const early = await connectTo(proxy.port);
  // An answer proves that the proxy has accepted it, and not only the kernel.
  early.socket.write("first");
  await until("the echo", () => early.text() === "first");
  proxy.refuse();
  const late = await connectTo(proxy.port);
  assert.equal(await late.closed, "ECONNRESET");
  assert.equal(proxy.fired.refuse, 1);
  early.socket.write("b");
  await until("the echo", () => early.text() === "firstb");
  proxy.clear("refuse");
  const later = await connectTo(proxy.port);
  later.socket.write("later");
  await until("the echo", () => later.text() === "later");
  early.socket.destroy();
  later.socket.destroy();
});

test("resetAll resets both sides of every connection", async () => {
  const clients = [await connectTo(proxy.port), await connectTo(proxy.port)];
  for (const client of clients) client.socket.write("first");
  await until("the echoes", () => clients.every((client) => client.text() === "first"));
  const endings = echo.endings.length;
  assert.equal(proxy.resetAll(), 2);
  assert.deepStrictEqual(await Promise.all(clients.map((client) => client.closed)), [
    "ECONNRESET",
    "ECONNRESET",
  ]);
  await until("the server saw both", () => echo.endings.length === endings + 2);
  assert.deepStrictEqual(echo.endings.slice(-2), ["ECONNRESET", "ECONNRESET"]);
  assert.equal(proxy.fired.resetAll, 2);
});

test("a server that cannot be reached resets the client", async () => {
  const nowhere = await startFaultProxy({ target: { host: "127.0.0.1", port: 1 } });
  const client = await connectTo(nowhere.port);
  assert.equal(await client.closed, "ECONNRESET");
  await nowhere.close();
});

for (const bytes of [0, 1, 9, 10]) {
  test(`cutAfter(${bytes}) lets exactly ${bytes} bytes through`, async () => {
    const client = await connectTo(proxy.port);
    client.socket.write("before");
    await until("the echo", () => client.text() === "before");
    const heardBefore = echo.heard().length;
    const cut = proxy.cutAfter(bytes, "to-server");
    client.socket.write("0123456789");
    assert.deepStrictEqual(await cut.fired, ["to-server"]);
    assert.equal(await client.closed, "ECONNRESET");
    await until("the bytes arrive", () => echo.heard().length - heardBefore >= bytes);
    await until("the server is told", () => echo.endings.at(-1) === "ECONNRESET");
    assert.equal(echo.heard().slice(heardBefore), "0123456789".slice(0, bytes));
    assert.equal(proxy.fired.cut, 1);
  });
}

test("a cut counts each connection by itself, fires as often as told, and then no more", async () => {
  const cut = proxy.cutAfter(5, "to-client", { times: 2 });
  const clients = [await connectTo(proxy.port), await connectTo(proxy.port), await connectTo(proxy.port)];
  for (const client of clients) client.socket.write("abcd");
  await until("all are one byte short", () => clients.every((client) => client.text() === "abcd"));
  for (const client of clients.slice(0, 2)) client.socket.write("e");
  await cut.fired;
  clients[2]?.socket.write("ef");
  await until("the third goes on", () => clients[2]?.text() === "abcdef");
  clients[2]?.socket.destroy();
});

test("a disarmed cut cuts nothing, and whoever waits for it is told", async () => {
  const cut = proxy.cutAfter(1, "to-server");
  cut.disarm();
  const client = await connectTo(proxy.port);
  client.socket.write("abcd");
  await until("the echo", () => client.text() === "abcd");
  await assert.rejects(cut.fired, /disarmed after 0 of 1/);
  client.socket.destroy();
});

test("a slow reader slows the writer instead of filling the memory", async () => {
  const client = await connectTo(proxy.port);
  client.socket.pause();
  let written = 0;
  const chunk = "x".repeat(256 * 1024);
  // Until the kernel and the proxy take no more; 64 MiB would mean that nobody holds back.
  while (client.socket.write(chunk) || written < 16 * chunk.length) {
    written += chunk.length;
    if (written > 64 * 1024 * 1024) break;
  }
  client.socket.end();
  client.socket.resume();
  await client.closed;
  assert.equal(client.text().length % chunk.length, 0);
  assert.ok(client.text().length >= written);
});

test("closing the proxy resets what is left and rejects what is armed", async () => {
  const other = await startFaultProxy({ target: { host: "127.0.0.1", port: echo.port } });
  const armed = other.resetAfterCommit();
  const client = await connectTo(other.port);
  client.socket.write("first");
  await until("the echo", () => client.text() === "first");
  await other.close();
  assert.equal(await client.closed, "ECONNRESET");
  await assert.rejects(armed.fired, /disarmed/);
});

test("answers that come in one piece with the withheld one arrive", async (t) => {
  const answers = Buffer.concat([
    message("C", "INSERT 0 1\0"),
    message("Z", "T"),
    message("C", "COMMIT\0"),
    message("Z", "I"),
  ]);
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(Buffer.concat([message("R", "\0\0\0\0"), message("Z", "I")]));
      socket.once("data", () => socket.write(answers));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const postgres = await startFaultProxy({ target: { host: "127.0.0.1", port } });
  t.after(() => postgres.close());
  const fault = postgres.resetAfterCommit();
  const client = await connectTo(postgres.port);
  client.socket.write(startupMessage());
  await until("the session is ready", () => client.text().endsWith("I"));
  client.socket.write(
    Buffer.concat([message("Q", "insert into noted values (1)\0"), message("Q", "commit\0")]),
  );
  assert.equal((await fault.fired)[0]?.tag, "COMMIT");
  assert.equal(await client.closed, "ECONNRESET");
  assert.ok(client.text().includes("INSERT 0 1"));
  assert.ok(!client.text().includes("COMMIT"));
});

test("resetting connections that are ending leaves the process able to exit", async () => {
  const fixture = fileURLToPath(new URL("./ending-connections.fixture.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [fixture], { timeout: 20_000 });
  assert.equal(stdout.trim(), "done");
});
