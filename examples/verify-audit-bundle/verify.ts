/**
 * An independent verifier of audit bundles: Node's own modules, the public specifications, and nothing of Entente.
 *
 *     node verify.ts <bundle folder> '<public key: name+hash+base64>'
 *
 * Exit code 0: every entry is in the signed log at its index, and the selection is complete as it was exported. 1: it says what is not.
 * Sources: RFC 6962 and RFC 9162 (tree), c2sp.org/signed-note, c2sp.org/tlog-checkpoint; the bundle's README for the rest.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [folder = ".", key = ""] = process.argv.slice(2);
const problems: string[] = [];

function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

const leafHash = (leaf: Buffer): Buffer => sha256(Buffer.of(0), leaf);
const nodeHash = (left: Buffer, right: Buffer): Buffer => sha256(Buffer.of(1), left, right);
const bytes = (base64: string): Buffer => Buffer.from(base64, "base64");
const half = (n: number): number => Math.floor(n / 2);

/** The text of a signed note, or null when none of its signatures is by the key. */
function openNote(note: string): string | null {
  const [name = "", keyId = "", ...base64] = key.split("+");
  // The base64 of a key may hold plus signs of its own.
  const material = bytes(base64.join("+"));
  const expected = sha256(Buffer.from(`${name}\n`), material).subarray(0, 4);
  if (material[0] !== 1 || material.length !== 33 || expected.toString("hex") !== keyId) return null;
  const x = material.subarray(1).toString("base64url");
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const end = note.lastIndexOf("\n\n");
  const text = note.slice(0, end + 1);
  for (const line of note.slice(end + 2).split("\n")) {
    const [dash, signer, signature = ""] = line.split(" ");
    const signed = bytes(signature);
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
  return { size: Number(size), root: bytes(root) };
}

/** RFC 9162, 2.1.3.2. */
function isIncluded(
  index: number,
  { size, root }: Checkpoint,
  leaf: Buffer,
  proof: readonly Buffer[],
): boolean {
  if (index < 0 || index >= size) return false;
  let [place, last, hash] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      hash = nodeHash(sibling, hash);
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && hash.equals(root);
}

/** RFC 9162, 2.1.4.2. */
function isConsistent(older: Checkpoint, newer: Checkpoint, proof: readonly Buffer[]): boolean {
  if (older.size < 1 || older.size > newer.size) return false;
  if (older.size === newer.size) return proof.length === 0 && older.root.equals(newer.root);
  const isPowerOfTwo = Number.isInteger(Math.log2(older.size));
  const [first, ...rest] = isPowerOfTwo ? [older.root, ...proof] : proof;
  if (first === undefined) return false;
  let [place, last] = [older.size - 1, newer.size - 1];
  while (place % 2 === 1) [place, last] = [half(place), half(last)];
  let [olderRoot, newerRoot] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      olderRoot = nodeHash(sibling, olderRoot);
      newerRoot = nodeHash(sibling, newerRoot);
      while (place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)];
    } else {
      newerRoot = nodeHash(newerRoot, sibling);
    }
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && olderRoot.equals(older.root) && newerRoot.equals(newer.root);
}

const read = (name: string): string => readFileSync(join(folder, name), "utf8");
const linesOf = (name: string): string[] => read(name).split("\n").slice(0, -1);

/** The signed list of what was exported: `name value` a line. */
function readManifest(): Map<string, string> | null {
  const text = openNote(read("manifest.txt"));
  if (text === null) return null;
  const fields = text.split("\n").map((line) => line.split(" "));
  return new Map(fields.map(([name = "", ...value]) => [name, value.join(" ")]));
}

function verifyCheckpoints(): Checkpoint | null {
  const read = linesOf("checkpoints.jsonl").map(
    (line) => JSON.parse(line) as { note: string; proof: string[] },
  );
  const checkpoints = read.map(({ note }) => openCheckpoint(note));
  const newest = checkpoints.at(-1) ?? null;
  checkpoints.forEach((checkpoint, i) => {
    if (checkpoint === null) problems.push(`checkpoints.jsonl line ${i + 1} is not signed by the key`);
    else if (newest !== null && !isConsistent(checkpoint, newest, (read[i]?.proof ?? []).map(bytes)))
      problems.push(
        `the log does not begin with the ${checkpoint.size} entries of checkpoints.jsonl line ${i + 1}`,
      );
  });
  return newest;
}

interface EntryLine {
  readonly index: number;
  readonly leaf: string;
  readonly nonce: string | null;
  readonly payload: string | null;
  readonly proof: readonly string[];
}

function verifyEntry(line: EntryLine, newest: Checkpoint): void {
  const leaf = bytes(line.leaf);
  if (!isIncluded(line.index, newest, leafHash(leaf), line.proof.map(bytes)))
    problems.push(`entry ${line.index} is not what stands there in the signed log`);
  if (line.nonce === null || line.payload === null) return;
  // The last 32 bytes of a leaf commit to the payload.
  if (!sha256(bytes(line.nonce), Buffer.from(line.payload)).equals(leaf.subarray(-32)))
    problems.push(`the payload of entry ${line.index} is not the one that was logged`);
}

/** `0-4,7` as numbers. */
function numbersOf(ranges: string): number[] {
  return ranges.split(",").flatMap((range) => {
    const [from = "", to = from] = range.split("-");
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i);
  });
}

function verifyBundle(): number {
  const manifest = readManifest();
  const newest = verifyCheckpoints();
  if (manifest === null) problems.push("manifest.txt is not signed by the key");
  if (manifest === null || newest === null) return 0;
  if (manifest.get("size") !== String(newest.size)) problems.push("manifest.txt is about another checkpoint");
  const lines = linesOf("entries.jsonl").map((line) => JSON.parse(line) as EntryLine);
  for (const line of lines) verifyEntry(line, newest);
  const exported = numbersOf(manifest.get("indexes") ?? "");
  const here = new Set(lines.map(({ index }) => index));
  for (const index of exported) if (!here.has(index)) problems.push(`entry ${index} is missing`);
  lines.forEach(({ index }, i) => {
    if (index !== exported[i])
      problems.push(`line ${i + 1} has entry ${index}, and should have ${exported[i] ?? "none"}`);
  });
  for (const file of ["entries.jsonl", "checkpoints.jsonl"]) {
    if (sha256(Buffer.from(read(file))).toString("hex") !== manifest.get(file))
      problems.push(`${file} was changed`);
  }
  return lines.length;
}

const entries = verifyBundle();
for (const problem of problems) console.log(problem);
console.log(
  problems.length === 0 ? `verified: ${entries} entries` : `NOT verified: ${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
