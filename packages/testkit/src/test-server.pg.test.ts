import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { disposeAll, startProcess } from "./server-process.ts";
import { testServer } from "./test-server.ts";

const fixture = fileURLToPath(new URL("test-server-user.fixture.ts", import.meta.url));

after(disposeAll);

async function use(ending: string, env: Readonly<Record<string, string>> = {}) {
  const user = await startProcess({
    command: process.execPath,
    args: [fixture, ending],
    env: {
      ENTENTE_TEST_DATABASE_URL: undefined,
      ENTENTE_TEST_SERVERS: undefined,
      ENTENTE_TEST_SEED: undefined,
      ...env,
    },
    readyLine: /^used (\S+) version 18, (\d+ left)$/,
    readyTimeoutMs: 120_000,
    name: "a test process",
  });
  return { user, folder: user.ready[1] ?? "" };
}

/** The keeper is nobody's child any more, so its end is seen only by what it leaves. */
async function isRemoved(folder: string): Promise<boolean> {
  const limit = performance.now() + 60_000;
  while (existsSync(folder) && performance.now() < limit) await delay(20);
  return !existsSync(folder);
}

test("a test process that is killed leaves no server behind", async () => {
  const { user, folder } = await use("hangs");
  assert.ok(existsSync(`${folder}/postmaster.pid`));
  await user.kill();
  assert.ok(await isRemoved(folder));
});

test("the server does not keep its test process alive", async () => {
  const { user, folder } = await use("ends");
  assert.deepStrictEqual(await user.exited, { code: 0, signal: null });
  assert.ok(await isRemoved(folder));
});

test("the first server of a run leaves its cluster as a seed, and servers from one seed work side by side", async (t) => {
  const seed = await mkdtemp(join(tmpdir(), "entente-seed-test-"));
  t.after(() => rm(seed, { recursive: true, force: true }));
  await chmod(seed, 0o711);
  const first = await use("ends", { ENTENTE_TEST_SEED: seed });
  assert.deepStrictEqual(await first.user.exited, { code: 0, signal: null });
  assert.deepStrictEqual(await readdir(join(seed, "home", "postgres")), ["data", "lock", "secret"]);
  const both = await Promise.all([1, 2].map(() => use("hangs", { ENTENTE_TEST_SEED: seed })));
  const [one, other] = both.map(({ folder }) => readFileSync(join(folder, "postmaster.pid"), "utf8"));
  assert.notEqual(one, other);
  for (const { user } of both) await user.kill();
  for (const { folder } of both) assert.ok(await isRemoved(folder));
});

test("a run lends one server to one test process after the other, empty, and several to several at once", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "entente-lender-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const socket = join(folder, "servers");
  const lender = spawn(
    process.execPath,
    [fileURLToPath(new URL("test-server-lender.ts", import.meta.url)), socket],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const ended = once(lender, "close");
  t.after(() => lender.kill("SIGKILL"));
  await once(lender.stdout, "data");
  const env = { ENTENTE_TEST_SERVERS: socket };
  // It leaves a database and a role, and dies with a session open.
  const first = await use("litters", env);
  const beside = await use("ends", env);
  assert.deepStrictEqual(await beside.user.exited, { code: 0, signal: null });
  assert.notEqual(beside.folder, first.folder);
  await first.user.kill();
  const next = await Promise.all([use("hangs", env), use("hangs", env)]);
  assert.deepEqual(next.map((one) => one.folder).toSorted(), [first.folder, beside.folder].toSorted());
  for (const { user } of next) assert.deepEqual(user.ready[2], "0 left");
  for (const { user } of next) await user.kill();
  lender.stdin.end();
  await ended;
  assert.deepEqual([first.folder, beside.folder].map(existsSync), [false, false]);
});

test("a server named in the environment is used as it is", async (t) => {
  const before = process.env.ENTENTE_TEST_DATABASE_URL;
  t.after(() => {
    if (before === undefined) delete process.env.ENTENTE_TEST_DATABASE_URL;
    else process.env.ENTENTE_TEST_DATABASE_URL = before;
  });
  process.env.ENTENTE_TEST_DATABASE_URL = "postgres://somebody@somewhere/else";
  assert.equal(await testServer(), "postgres://somebody@somewhere/else");
});
