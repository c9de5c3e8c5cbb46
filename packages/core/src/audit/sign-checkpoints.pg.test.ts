import assert from "node:assert/strict";
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type AuditScene, auditKey, auditScene, facts } from "../testing/audit.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { type Checkpoint, checkpointOf, signCheckpoint } from "./checkpoint.ts";
import { readCheckpoints } from "./read-audit-log.ts";
import { originOf } from "./sign-checkpoints.ts";
import { signingKey } from "./signed-note.ts";

const bed = await openTestBed();

/** Logs so many more facts of each tenant. */
async function log(scene: AuditScene, counts: Readonly<Record<string, number>>): Promise<void> {
  const sizes: Record<string, number> = {};
  for (const [tenantId, count] of Object.entries(counts)) {
    sizes[tenantId] = (await scene.size(tenantId)) + count;
    await scene.record(facts(count, tenantId));
  }
  const worker = await scene.work();
  await scene.logged(worker, sizes);
  await worker.stop();
}

/** The newest checkpoint of a log; of a log that was never signed, an empty note. */
async function newest(scene: AuditScene, tenantId = "acme"): Promise<{ size: number; note: string }> {
  const [last] = await readCheckpoints(scene.stage.database("audit"), tenantId, 1);
  return last ?? { size: 0, note: "" };
}

/** What somebody outside keeps, and a signer that asks for it. */
async function witnessedScene() {
  const scene = await auditScene(bed);
  const folder = join(scene.folder, "witnessed");
  await mkdir(folder);
  return {
    scene,
    folder,
    signer: scene.signerWith(auditKey, scene.lastSignedFile, folder),
    keep: (name: string, ...notes: string[]) => writeFile(join(folder, name), notes.join("")),
  };
}

const codes = (scene: AuditScene) => scene.refused.map(({ tenantId, failure }) => [tenantId, failure.code]);

test("database and record set back together: a checkpoint that somebody outside kept is ahead, and nothing is signed until the entries are there again", async () => {
  const { scene, folder, signer, keep } = await witnessedScene();
  await log(scene, { acme: 20, other: 5 });
  await signer.turn(Date.now());
  const restore = await scene.backUp();
  await copyFile(scene.lastSignedFile, `${scene.lastSignedFile}.backup`);
  await log(scene, { acme: 10 });
  await signer.turn(Date.now());
  const late = await newest(scene);
  assert.equal(late.size, 30);
  await keep("2030-01-10.txt", late.note);
  const goOn = await scene.backUp();
  const lateRecord = `${scene.lastSignedFile}.late`;
  await copyFile(scene.lastSignedFile, lateRecord);

  await restore();
  await copyFile(`${scene.lastSignedFile}.backup`, scene.lastSignedFile);
  const started = scene.signerWith(auditKey, scene.lastSignedFile, folder);
  await started.turn(Date.now());
  const refusal = started.refusals().get("acme");
  assert.equal(refusal?.code, "audit-witness-ahead");
  assert.deepEqual(refusal?.fields, {
    origin: "bank.example/audit/acme",
    entries: 20,
    signed: 30,
    file: join(folder, "2030-01-10.txt"),
  });
  assert.match(refusal?.message ?? "", /2030-01-10\.txt.* has 30: entries 20 to 29 are missing/);
  // Without what others hold, all of this agrees with itself.
  const alone = scene.signerWith(auditKey);
  await alone.turn(Date.now());
  assert.deepEqual([...alone.refusals()], []);

  // Grown past it, it is another log than the one that was signed. Other logs are signed all the same.
  await log(scene, { acme: 15, other: 1 });
  await started.turn(Date.now());
  assert.equal(started.refusals().get("acme")?.code, "audit-witness-differs");
  assert.deepEqual([(await newest(scene)).size, (await newest(scene, "other")).size], [20, 6]);
  assert.deepEqual(codes(scene), [
    ["acme", "audit-witness-ahead"],
    ["acme", "audit-witness-differs"],
  ]);

  await goOn();
  await copyFile(lateRecord, scene.lastSignedFile);
  await log(scene, { acme: 1 });
  await started.turn(Date.now());
  assert.deepEqual([...started.refusals()], []);
  const { size } = await newest(scene);
  assert.ok(size > 30);
  assert.equal(size, await scene.size("acme"));
});

