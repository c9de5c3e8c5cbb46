/** The verifier in examples/, which uses nothing of ours, run as its reader runs it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { auditScene, facts } from "../testing/audit.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { type EntryLine, entriesFile, manifestFile } from "./bundle.ts";

const bed = await openTestBed();
const verifier = fileURLToPath(
  new URL("../../../../examples/verify-audit-bundle/verify.ts", import.meta.url),
);

function run(folder: string, key: string): { readonly code: number | null; readonly said: string[] } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [verifier, folder, key], {
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  return { code: status, said: stdout.trimEnd().split("\n") };
}

test("it is short, and imports nothing but Node's own modules", async () => {
  const source = await readFile(verifier, "utf8");
  assert.ok(source.trimEnd().split("\n").length <= 200);
  const imported = [...source.matchAll(/\bfrom "([^"]+)"/g)].map(([, name = ""]) => name);
  assert.ok(imported.length > 0 && imported.every((name) => name.startsWith("node:")));
  assert.doesNotMatch(source, /\bimport\(|\brequire\(/);
});

test("it accepts what we export and finds what was done to it, with its place", async () => {
  const scene = await auditScene(bed);
  const worker = await scene.work();
  // Two checkpoints: the first hour's is replaced by the second's, so the reader brings it along.
  await scene.record(facts(150));
  await scene.logged(worker, { acme: 150 });
  await scene.signer.turn(Date.now());
  const [earlier] = await scene.sql("select note from entente.audit_checkpoint");
  await scene.record(facts(150));
  await scene.logged(worker, { acme: 300 });
  await scene.signer.turn(Date.now());
  const known = [String(earlier?.note)];

  const whole = await scene.export("acme", { kind: "all" }, { known });
  assert.deepEqual(run(whole.folder, whole.verifierKey), { code: 0, said: ["verified: 300 entries"] });
  assert.deepEqual((await whole.verify("acme", known)).findings, []);
  const account = await scene.export("acme", { kind: "account", key: "a-2" });
  assert.deepEqual(run(account.folder, account.verifierKey), { code: 0, said: ["verified: 60 entries"] });

  await whole.editLines(entriesFile, (lines) => {
    const changed = JSON.parse(lines[200] ?? "") as EntryLine;
    return lines
      .with(200, JSON.stringify({ ...changed, payload: changed.payload?.replace("c-", "d-") }))
      .toSpliced(100, 1);
  });
  const { code, said } = run(whole.folder, whole.verifierKey);
  assert.equal(code, 1);
  assert.ok(said.includes("the payload of entry 200 is not the one that was logged"));
  assert.ok(said.includes("entry 100 is missing"));
  assert.ok(said.includes("line 101 has entry 101, and should have 100"));

  await account.edit(manifestFile, (text) => text.replace("selection account", "selection accounts"));
  assert.ok(run(account.folder, account.verifierKey).said.includes("manifest.txt is not signed by the key"));
  const stranger = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
  assert.deepEqual(run(account.folder, stranger).said, [
    "checkpoints.jsonl line 1 is not signed by the key",
    "manifest.txt is not signed by the key",
    "NOT verified: 2 problems",
  ]);
});

test("a known checkpoint is proved by a bundle that holds only part of the log", async () => {
  const scene = await auditScene(bed);
  const worker = await scene.work();
  await scene.record(facts(100));
  await scene.logged(worker, { acme: 100 });
  await scene.signer.turn(Date.now());
  const [earlier] = await scene.sql("select note from entente.audit_checkpoint");
  const known = [String(earlier?.note)];
  await scene.record(facts(37));
  await scene.logged(worker, { acme: 137 });
  await scene.signer.turn(Date.now());
  const account = { kind: "account", key: "a-1" } as const;
  const without = await (await scene.export("acme", account)).verify("acme", known);
  assert.deepEqual(
    without.findings.map(({ what }) => what),
    ["checkpoint-unproved"],
  );
  const proved = await scene.export("acme", account, { known });
  assert.deepEqual((await proved.verify("acme", known)).findings, []);
});
