/** The audit log of a running system, from its first entry to the refusal after an old data folder was put back. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
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

async function tokenOf(role: "auditor" | "customer"): Promise<string> {
  const answer = await fetch(`${url}/dev/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sub: "axel", tenant: "demo", role, accounts: ["acct-0001"] }),
  });
  return ((await answer.json()) as { token: string }).token;
}

/** The newest checkpoint once it speaks of more entries than that. */
async function checkpointPast(size: number): Promise<{ readonly note: string; readonly size: number }> {
  const headers = { authorization: `Bearer ${await tokenOf("auditor")}` };
  const end = performance.now() + 90_000;
  while (performance.now() < end) {
    const answer = await fetch(`${url}/audit/demo/checkpoint`, { headers });
    const note = await answer.text();
    const signed = answer.status === 200 ? Number(note.split("\n")[1]) : 0;
    if (signed > size) return { note, size: signed };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`nothing past ${size} was signed`);
}

test("a running system signs its log; exports verify; with an old data folder put back it refuses to sign, and says why", async () => {
  const first = await up();
  // Each of the 2,000 demo commands has at least one fact.
  const early = await checkpointPast(3_999);
  const headers = { authorization: `Bearer ${await tokenOf("customer")}` };
  assert.equal((await fetch(`${url}/audit/demo/checkpoint`, { headers })).status, 403);
  assert.equal((await first.terminate()).code, 0);
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
  assert.ok(listed.some(({ type }) => type === "flux.open-account") && listed.length >= 4);
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
  const token = await tokenOf("customer");
  const answer = await fetch(`${url}/top-ups`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "idempotency-key": "one",
    },
    body: JSON.stringify({ accountId: "acct-0001", condenserId: "car-0001", units: 1 }),
  });
  assert.equal(answer.status, 202);
  const late = await checkpointPast(early.size);
  await second.terminate();
  await rm(data, { recursive: true });
  await rename(copy, data);
  const third = await up();
  await third.waitForLine(/audit-log-behind/, 30_000);
  const after = await checkpointPast(0);
  assert.ok(after.size < late.size);
  await third.terminate();
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