test("a database that is empty again, with no record: a checkpoint that somebody outside kept is ahead of it", async () => {
  const { scene, folder, signer, keep } = await witnessedScene();
  const restore = await scene.backUp();
  await log(scene, { acme: 3 });
  await signer.turn(Date.now());
  await keep("acme", (await newest(scene)).note);
  await restore();
  await rm(scene.lastSignedFile);
  const started = scene.signerWith(auditKey, scene.lastSignedFile, folder);
  await started.turn(Date.now());
  assert.deepEqual(codes(scene), [["acme", "audit-witness-ahead"]]);
  assert.match(started.refusals().get("acme")?.message ?? "", /has 0 entries/);
});

test("a checkpoint with another root at a size the log has reached: nothing is signed, whatever the log's size", async () => {
  const { scene, folder, keep, signer } = await witnessedScene();
  await log(scene, { acme: 12 });
  const origin = originOf(auditKey.name, "acme");
  const another: Checkpoint = { origin, size: 12, root: Buffer.alloc(32, 1) };
  await keep("same-size", signCheckpoint(another, auditKey.named(origin)));
  await signer.turn(Date.now());
  const refusal = signer.refusals().get("acme");
  assert.equal(refusal?.code, "audit-witness-differs");
  assert.deepEqual(refusal?.fields, { origin, signed: 12, file: join(folder, "same-size") });
  await rm(join(folder, "same-size"));
  await keep("smaller", signCheckpoint({ ...another, size: 7 }, auditKey.named(origin)));
  await signer.turn(Date.now());
  assert.equal(signer.refusals().get("acme")?.fields.file, join(folder, "smaller"));
  assert.equal((await newest(scene)).size, 0);
});

test("older checkpoints that agree, many in one file, change nothing; one that comes later is looked at, too", async () => {
  const { scene, folder, keep, signer } = await witnessedScene();
  const kept: string[] = [];
  for (const more of [5, 1, 300, 2]) {
    await log(scene, { acme: more });
    await signer.turn(Date.now());
    const { size, note } = await newest(scene);
    kept.push(note);
    await keep("acme", ...kept);
    assert.equal(size, await scene.size("acme"));
  }
  // Signed by somebody else as well, of a key of another name, and of another system's key of the same name.
  const origin = originOf(auditKey.name, "acme");
  const [text = "", lines = ""] = (kept[0] as string).split("\n\n");
  const cosigner = signingKey("witness.example", Buffer.alloc(32, 3)).named("witness.example");
  const cosigned = signCheckpoint(checkpointOf(`${text}\n`) as Checkpoint, cosigner).split("\n\n")[1];
  await keep("cosigned", `${text}\n\n${lines}${cosigned}`);
  const foreign: Checkpoint = { origin: "bank.example/audit-2/acme", size: 999, root: Buffer.alloc(32) };
  await keep(
    "foreign",
    signCheckpoint(foreign, signingKey("bank.example/audit-2", Buffer.alloc(32, 4)).named(foreign.origin)),
    signCheckpoint({ ...foreign, origin }, signingKey(auditKey.name, Buffer.alloc(32, 5)).named(origin)),
  );
  await keep(".hidden", "anything");
  await mkdir(join(folder, "folder"));
  const started = scene.signerWith(auditKey, scene.lastSignedFile, folder);
  for (const one of [started, signer]) {
    await log(scene, { acme: 1 });
    await one.turn(Date.now());
    assert.equal((await newest(scene)).size, await scene.size("acme"));
  }
  assert.deepEqual(scene.refused, []);
  await keep("acme", ...kept, signCheckpoint({ ...foreign, origin, size: 310 }, auditKey.named(origin)));
  assert.equal(await scene.size("acme"), 310);
  await signer.turn(Date.now());
  assert.deepEqual(codes(scene), [["acme", "audit-witness-differs"]]);
});

