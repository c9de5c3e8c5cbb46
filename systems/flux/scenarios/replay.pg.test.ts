/** Evidence of a running Flux, asked for over HTTP as an auditor does, replayed, and held against what is stored. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { noteVerifier, originOf, replayBundle, signingKey, withAudit } from "@entente/core/internal";
import { fluxReplay } from "../app/flux.ts";
import { comes, startChargedFlux } from "./charged-flux.fixture.ts";

const folder = await mkdtemp(join(tmpdir(), "flux-replay-"));
const key = signingKey("flux.example/audit", Buffer.alloc(32, 11));
const { verifierKey } = key.named(originOf(key.name, "demo"));
const verifier = noteVerifier(verifierKey);
assert.ok(verifier);
const flux = await startChargedFlux({
  around: withAudit,
  auditSigning: { key, lastSignedFile: join(folder, "last-signed") },
});
after(async () => {
  await flux.stop();
  await rm(folder, { recursive: true, force: true });
});
const auditor = await flux.callerAs({ role: "auditor" });
const entente = fileURLToPath(new URL("../../../packages/cli/src/main.ts", import.meta.url));

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Beside this process, which is the system that is asked. */
function replay(what: string, ...args: string[]): Promise<Answer> {
  const env = { ...process.env, ENTENTE_URL: flux.url, ENTENTE_TOKEN: auditor.token };
  const argv = [entente, "audit", "replay", what, "--key", verifierKey, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { env }, (error, stdout, stderr) => {
      resolve({
        code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1,
        stdout,
        stderr,
      });
    });
  });
}

const subscription = () => {
  const context = flux.system.contexts.get("subscription");
  assert.ok(context);
  return context.database;
};

let keys = 0;
async function topUp(units: number, state: string, accountId = "acct-0001"): Promise<string> {
  const { status, body } = await flux.customer.topUp(accountId, `replay-${keys++}`, units);
  assert.equal(status, 202);
  await flux.customer.until(String(body.processId), state);
  return String(body.processId);
}

await flux.open("acct-0001");
const paid = await topUp(70, "confirmed");
const charged = await topUp(50, "confirmed");
const rule = { behaviour: "rejection", reason: "insufficient_funds", times: 1 } as const;
await flux.provider.rule({ ...rule, when: { operation: "create-payment-intent" } });
const declined = await topUp(10, "failed");
const refused = await flux.customer.topUp("acct-0001", "replay-refused", 1, "car-unknown");
await flux.customer.until(String(refused.body.processId), "failed");
await topUp(3, "confirmed");
await comes("the balance shows everything", async () => {
  const { body } = await flux.customer.get("/accounts/acct-0001/balance");
  return body.usedUnits === 123 && body.syncing === false;
});

test("an account asked of a running system is rebuilt from its evidence alone, and is as stored", async () => {
  const kept = join(folder, "account");
  const { code, stdout, stderr } = await replay("acct-0001", "--keep", kept);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /balance acct-0001: as stored; \d+ entries, sha256 [0-9a-f]{64}/);
  assert.match(stdout, /"quotaUnits":100,"quotaRemaining":0,"usedUnits":123,"onDemandMinor":575/);
  for (const id of [paid, charged, declined]) assert.match(stdout, new RegExp(`process ${id}: as stored`));
  assert.doesNotMatch(stdout, /NOT|no stored/);
  // The same bundle off line, later, says the same.
  const later = await replay(kept);
  assert.deepEqual([later.code, later.stdout], [0, stdout]);
  if (process.env.FREEZE_ARCHIVE !== undefined) await freeze(kept);
});

test("a process is rebuilt by itself; what another tenant's auditor asks for is not there", async () => {
  const { code, stdout, stderr } = await replay(declined);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /as stored/);
  assert.match(stdout, /"code":"insufficient-funds"/);
  const other = await flux.callerAs({ role: "auditor", tenant: "other" });
  assert.equal((await other.get(`/audit/demo/bundle?process=${declined}`)).status, 404);
  assert.equal(
    (await other.get(`/audit/other/bundle?process=${declined}`)).body.code,
    "audit-checkpoint-missing",
  );
});

test("a top-up that an operator undid is rebuilt with its balance, and so is the adjustment that undid it", async () => {
  await flux.open("acct-0002");
  const undone = await topUp(104, "confirmed", "acct-0002");
  const order = { why: "the condenser was not plugged in" };
  const asked = await flux.customer.post(`/ops/top-ups/${undone}/undo`, order, {
    "idempotency-key": "undo-1",
  });
  const adjustment = String(asked.body.processId);
  await flux.customer.until(adjustment, "confirmed");
  await comes("the money is back", async () => {
    const { body } = await flux.customer.get(`/processes/${undone}`);
    return (body.reason as { code?: string } | undefined)?.code === "refunded";
  });
  await comes("the balance shows it", async () => {
    const { body } = await flux.customer.get("/accounts/acct-0002/balance");
    return body.usedUnits === 0 && body.syncing === false;
  });
  const { code, stdout, stderr } = await replay("acct-0002");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /balance acct-0002: as stored/);
  for (const id of [undone, adjustment]) assert.match(stdout, new RegExp(`process ${id}: as stored`));
  assert.match(stdout, /"code":"refunded"/);
  assert.doesNotMatch(stdout, /NOT|no stored/);
});

