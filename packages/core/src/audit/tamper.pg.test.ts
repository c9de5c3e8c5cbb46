/**
 * What somebody does who may do anything: in a bundle on its way, and as the database's superuser. Each is found, with its place.
 * In one file, because the list of what was tried is only worth something when it can be read in one go.
 */
import assert from "node:assert/strict";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { isFailure } from "../model/failure.ts";
import {
  type AuditScene,
  auditKey,
  auditScene,
  type Exported,
  facts,
  verifierOf,
} from "../testing/audit.fixture.ts";
import { rewriteLog, type StoredEntry, storedEntries, writeSheet } from "../testing/stored-log.fixture.ts";
import { openTestBed } from "../testing/test-bed.fixture.ts";
import { checkpointsFile, type EntryLine, entriesFile, manifestFile, signManifest } from "./bundle.ts";
import { signCheckpoint } from "./checkpoint.ts";
import { leafHash } from "./merkle-tree.ts";
import { LogTiles, readCheckpoints } from "./read-audit-log.ts";
import { originOf } from "./sign-checkpoints.ts";
import { signingKey } from "./signed-note.ts";
import { type BundleReport, verifyBundle } from "./verify-bundle.ts";

const bed = await openTestBed();
const entriesLogged = 300;

/** A signed log of 300 entries of `acme` and 20 of `other`. */
async function signedLog(): Promise<AuditScene> {
  const scene = await auditScene(bed);
  const worker = await scene.work();
  await scene.record([...facts(entriesLogged), ...facts(20, "other")]);
  await scene.logged(worker, { acme: entriesLogged, other: 20 });
  await worker.stop();
  await scene.signer.turn(Date.now());
  return scene;
}

/** What was found, and the number of the entry where it was. */
function found({ findings }: BundleReport): string[] {
  return findings.map(({ what, place }) => `${what}: ${/^entry ([\d,-]+)/.exec(place)?.[1] ?? place}`);
}

const parsed = (line: string | undefined): EntryLine => JSON.parse(line ?? "");
const swap = (lines: string[], a: number, b: number): string[] =>
  lines.with(a, lines[b] as string).with(b, lines[a] as string);

