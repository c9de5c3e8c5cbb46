/** Evidence of one top-up from Flux as it runs by default with SAP: the posting is in its bundle, and the other customer's is not readable. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { disposeAll, startProcess } from "@entente/testkit";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const home = await mkdtemp(join(tmpdir(), "entente-outside-half-"));
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
  ENTENTE_SIMULATORS: "sap",
  ENTENTE_DATABASE_URL: undefined,
};

function entente(...args: string[]) {
  const env: NodeJS.ProcessEnv = { ...process.env, ...environment };
  delete env.ENTENTE_DATABASE_URL;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8", env });
  return { code: status, stdout, stderr };
}

async function authorizationOf(role: "auditor" | "customer", account = "acct-0007") {
  const answer = await fetch(`${url}/dev/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sub: "axel", tenant: "demo", role, accounts: [account] }),
  });
  return { authorization: `Bearer ${((await answer.json()) as { token: string }).token}` };
}

async function topUp(number: string): Promise<string> {
  const answer = await fetch(`${url}/top-ups`, {
    method: "POST",
    headers: {
      ...(await authorizationOf("customer", `acct-${number}`)),
      "content-type": "application/json",
      "idempotency-key": `of-${number}`,
    },
    body: JSON.stringify({ accountId: `acct-${number}`, condenserId: `car-${number}`, units: 1 }),
  });
  assert.equal(answer.status, 202);
  return ((await answer.json()) as { processId: string }).processId;
}

/** Resolves once the bundle that is given over HTTP holds the posting. Nothing announces it there, so it is asked for again. */
async function posted(processId: string): Promise<void> {
  const headers = await authorizationOf("auditor");
  for (let asked = 0; asked < 300; asked++) {
    const answer = await fetch(`${url}/audit/demo/bundle?process=${processId}`, { headers });
    const said = await answer.text();
    if (answer.status === 200) {
      const { files } = JSON.parse(said) as { files: Record<string, string> };
      const leaves = (files["entries.jsonl"] ?? "").trimEnd().split("\n");
      const isPosted = leaves.some((line) =>
        Buffer.from(JSON.parse(line).leaf, "base64").includes("entente.hand-off-completed"),
      );
      if (isPosted) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`no bundle of ${processId} has its posting`);
}

test("the exported bundle of a top-up holds its posting to SAP, verifies, and says nothing of another customer", async () => {
  const flux = await startProcess({
    name: "flux",
    command: process.execPath,
    args: [main, "up", "flux"],
    env: environment,
    readyLine: /^ready/,
    readyTimeoutMs: 120_000,
  });
  const [own, other] = await Promise.all([topUp("0007"), topUp("0008")]);
  await Promise.all([posted(own), posted(other)]);
  assert.equal((await flux.terminate(60_000)).code, 0);

  const bundle = join(home, "bundle");
  const exported = entente("audit", "export", "flux", "--tenant", "demo", "--process", own, "--out", bundle);
  assert.equal(exported.code, 0, exported.stderr);
  const key = entente("audit", "key", join(home, "audit", "key"), "--tenant", "demo").stdout.trim();
  const verified = entente("audit", "verify", bundle, "--key", key, "--list");
  assert.equal(verified.code, 0, verified.stderr);
  const listed = verified.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const posting = listed.filter(({ source }) => source === "ledger");
  assert.ok(posting.some(({ type }) => type === "entente.hand-off-opened"));
  const completed = posting.find(({ type }) => type === "entente.hand-off-completed");
  assert.deepEqual(
    [completed?.payload?.data.target, completed?.payload?.data.state],
    ["sap", "completed"],
    "what became of it can be read",
  );
  for (const word of ["acct-0008", "car-0008", other]) assert.ok(!verified.stdout.includes(word), word);
  const replayed = entente("audit", "replay", bundle, "--key", key);
  assert.equal(replayed.code, 0, replayed.stdout + replayed.stderr);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
