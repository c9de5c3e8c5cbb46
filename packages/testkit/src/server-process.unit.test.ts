import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { disposeAll, type StartOptions, startProcess } from "./server-process.ts";

const fixture = fileURLToPath(new URL("chatty-server.fixture.ts", import.meta.url));
const launcher = fileURLToPath(new URL("process-launcher.fixture.ts", import.meta.url));

after(disposeAll);

function start(mode: string, more: Partial<StartOptions> = {}) {
  return startProcess({
    command: process.execPath,
    args: [fixture, mode],
    readyLine: /^ready (\S+) pid=(\d+)/,
    name: mode,
    ...more,
  });
}

test("a process is handed over when it has said that it is ready", async () => {
  const server = await start("plain", { env: { CHATTY_WORD: "hello" } });
  assert.equal(server.ready[1], "http://127.0.0.1:1234");
  assert.equal(server.ready[2], String(server.pid));
  assert.match(server.output().join("\n"), /starting as plain with hello/);
  assert.deepStrictEqual(await server.terminate(), { code: 7, signal: null });
  assert.deepStrictEqual(await server.exited, { code: 7, signal: null });
});

test("a process that ends before it is ready is an error with its last lines", async () => {
  await assert.rejects(start("fails"), (error: Error) => {
    assert.match(error.message, /^fails should have written a line like .* exited with code 3/);
    assert.match(error.message, /line 30\nno disk left$/);
    assert.doesNotMatch(error.message, /line 1\n/);
    return true;
  });
});

test("a process that is never ready is an error, and is killed", async () => {
  await assert.rejects(start("silent", { readyTimeoutMs: 300 }), /silent should have .* did not in 300 ms/s);
});

test("a program that does not exist is an error", async () => {
  await assert.rejects(start("nothing", { command: "/nowhere/at/all" }), /nothing could not be started/);
});

test("kill ends a process at once, and again is harmless", async () => {
  const server = await start("stubborn");
  assert.deepStrictEqual(await server.kill(), { code: null, signal: "SIGKILL" });
  assert.deepStrictEqual(await server.kill(), { code: null, signal: "SIGKILL" });
  await assert.rejects(server.pause(), /has ended/);
});

test("a process that ignores SIGTERM is killed when its time is over", async () => {
  const server = await start("stubborn");
  assert.deepStrictEqual(await server.terminate(100), { code: null, signal: "SIGKILL" });
  assert.ok(server.output().includes("no"));
});

test("a paused process does nothing until it is resumed", {
  skip: process.platform !== "linux",
}, async () => {
  const server = await start("plain");
  await server.pause();
  const mark = server.lineCount;
  process.kill(server.pid, "SIGUSR2");
  const stat = await readFile(`/proc/${server.pid}/stat`, "utf8");
  assert.match(stat, /\) T /);
  assert.equal(server.lineCount, mark);
  server.resume();
  await server.waitForLine(/^heard$/, 10_000, mark);
  await server.pause();
  assert.deepStrictEqual(await server.terminate(), { code: 7, signal: null });
});

test("a process that stops itself is waited for, so that resuming it is not too early", {
  skip: process.platform !== "linux",
}, async () => {
  const server = await start("pausing");
  process.kill(server.pid, "SIGUSR2");
  await server.waitForLine(/^heard$/, 10_000);
  await server.untilPaused();
  server.resume();
  await server.waitForLine(/^goes on$/, 10_000);
  assert.deepStrictEqual(await server.terminate(), { code: 7, signal: null });
});

test("waiting for a line sees lines written before, unless told from where on", async () => {
  const server = await start("plain");
  assert.equal((await server.waitForLine(/^ready (.*) pid/, 10_000))[1], "http://127.0.0.1:1234");
  await assert.rejects(server.waitForLine(/^ready/, 50, server.lineCount), /did not in 50 ms/);
  const waiting = assert.rejects(server.waitForLine(/^never$/, 10_000), /was ended by SIGKILL/);
  await server.kill();
  await waiting;
});

test("disposeAll ends processes and the processes they started", {
  skip: process.platform === "win32",
}, async () => {
  const server = await start("parent", { readyLine: /child=(\d+)/ });
  const orphan = Number(server.ready[1]);
  await server.kill();
  assert.ok(isAlive(orphan), "a crash leaves children behind, as in real life");
  await disposeAll();
  assert.ok(!isAlive(orphan));
});

for (const ending of ["falls off the end", "SIGTERM"]) {
  test(`children do not outlive a test process that ends by ${ending}`, async () => {
    const testProcess = spawn(process.execPath, [launcher, fixture, ending], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(testProcess, "exit");
    const [said] = await once(testProcess.stdout, "data");
    const child = Number(String(said));
    assert.ok(child > 0);
    const [code, signal] = await exited;
    assert.deepStrictEqual([code, signal], ending === "SIGTERM" ? [null, "SIGTERM"] : [0, null]);
    // SIGKILL was sent before the process ended, but the kernel may still be at it.
    const limit = performance.now() + 5_000;
    while (isAlive(child) && performance.now() < limit);
    assert.ok(!isAlive(child));
  });
}

/** An orphan nobody collects still has an entry, as a zombie; it is not alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== "linux") return true;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