describe("a bundle on its way", async () => {
  const scene = signedLog();
  const bundle = async (): Promise<Exported> => (await scene).export();

  test("untouched, it verifies, for the whole log, a process, an account and a period", async () => {
    const whole = await (await bundle()).verify();
    assert.deepEqual([whole.findings, whole.entries, whole.size], [[], entriesLogged, entriesLogged]);
    const heard: number[] = [];
    const { folder } = await bundle();
    await verifyBundle(folder, { verifier: verifierOf("acme") }, (index) => heard.push(index));
    assert.deepEqual(
      heard,
      Array.from({ length: entriesLogged }, (_, i) => i),
    );
    const processId = String((await storedEntries(await scene, "acme"))[17]?.processId);
    const one = await (await scene).export("acme", { kind: "process", processId });
    assert.deepEqual([(await one.verify()).findings, one.entries], [[], 1]);
    const account = await (await scene).export("acme", { kind: "account", key: "a-3" });
    assert.deepEqual([(await account.verify()).findings, account.entries], [[], 60]);
    const period = await (await scene).export("acme", { kind: "period", from: 0, to: 10 ** 13 });
    assert.deepEqual([(await period.verify()).findings, period.entries], [[], entriesLogged]);
    const other = await (await scene).export("other");
    assert.deepEqual([(await other.verify()).findings, other.entries], [[], 20]);
  });

  test("an entry, its payload, its nonce or its proof changed: at that entry", async () => {
    for (const [change, expected] of [
      [
        (line: EntryLine) => ({ ...line, leaf: `${line.leaf.slice(0, 40)}AAAA${line.leaf.slice(44)}` }),
        "entry-altered: 17",
      ],
      [
        (line: EntryLine) => ({ ...line, payload: line.payload?.replace("amount", "amounT") }),
        "payload-altered: 17",
      ],
      [(line: EntryLine) => ({ ...line, nonce: Buffer.alloc(32).toString("base64") }), "payload-altered: 17"],
      [(line: EntryLine) => ({ ...line, payload: null, nonce: null }), "payload-altered: 17"],
      [(line: EntryLine) => ({ ...line, proof: line.proof.toReversed() }), "entry-altered: 17"],
    ] as const) {
      const changed = await bundle();
      await changed.editLines(entriesFile, (lines) =>
        lines.with(17, JSON.stringify(change(parsed(lines[17])))),
      );
      assert.deepEqual(found(await changed.verify()), [expected]);
    }
  });

  test("an entry taken out: its index", async () => {
    const changed = await bundle();
    await changed.editLines(entriesFile, (lines) => lines.toSpliced(17, 1));
    assert.deepEqual(found(await changed.verify()), ["entry-missing: 17"]);
    const account = await (await scene).export("acme", { kind: "account", key: "a-3" });
    let index = -1;
    await account.editLines(entriesFile, (lines) => {
      index = parsed(lines[4]).index;
      return lines.toSpliced(4, 1);
    });
    assert.deepEqual(found(await account.verify()), [`entry-missing: ${index}`]);
  });

  test("an entry put in: where it was put", async () => {
    const changed = await bundle();
    await changed.editLines(entriesFile, (lines) => lines.toSpliced(18, 0, lines[17] as string));
    assert.deepEqual(found(await changed.verify()), ["entry-added: 17"]);
    const account = await (await scene).export("acme", { kind: "account", key: "a-3" });
    const { folder } = await bundle();
    const foreign = (await readFile(`${folder}/${entriesFile}`, "utf8"))
      .split("\n")
      .find((line) => line !== "" && JSON.parse(parsed(line).payload ?? "").key === "a-4");
    await account.editLines(entriesFile, (lines) => [foreign as string, ...lines]);
    assert.ok(found(await account.verify()).includes(`entry-added: ${parsed(foreign).index}`));
  });

  test("entries in another order: which stands behind which", async () => {
    const changed = await bundle();
    await changed.editLines(entriesFile, (lines) => swap(lines, 17, 18));
    const report = await changed.verify();
    assert.deepEqual(found(report), ["entry-moved: 17"]);
    assert.match(report.findings[0]?.says ?? "", /behind entry 18/);
    const renumbered = await bundle();
    await renumbered.editLines(entriesFile, (lines) => {
      const [a, b] = [parsed(lines[17]), parsed(lines[18])];
      return lines
        .with(17, JSON.stringify({ ...b, index: a.index, proof: a.proof }))
        .with(18, JSON.stringify({ ...a, index: b.index, proof: b.proof }));
    });
    assert.deepEqual(found(await renumbered.verify()), ["entry-altered: 17", "entry-altered: 18"]);
  });

  test("the end cut off: from which entry on", async () => {
    const changed = await bundle();
    await changed.editLines(entriesFile, (lines) => lines.slice(0, 250));
    assert.deepEqual(found(await changed.verify()), ["entry-missing: 250-299"]);
    const halfway = await bundle();
    await halfway.edit(entriesFile, (text) => text.slice(0, text.lastIndexOf('"proof"')));
    assert.deepEqual(found(await halfway.verify()), [
      `line-unreadable: ${entriesFile} line 300`,
      "entry-missing: 299",
    ]);
  });

  test("the manifest fitted to what was taken out: it was changed after signing", async () => {
    const changed = await bundle();
    await changed.editLines(entriesFile, (lines) => lines.slice(0, 250));
    await changed.edit(manifestFile, (text) =>
      text.replace("0-299", "0-249").replace("entries 300", "entries 250"),
    );
    assert.deepEqual(found(await changed.verify()), [`signature-false: ${manifestFile}`]);
  });

  test("signed anew with another key: which file is not signed by the key one trusts", async () => {
    const changed = await bundle();
    const another = signingKey(auditKey.name, Buffer.alloc(32, 8));
    const signer = another.named(originOf(auditKey.name, "acme"));
    const resign = (note: string) => {
      const [origin = "", size, root = ""] = note.split("\n");
      return signCheckpoint({ origin, size: Number(size), root: Buffer.from(root, "base64") }, signer);
    };
    await changed.editLines(checkpointsFile, (lines) =>
      lines.map((line) => JSON.stringify({ ...JSON.parse(line), note: resign(JSON.parse(line).note) })),
    );
    assert.deepEqual(found(await changed.verify()), [`wrong-key: ${checkpointsFile} line 1`]);
    await writeFile(
      `${changed.folder}/${manifestFile}`,
      signManifest(
        {
          origin: signer.name,
          selection: "all",
          size: 300,
          indexes: [0],
          erased: [],
          closed: [],
          entriesHash: "0".repeat(64),
          checkpointsHash: "0".repeat(64),
        },
        signer,
      ),
    );
    assert.deepEqual(found(await changed.verify()), [
      `wrong-key: ${manifestFile}`,
      `wrong-key: ${checkpointsFile} line 1`,
    ]);
  });

  test("another tenant's bundle, or files of it: it is of another log", async () => {
    const other = await (await scene).export("other");
    assert.deepEqual(found(await other.verify("acme")), [
      `wrong-key: ${manifestFile}`,
      `wrong-key: ${checkpointsFile} line 1`,
    ]);
    const mixed = await bundle();
    await copyFile(`${other.folder}/${entriesFile}`, `${mixed.folder}/${entriesFile}`);
    const report = found(await mixed.verify());
    assert.ok(report.includes("entry-altered: 0") && report.includes("entry-missing: 20-299"));
  });

  test("a file that is not there, and one with something added that nothing depends on", async () => {
    const without = await bundle();
    await rm(`${without.folder}/${entriesFile}`);
    assert.deepEqual(found(await without.verify()), [`file-missing: ${entriesFile}`]);
    const padded = await bundle();
    await padded.editLines(entriesFile, (lines) => lines.with(3, `${lines[3]} `));
    assert.deepEqual(found(await padded.verify()), [`file-changed: ${entriesFile}`]);
  });
});