test("a top-up whose charge was paid back another way is rebuilt, and so is the process that told of it", async () => {
  await flux.open("acct-0003");
  const owed = await topUp(104, "confirmed", "acct-0003");
  const refusal = { behaviour: "rejection", reason: "charge_disputed", times: 1 } as const;
  await flux.provider.rule({ ...refusal, when: { operation: "create-refund" } });
  await flux.undo(owed);
  await flux.refund(owed, "rejected");
  const transfer = { reference: "SEPA-1", why: "their card is gone" };
  const { body } = await flux.customer.post(`/ops/top-ups/${owed}/paid-back`, transfer, {
    "idempotency-key": "paid-back-1",
  });
  const told = String(body.processId);
  await flux.customer.until(told, "confirmed");
  await comes("it reads so", async () => {
    const { body: read } = await flux.customer.get(`/processes/${owed}`);
    return (read.reason as { code?: string } | undefined)?.code === "paid-back";
  });
  const { code, stdout, stderr } = await replay("acct-0003");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /balance acct-0003: as stored/);
  for (const id of [owed, told]) assert.match(stdout, new RegExp(`process ${id}: as stored`));
  assert.match(stdout, /"code":"paid-back"/);
  assert.doesNotMatch(stdout, /NOT|no stored/);
});

test("a stored balance that was changed by hand is named, with the entry it parts at", async () => {
  await subscription().execute(
    "update flux.balance set used_units = used_units - 1 where account_id = 'acct-0001'",
  );
  const { code, stderr } = await replay("acct-0001");
  assert.equal(code, 1);
  assert.match(
    stderr,
    /outcome-differs: entry \d+: .*none that the evidence ever led to.*\/usedUnits: evidence 123, stored 122/,
  );
  await subscription().execute(
    "update flux.balance set used_units = used_units + 1 where account_id = 'acct-0001'",
  );
  assert.equal((await replay("acct-0001")).code, 0);
});

test("a stored process that lacks its last fact is named by the entry it lacks", async () => {
  const kept = join(folder, "stale");
  assert.equal((await replay(charged, "--keep", kept)).code, 0);
  const gateway = flux.system.contexts.get("gateway")?.database;
  assert.ok(gateway);
  const all = await gateway.execute<{ state: string; steps: object; updated_at: number }>(
    "select state, steps, updated_at from entente.process where process_id = $1::uuid",
    [charged],
  );
  const before = all[0];
  assert.ok(before);
  // As it was between the debit and the word of the charge.
  const entries = (await readFile(join(kept, "entries.jsonl"), "utf8")).trimEnd().split("\n");
  const debited = entries
    .map((line) => JSON.parse(line) as { index: number; payload: string })
    .findIndex(({ payload }) => payload.includes('"fundedOnDemand"'));
  assert.ok(debited >= 0);
  await gateway.execute(
    `update entente.process set state = 'processing', updated_at = (select occurred_at from entente.journal limit 1),
      steps = '[]'::json where process_id = $1::uuid`,
    [charged],
  );
  const { code, stderr } = await replay(charged);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /outcome-differs: entry \d+: The stored process of .*\/state: evidence "confirmed", stored "processing"/,
  );
  await gateway.execute(
    "update entente.process set state = $2, steps = $3::json, updated_at = $4::timestamptz where process_id = $1::uuid",
    [charged, before.state, JSON.stringify(before.steps), new Date(before.updated_at)],
  );
  assert.equal((await replay(charged)).code, 0);
});

test("outcomes of another bundle, or changed ones, are not believed", async () => {
  const [mine, other] = [join(folder, "mine"), join(folder, "other")];
  assert.equal((await replay(paid, "--keep", mine)).code, 0);
  assert.equal((await replay(charged, "--keep", other)).code, 0);
  for (const name of ["outcomes.txt", "outcomes.jsonl"]) await cp(join(other, name), join(mine, name));
  assert.equal((await replayBundle(mine, { verifier }, fluxReplay)).outcomes, "not-as-signed");
  const file = join(other, "outcomes.jsonl");
  await writeFile(file, (await readFile(file, "utf8")).replace('"confirmed"', '"failed"'));
  const changed = await replay(other);
  assert.equal(changed.code, 1);
  assert.match(changed.stderr, /not as they were signed/);
});

/** Keeps an archive that every test run replays, named by FREEZE_ARCHIVE; one that is there is never written over. */
async function freeze(bundle: string): Promise<void> {
  const to = fileURLToPath(new URL(`../evidence/${process.env.FREEZE_ARCHIVE}/`, import.meta.url));
  await cp(bundle, join(to, "bundle"), { recursive: true, force: false, errorOnExist: true });
  const { rebuilt } = await replayBundle(
    bundle,
    { verifier: verifier as NonNullable<typeof verifier> },
    fluxReplay,
  );
  const digests = Object.fromEntries(rebuilt.map(({ what, id, digest }) => [`${what} ${id}`, digest]));
  await writeFile(join(to, "digests.json"), `${JSON.stringify({ key: verifierKey, digests }, null, 2)}\n`);
}
