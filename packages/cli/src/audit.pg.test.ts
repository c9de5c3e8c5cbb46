/** The audit log of a running system, from its first entry to the refusal after an old data folder was put back. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { tilePath } from "@entente/core/internal";
import { disposeAll, type ServerProcess, startProcess } from "@entente/testkit";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const home = await mkdtemp(join(tmpdir(), "entente-audit-"));
// As root the server runs as another user, who must be able to enter.
await chmod(home, 0o711);
after(async () => {
  await disposeAll();
  await rm(home, { recursive: true, force: true });
});
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const environment = {
  PORT: String(port),
  ENTENTE_HOME: home,
  ENTENTE_MODE: "dev",
  ENTENTE_AUDIT: "on",
  ENTENTE_SIMULATORS: "off",
  ENTENTE_DATABASE_URL: undefined,
};

function up(): Promise<ServerProcess> {
  return startProcess({
    name: "flux",
    command: process.execPath,
    args: [main, "up", "flux"],
    env: environment,
    readyLine: /^ready/,
    readyTimeoutMs: 120_000,
  });
}

function entente(...args: string[]) {
  const env: NodeJS.ProcessEnv = { ...process.env, ...environment };
  delete env.ENTENTE_DATABASE_URL;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8", env });
  return { code: status, stdout, stderr };
}

async function authorizationOf(
  role: "auditor" | "customer",
  account = "acct-0007",
): Promise<{ authorization: string }> {
  const answer = await fetch(`${url}/dev/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sub: "axel", tenant: "demo", role, accounts: [account] }),
  });
  return { authorization: `Bearer ${((await answer.json()) as { token: string }).token}` };
}

/** Orders a top-up and returns its process. */
async function topUp(key: string): Promise<string> {
  const answer = await fetch(`${url}/top-ups`, {
    method: "POST",
    headers: {
      ...(await authorizationOf("customer")),
      "content-type": "application/json",
      "idempotency-key": key,
    },
    body: JSON.stringify({ accountId: "acct-0007", condenserId: "car-0007", units: 1 }),
  });
  assert.equal(answer.status, 202);
  return ((await answer.json()) as { processId: string }).processId;
}

/**
 * The first checkpoint seen whose log holds an entry of the process; `from` is where its entries cannot come before. Nothing announces
 * it over HTTP, so it is asked for again.
 */
async function checkpointWith(
  processId: string,
  from = 0,
): Promise<{ readonly note: string; readonly size: number }> {
  const id = Buffer.from(processId.replaceAll("-", ""), "hex");
  const headers = await authorizationOf("auditor");
  for (let asked = 0; asked < 600; asked++) {
    const answer = await fetch(`${url}/audit/demo/checkpoint`, { headers });
    const note = await answer.text();
    const size = answer.status === 200 ? Number(note.split("\n")[1]) : 0;
    for (let n = Math.floor(from / 256); n * 256 < size; n++) {
      const width = Math.min(256, size - n * 256);
      const path = tilePath({ level: "entries", n, width });
      const bundle = await fetch(`${url}/audit/demo/${path}`, { headers });
      assert.equal(bundle.status, 200, path);
      if (Buffer.from(await bundle.arrayBuffer()).includes(id)) return { note, size };
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`no checkpoint has the process ${processId}`);
}

test("a running system signs its log; exports verify; with an old data folder put back it refuses to sign, and says why", async () => {
  const first = await up();
  // Of one key the log keeps the journal's order: with the top-up, what came before of its account is in it.
  const early = await checkpointWith(await topUp("first"));
  const headers = await authorizationOf("customer");
  assert.equal((await fetch(`${url}/audit/demo/checkpoint`, { headers })).status, 403);
  assert.equal((await first.terminate(60_000)).code, 0);
  assert.equal((await stat(join(home, "audit", "key"))).mode & 0o077, 0);

  const known = join(home, "early.txt");
  await writeFile(known, early.note);
  const bundle = join(home, "bundle");
  const exported = entente(
    "audit",
    "export",
    "flux",
    "--tenant",
    "demo",
    "--account",
    "acct-0007",
    "--out",
    bundle,
  );
  assert.equal(exported.code, 0, exported.stderr);
  const key = entente("audit", "key", join(home, "audit", "key"), "--tenant", "demo").stdout.trim();
  assert.match(key, /^localhost\/audit\/demo\+[0-9a-f]{8}\+/);
  const verified = entente("audit", "verify", bundle, "--key", key, "--list");
  assert.equal(verified.code, 0, verified.stderr);
  const listed = verified.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.ok(listed.some(({ type }) => type === "flux.open-account") && listed.length >= 3);
  assert.ok(listed.every(({ payload }) => payload.key === "acct-0007"));
  const entries = join(bundle, "entries.jsonl");
  await writeFile(entries, (await readFile(entries, "utf8")).replace("acct-0007", "acct-0008"));
  const tampered = entente("audit", "verify", bundle, "--key", key);
  assert.equal(tampered.code, 1);
  assert.match(tampered.stderr, new RegExp(`payload-altered: entry ${listed[0].index} `));

  // The data folder as it is now, put back after the log has gone on.
  const [data, copy] = [join(home, "postgres"), join(home, "postgres-of-before")];
  // With its owner: as root the server runs as another user.
  assert.equal(spawnSync("cp", ["-a", data, copy]).status, 0);
  const second = await up();
  // Made after the copy, so that a log that has it is longer than the copy's.
  const late = await checkpointWith(await topUp("second"), early.size);
  assert.equal((await second.terminate(60_000)).code, 0);
  await rm(data, { recursive: true });
  await rename(copy, data);
  const third = await up();
  await third.waitForLine(/audit-log-behind/, 30_000);
  const answer = await fetch(`${url}/audit/demo/checkpoint`, { headers: await authorizationOf("auditor") });
  assert.ok(Number((await answer.text()).split("\n")[1]) < late.size, "nothing was signed over it");
  assert.equal((await third.terminate(60_000)).code, 0);
  const whole = join(home, "whole");
  assert.equal(entente("audit", "export", "flux", "--tenant", "demo", "--out", whole).code, 0);
  await writeFile(known, late.note);
  const held = entente("audit", "verify", whole, "--key", key, "--known", known);
  assert.equal(held.code, 1);
  assert.match(held.stderr, /log-shortened: known checkpoint 1: .*were cut off/);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