/** The entries with some of them changed, by index. */
const withEntry = (
  entries: readonly StoredEntry[],
  n: number,
  change: (entry: StoredEntry) => Partial<StoredEntry>,
): StoredEntry[] => entries.map((entry) => (entry.n === n ? { ...entry, ...change(entry) } : entry));

/** With its 61st byte another. */
function forged(bytes: Buffer): Buffer {
  const other = Buffer.from(bytes);
  other[60] = (other[60] as number) ^ 1;
  return other;
}

describe("the database, by its superuser", () => {
  test("an entry's bytes changed: at that entry", async () => {
    const scene = await signedLog();
    await rewriteLog(scene, "acme", (log) => withEntry(log, 17, ({ leaf }) => ({ leaf: forged(leaf) })));
    assert.deepEqual(found(await (await scene.export()).verify()), ["entry-altered: 17"]);
  });

  test("a payload changed: at that entry", async () => {
    const scene = await signedLog();
    await rewriteLog(scene, "acme", (log) =>
      withEntry(log, 17, ({ opening }) => {
        const payload = opening.subarray(32).toString().replace("17", "71");
        return { opening: Buffer.concat([opening.subarray(0, 32), Buffer.from(payload)]) };
      }),
    );
    assert.deepEqual(found(await (await scene.export()).verify()), ["payload-altered: 17"]);
  });

  test("an entry's bytes and hash changed: at that entry and at those whose proofs pass by it, no further than its tile", async () => {
    const scene = await signedLog();
    await rewriteLog(scene, "acme", (log) =>
      withEntry(log, 17, ({ leaf }) => ({ leaf: forged(leaf), hash: leafHash(forged(leaf)) })),
    );
    const report = found(await (await scene.export()).verify());
    assert.ok(report.includes("entry-altered: 17"));
    assert.ok(report.every((one) => Number(one.split(": ")[1]) < 256));
  });

  test("an entry removed: the export stops there, and says so", async () => {
    const scene = await signedLog();
    await rewriteLog(scene, "acme", (log) => log.filter(({ n }) => n !== 17));
    await assert.rejects(
      scene.export(),
      (error) => isFailure(error, "audit-log-damaged") && error.fields.index === 17,
    );
  });

  test("an entry put in between, in a sheet of its own: the export stops there, and says so", async () => {
    const scene = await signedLog();
    const log = await storedEntries(scene, "acme");
    await writeSheet(scene, "acme", [{ ...(log[18] as StoredEntry), n: 17 }]);
    await assert.rejects(
      scene.export(),
      (error) => isFailure(error, "audit-log-damaged") && error.fields.index === 17,
    );
    // The tile of hashes has one too many, wherever that stands.
    const tiles = new LogTiles(scene.stage.database("audit"), "acme", entriesLogged);
    await assert.rejects(tiles.inclusion([3]), (error) => {
      assert.ok(isFailure(error, "audit-log-damaged"));
      assert.match(error.message, /entries 0 to 255, 1 of 256 hashes are too many: they were added by hand/);
      return true;
    });
  });

  test("where an entry ends moved: that entry and the next", async () => {
    const scene = await signedLog();
    await scene.sql(
      `update entente.audit_sheet set leaf_ends[18] = leaf_ends[18] + 1 where tenant_id = 'acme'`,
    );
    assert.deepEqual(found(await (await scene.export()).verify()), [
      "entry-altered: 17",
      "entry-altered: 18",
    ]);
    await scene.sql(`update entente.audit_sheet set leaf_ends[18] = leaf_ends[18] - 1, opening_ends[18] = opening_ends[18] - 1
      where tenant_id = 'acme'`);
    assert.deepEqual(found(await (await scene.export()).verify()), [
      "payload-altered: 17",
      "payload-altered: 18",
    ]);
  });

  test("two entries exchanged: both", async () => {
    const scene = await signedLog();
    await rewriteLog(scene, "acme", (log) => {
      const [a, b] = [log[17] as StoredEntry, log[18] as StoredEntry];
      return log.with(17, { ...b, n: a.n }).with(18, { ...a, n: b.n });
    });
    const report = found(await (await scene.export()).verify());
    assert.ok(report.includes("entry-altered: 17") && report.includes("entry-altered: 18"));
  });

  test("entries of two tenants exchanged: both, in both logs", async () => {
    const scene = await signedLog();
    const of = async (tenant: string) => (await storedEntries(scene, tenant))[3] as StoredEntry;
    const [acme, other] = [await of("acme"), await of("other")];
    for (const [tenant, { leaf, opening }] of [
      ["acme", other],
      ["other", acme],
    ] as const)
      await rewriteLog(scene, tenant, (log) => withEntry(log, 3, () => ({ leaf, opening })));
    for (const tenant of ["acme", "other"])
      assert.deepEqual(found(await (await scene.export(tenant)).verify()), ["entry-altered: 3"]);
  });

  test("an entry added behind the last: the log stands still, naming it", async () => {
    const scene = await signedLog();
    const last = (await storedEntries(scene, "acme")).at(-1) as StoredEntry;
    await writeSheet(scene, "acme", [{ ...last, n: 300 }]);
    const worker = await scene.work();
    await scene.record(facts(1));
    worker.wakeUps.ring("ledger");
    const { code, text } = await worker.happenings.heard("stopped");
    assert.equal(code, "audit-log-damaged");
    assert.match(text, /has an entry 300.*ends before entry 300/);
    assert.equal(await scene.size("acme"), 300);
  });

  test("the end cut off, the tree left: the log stands still, naming where it ends", async () => {
    const scene = await signedLog();
    await rewriteLog(scene, "acme", (log) => log.filter(({ n }) => n < 290));
    const worker = await scene.work();
    await scene.record(facts(1));
    worker.wakeUps.ring("ledger");
    const { code, text } = await worker.happenings.heard("stopped");
    assert.equal(code, "audit-log-damaged");
    assert.match(text, /ends before entry 290/);
    await assert.rejects(scene.export(), (error) => isFailure(error, "audit-log-damaged"));
  });

  test("all of it removed, or set back to a copy of before: nothing is signed, and what is missing is said", async () => {
    const scene = await auditScene(bed);
    const worker = await scene.work();
    await scene.record(facts(200));
    await scene.logged(worker, { acme: 200 });
    await scene.signer.turn(Date.now());
    const early = await scene.sql("select note from entente.audit_checkpoint");
    await worker.stop();
    const restore = await scene.backUp();
    const again = await scene.work();
    await scene.record(facts(100));
    await scene.logged(again, { acme: 300 });
    await scene.signer.turn(Date.now());
    await again.stop();
    const late = await readCheckpoints(scene.stage.database("audit"), "acme", 1);
    await restore();

    const started = scene.signerWith(auditKey);
    await started.turn(Date.now());
    const refusal = started.refusals().get("acme");
    assert.equal(refusal?.code, "audit-log-behind");
    assert.match(
      refusal?.message ?? "",
      /has 200 entries and was signed with 300: entries 200 to 299 are missing/,
    );
    assert.equal((await readCheckpoints(scene.stage.database("audit"), "acme", 1))[0]?.size, 200);
    // Whoever holds a checkpoint from before sees it too, without us.
    const bundle = await scene.export();
    assert.deepEqual((await bundle.verify("acme", [String(early[0]?.note)])).findings, []);
    const report = await bundle.verify("acme", [String(late[0]?.note)]);
    assert.deepEqual(found(report), ["log-shortened: known checkpoint 1"]);
    assert.match(report.findings[0]?.says ?? "", /entries 200 to 299 were cut off/);

    // Grown again past what was signed, it is another log, and stays unsigned.
    const grown = await scene.work();
    await scene.record(facts(50));
    await scene.logged(grown, { acme: 350 });
    await started.turn(Date.now());
    assert.equal(started.refusals().get("acme")?.code, "audit-log-differs");
    assert.deepEqual(
      scene.refused.map(({ failure }) => failure.code),
      ["audit-log-behind", "audit-log-differs"],
    );
  });

  test("the past rewritten consistently: nothing more is signed, and earlier checkpoints contradict", async () => {
    const scene = await signedLog();
    const [known] = await readCheckpoints(scene.stage.database("audit"), "acme", 1);
    // All of the log, its tree and its checkpoints removed, and written anew without one of the entries.
    await scene.sql(
      "truncate entente.audit_tree, entente.audit_sheet, entente.audit_node, entente.audit_checkpoint",
    );
    await scene.sql("delete from entente.cursor where consumer = 'audit-log'");
    await bed.sql(
      scene.name,
      "ledger",
      "delete from entente.journal where id in (select id from entente.journal limit 1)",
    );
    const worker = await scene.work();
    await scene.record(facts(10));
    await scene.logged(worker, { acme: 300 });
    await worker.stop();
    await scene.signer.turn(Date.now());
    assert.equal(scene.signer.refusals().get("acme")?.code, "audit-log-differs");
    assert.deepEqual(await readCheckpoints(scene.stage.database("audit"), "acme", 1), []);
    // Even with the key and a fresh record: whoever holds the old checkpoint is not deceived.
    const insider = scene.signerWith(auditKey, `${scene.folder}/another-record.txt`);
    await insider.turn(Date.now());
    const bundle = await scene.export();
    assert.deepEqual((await bundle.verify()).findings, []);
    const report = await bundle.verify("acme", [known?.note ?? ""]);
    assert.deepEqual(found(report), ["history-rewritten: known checkpoint 1"]);
  });
});