test("what somebody outside kept and cannot be used is a refusal of every log, told once, until it can", async () => {
  const { scene, folder, keep, signer } = await witnessedScene();
  await log(scene, { acme: 4, other: 2 });
  await signer.turn(Date.now());
  const { note } = await newest(scene);
  await log(scene, { acme: 1, other: 1 });
  const forged = note.replace("\n4\n", "\n3\n");
  for (const [name, text] of [
    ["cut-off", ""],
    ["half", note.slice(0, 30)],
    ["page", '{"code":"internal-error"}\n'],
    ["forged", forged],
    ["beside-a-good-one", note + forged],
  ] as const) {
    await keep(name, text);
    await signer.turn(Date.now());
    await signer.turn(Date.now());
    for (const tenantId of ["acme", "other"]) {
      assert.equal(signer.refusals().get(tenantId)?.code, "audit-witness-unreadable", name);
      assert.equal(signer.refusals().get(tenantId)?.fields.file, join(folder, name));
    }
    await rm(join(folder, name));
  }
  assert.deepEqual(codes(scene), [
    ["acme", "audit-witness-unreadable"],
    ["other", "audit-witness-unreadable"],
  ]);
  assert.deepEqual([(await newest(scene)).size, (await newest(scene, "other")).size], [4, 2]);
  await keep("good", note);
  await signer.turn(Date.now());
  assert.deepEqual([...signer.refusals()], []);
  assert.deepEqual([(await newest(scene)).size, (await newest(scene, "other")).size], [5, 3]);

  const nowhere = scene.signerWith(auditKey, scene.lastSignedFile, join(folder, "not-there"));
  await nowhere.turn(Date.now());
  assert.equal(nowhere.refusals().get("acme")?.code, "audit-witness-unreadable");
  const oneFile = scene.signerWith(auditKey, scene.lastSignedFile, join(folder, "good"));
  await oneFile.turn(Date.now());
  assert.deepEqual([...oneFile.refusals()], []);
});

test("the record of what was signed last is gone: nothing is signed until it is brought back", async () => {
  const scene = await auditScene(bed);
  await log(scene, { acme: 4 });
  await scene.signer.turn(Date.now());
  const kept = `${scene.lastSignedFile}.kept`;
  await copyFile(scene.lastSignedFile, kept);
  await rm(scene.lastSignedFile);
  await log(scene, { acme: 1 });
  await scene.signer.turn(Date.now());
  const refusal = scene.signer.refusals().get("acme");
  assert.equal(refusal?.code, "audit-record-missing");
  assert.deepEqual(refusal?.fields, {
    origin: "bank.example/audit/acme",
    signed: 4,
    file: scene.lastSignedFile,
  });
  assert.deepEqual(codes(scene), [["acme", "audit-record-missing"]]);
  assert.equal((await newest(scene)).size, 4);
  await copyFile(kept, scene.lastSignedFile);
  await scene.signer.turn(Date.now());
  assert.deepEqual([...scene.signer.refusals()], []);
  assert.equal((await newest(scene)).size, 5);
});

test("a record that cannot be read or written is a refusal of every log, and is told", async () => {
  const scene = await auditScene(bed);
  await log(scene, { acme: 2 });
  await writeFile(scene.lastSignedFile, "nothing that was ever signed");
  await scene.signer.turn(Date.now());
  assert.deepEqual(codes(scene), [["acme", "audit-record-unreadable"]]);
  await rm(scene.lastSignedFile);
  // Where the next record would be written there is a folder.
  await mkdir(`${scene.lastSignedFile}.next`);
  await scene.signer.turn(Date.now());
  assert.equal(scene.signer.refusals().get("acme")?.code, "audit-record-unreadable");
  assert.equal((await newest(scene)).size, 0);
  await rm(`${scene.lastSignedFile}.next`, { recursive: true });
  await scene.signer.turn(Date.now());
  assert.deepEqual([...scene.signer.refusals()], []);
  assert.equal((await newest(scene)).size, 2);
});
