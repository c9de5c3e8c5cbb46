/** An archive by itself: what is written is found whole, and every kind of alteration is named. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { signCheckpoint } from "../audit/checkpoint.ts";
import { commitmentOf, leafOf, payloadBytes } from "../audit/leaf.ts";
import { leafHash } from "../audit/merkle-tree.ts";
import { originOf } from "../audit/sign-checkpoints.ts";
import { signingKey } from "../audit/signed-note.ts";
import type { Entry } from "../model/entry.ts";
import { auditKey } from "../testing/audit.fixture.ts";
import { fact } from "../testing/entries.fixture.ts";
import { verifyArchive } from "./verify-archive.ts";
import { writeArchive } from "./write-archive.ts";

const folder = await mkdtemp(join(tmpdir(), "archive-"));
after(() => rm(folder, { recursive: true, force: true }));

const generation = "11111111-1111-4111-8111-111111111111";
const nonce = Buffer.alloc(32, 9);
const moment = Date.parse("2030-01-10T12:00Z");
const entryAt = (tenantId: string, at: number): Entry => ({
  ...fact({ tenantId, data: { amount: 5, says: "h\ud800lf" } }, at),
  position: { xid: "7", seq: "3" },
  lane: 1,
});
/** A log with one entry: its leaf is the root. */
const logged = entryAt("acme", moment);
const leaf = leafOf(logged, generation, commitmentOf(nonce, payloadBytes(logged)));
const unlogged = entryAt("other", moment + 1);
const origin = originOf(auditKey.name, "acme");
const checkpoint = { origin, size: 1, root: leafHash(leaf) };
const verifierKey = auditKey.named(origin).verifierKey;

async function written(key = auditKey): Promise<string> {
  const note = signCheckpoint(checkpoint, key.named(origin));
  const archive = await writeArchive({
    folder,
    about: {
      system: "bank",
      context: "ledger",
      generation,
      month: "2030-01",
      from: "2030-01-01T00:00:00.000Z",
      to: "2030-02-01T00:00:00.000Z",
    },
    pages: (async function* () {
      yield [logged];
      yield [unlogged];
    })(),
    proofs: {
      checkpoint: async (tenantId) => (tenantId === "acme" ? note : null),
      of: async (entries) =>
        new Map(
          entries
            .filter(({ tenantId }) => tenantId === "acme")
            .map(({ id }) => {
              const proof = {
                index: 0,
                leaf: leaf.toString("base64"),
                nonce: nonce.toString("base64"),
                hashes: [],
              };
              return [id, proof];
            }),
        ),
    },
  });
  assert.deepEqual(Object.fromEntries(archive.byTenant), { acme: 1, other: 1 });
  return join(folder, archive.file);
}

/** What is found after its lines were changed by somebody who also makes the last line fit. */
async function foundAfter(change: (lines: string[]) => string[], keys: string[] = []): Promise<string[]> {
  const lines = change(
    gunzipSync(await readFile(await written()))
      .toString("utf8")
      .trimEnd()
      .split("\n")
      .slice(0, -1),
  );
  const body = lines.map((line) => `${line}\n`).join("");
  const sha256 = createHash("sha256").update(body).digest("hex");
  const entries = lines.filter((line) => line.includes('"line":"entry"')).length;
  const changed = join(folder, "changed");
  await writeFile(changed, gzipSync(`${body}${JSON.stringify({ line: "end", entries, sha256 })}\n`));
  return (await verifyArchive(changed, { keys })).findings.map(({ what }) => what);
}

test("what was written is whole, proved as far as there are proofs, and has the digest of its file", async () => {
  const path = await written();
  const digest = createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
  const report = await verifyArchive(path, { keys: [verifierKey], digest });
  assert.deepEqual(report.findings, []);
  assert.deepEqual([report.entries, report.proved, report.withoutPayload], [2, 1, 0]);
  assert.ok(path.includes(digest.slice(0, 16)));
  assert.deepEqual(await foundAfter((lines) => lines), []);
});

test("every alteration of a logged entry is named, whoever makes the rest fit", async () => {
  const edit = (from: string, to: string) => (lines: string[]) =>
    lines.map((line) =>
      line.includes('"tenantId":"acme"') && line.includes('"entry"') ? line.replace(from, to) : line,
    );
  assert.deepEqual(await foundAfter(edit('"amount":5', '"amount":6')), ["payload-altered"]);
  assert.deepEqual(await foundAfter(edit('"type":"bank.deposited"', '"type":"bank.withdrawn"')), [
    "entry-altered",
  ]);
  assert.deepEqual(await foundAfter(edit('"index":0', '"index":1')), ["proof-false"]);
  assert.deepEqual(await foundAfter((lines) => lines.filter((line) => !line.includes('"line":"log"'))), [
    "checkpoint-unproved",
  ]);
  assert.deepEqual(await foundAfter((lines) => [lines[0] as string, ...lines.slice(1).reverse()]), [
    "entry-out-of-place",
    "checkpoint-unproved",
  ]);
  assert.deepEqual(await foundAfter((lines) => lines.slice(1)), [
    "head-missing",
    "entry-out-of-place",
    "entry-out-of-place",
  ]);
  assert.deepEqual(await foundAfter((lines) => [...lines, "{}"]), ["line-unreadable"]);
});

test("a checkpoint counts only under the key that is asked for", async () => {
  const another = signingKey(auditKey.name, Buffer.alloc(32, 8)).named(origin).verifierKey;
  const report = await verifyArchive(await written(), { keys: [another] });
  assert.deepEqual(
    report.findings.map(({ what }) => what),
    ["checkpoint-false"],
  );
  const foreign = signingKey("other.example/audit", Buffer.alloc(32, 8)).named(
    "other.example/audit",
  ).verifierKey;
  const unknown = await verifyArchive(await written(), { keys: [foreign] });
  assert.deepEqual(
    unknown.findings.map(({ what }) => what),
    ["checkpoint-unproved"],
  );
});

test("a file that is cut off, added to, or another, is not whole", async () => {
  const bytes = await readFile(await written());
  const found = async (changed: Buffer, digest?: string) => {
    await writeFile(join(folder, "cut"), changed);
    const report = await verifyArchive(join(folder, "cut"), digest === undefined ? {} : { digest });
    return report.findings.map(({ what }) => what);
  };
  assert.deepEqual(await found(bytes.subarray(0, bytes.length / 2)), ["file-unreadable", "end-missing"]);
  const text = gunzipSync(bytes).toString("utf8");
  assert.deepEqual(await found(gzipSync(`${text}{}\n`)), ["end-false"]);
  assert.deepEqual(await found(gzipSync(text.slice(0, -1))), ["line-unreadable", "end-missing"]);
  assert.deepEqual(await found(bytes, "0".repeat(64)), ["digest-differs"]);
  assert.deepEqual(
    (await verifyArchive(join(folder, "nowhere"))).findings.map(({ what }) => what),
    ["file-unreadable", "end-missing"],
  );
});
