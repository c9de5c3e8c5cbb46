/**
 * An independent reader of an audit log over HTTP: Node's own modules, the public specifications, and nothing of Entente.
 *
 *     node read.ts <log's address, .../audit/<tenant>> '<public key: name+hash+base64>' <file with an auditor's token> [checkpoint from earlier]
 *
 * Fetches the checkpoint, every tile and every entry, and recomputes the tree. Exit code 0: all of it is what the key has signed, and the log
 * still begins with what the earlier checkpoint, a file, says. 1: it says what is not.
 * Sources: c2sp.org/tlog-tiles, c2sp.org/tlog-checkpoint, c2sp.org/signed-note, RFC 6962 section 2.1.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const [prefix = "", key = "", tokenFile = "", earlier] = process.argv.slice(2);
const token = readFileSync(tokenFile, "utf8").trim();
const tileWidth = 256;
const hashBytes = 32;
const problems: string[] = [];

function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

async function get(path: string, contentType: string): Promise<Buffer> {
  const headers = {
    authorization: `Bearer ${token}`,
    "accept-encoding": "gzip, identity",
  };
  const answer = await fetch(`${prefix}/${path}`, { headers });
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
  const type = answer.headers.get("content-type");
  if (type !== contentType) problems.push(`${path} is ${type}, and should be ${contentType}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** The text of a signed note, or null when none of its signatures is by the key. */
function openNote(note: string): string | null {
  const [name = "", keyId = "", ...base64] = key.split("+");
  // The base64 of a key may hold plus signs of its own.
  const material = Buffer.from(base64.join("+"), "base64");
  const expected = sha256(Buffer.from(`${name}\n`), material).subarray(0, 4);
  if (material[0] !== 1 || material.length !== 33 || expected.toString("hex") !== keyId) return null;
  const x = material.subarray(1).toString("base64url");
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const end = note.lastIndexOf("\n\n");
  const text = note.slice(0, end + 1);
  for (const line of note.slice(end + 2).split("\n")) {
    const [dash, signer, signature = ""] = line.split(" ");
    const signed = Buffer.from(signature, "base64");
    if (dash !== "—" || signer !== name || !signed.subarray(0, 4).equals(expected)) continue;
    return verify(null, Buffer.from(text), publicKey, signed.subarray(4)) ? text : null;
  }
  return null;
}

interface Checkpoint {
  readonly size: number;
  readonly root: Buffer;
}

function openCheckpoint(note: string): Checkpoint | null {
  const [origin, size = "", root = ""] = (openNote(note) ?? "").split("\n");
  if (origin !== key.slice(0, key.indexOf("+")) || !/^\d{1,15}$/.test(size)) return null;
  return { size: Number(size), root: Buffer.from(root, "base64") };
}

/** RFC 6962, 2.1, over hashes of leaves. */
function treeHash(hashes: readonly Buffer[]): Buffer {
  const [only] = hashes;
  if (only === undefined) return sha256();
  if (hashes.length === 1) return only;
  const left = 2 ** Math.ceil(Math.log2(hashes.length) - 1);
  return sha256(Buffer.of(1), treeHash(hashes.slice(0, left)), treeHash(hashes.slice(left)));
}

/** `<N>[.p/<W>]` of each tile or bundle that a row of so many hashes or entries is split into. */
function tileNames(count: number): { readonly name: string; readonly width: number }[] {
  return Array.from({ length: Math.ceil(count / tileWidth) }, (_, n) => {
    const digits = String(n).padStart(Math.ceil(String(n).length / 3) * 3, "0");
    const groups = digits.match(/\d{3}/g) ?? [];
    const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
    const width = Math.min(tileWidth, count - n * tileWidth);
    return { name: width === tileWidth ? path : `${path}.p/${width}`, width };
  });
}

async function readLevel(level: number, count: number): Promise<Buffer[]> {
  const hashes: Buffer[] = [];
  for (const { name, width } of tileNames(count)) {
    const bytes = await get(`tile/${level}/${name}`, "application/octet-stream");
    if (bytes.length !== width * hashBytes)
      throw new Error(`tile/${level}/${name} has ${bytes.length} bytes`);
    for (let at = 0; at < bytes.length; at += hashBytes) hashes.push(bytes.subarray(at, at + hashBytes));
  }
  return hashes;
}

/** Every level of tiles, each hash held against the full tile below it. Shape: the hashes of the leaves. */
async function readTree(size: number): Promise<Buffer[]> {
  const leaves = await readLevel(0, size);
  for (let level = 1, below = leaves; below.length >= tileWidth; level++) {
    const hashes = await readLevel(level, Math.floor(below.length / tileWidth));
    for (const [n, hash] of hashes.entries())
      if (!hash.equals(treeHash(below.slice(n * tileWidth, (n + 1) * tileWidth))))
        problems.push(`hash ${n} of level ${level} is not that of the tile below it`);
    below = hashes;
  }
  return leaves;
}

async function verifyEntries(leaves: readonly Buffer[]): Promise<void> {
  let index = 0;
  for (const { name, width } of tileNames(leaves.length)) {
    const bundle = await get(`tile/entries/${name}`, "application/octet-stream");
    let at = 0;
    for (let n = 0; n < width; n++, index++) {
      const end = at + 2 + bundle.readUInt16BE(at);
      if (leaves[index]?.equals(sha256(Buffer.of(0), bundle.subarray(at + 2, end))) !== true)
        problems.push(`entry ${index} is not the one whose hash stands in the tree`);
      at = end;
    }
    if (at !== bundle.length) problems.push(`tile/entries/${name} has other entries than the tree`);
  }
}

async function verifyLog(): Promise<number> {
  const note = (await get("checkpoint", "text/plain; charset=utf-8")).toString("utf8");
  const checkpoint = openCheckpoint(note);
  if (checkpoint === null) throw new Error("the checkpoint is not signed by the key");
  const leaves = await readTree(checkpoint.size);
  if (!treeHash(leaves).equals(checkpoint.root)) problems.push("the tiles are not those of the signed root");
  if (earlier !== undefined) {
    const known = openCheckpoint(readFileSync(earlier, "utf8"));
    const isThere = known !== null && known.size <= leaves.length;
    if (!isThere || !treeHash(leaves.slice(0, known.size)).equals(known.root))
      problems.push("the log does not begin with what was signed before");
  }
  await verifyEntries(leaves);
  return leaves.length;
}

const entries = await verifyLog().catch((error: unknown) => {
  problems.push(error instanceof Error ? error.message : String(error));
  return 0;
});
for (const problem of problems) console.log(problem);
console.log(
  problems.length === 0 ? `verified: ${entries} entries` : `NOT verified: ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
