import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  type CheckpointLine,
  checkpointsFile,
  type EntryLine,
  entriesFile,
  type Manifest,
  manifestFile,
  openManifest,
  rangesText,
} from "./bundle.ts";
import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import { commitmentOf, decodeLeaf, type Leaf } from "./leaf.ts";
import { rootByInclusion, verifyConsistency } from "./merkle-proof.ts";
import { appendLeaves, emptyEdge, hashBytes, leafHash, rootOf } from "./merkle-tree.ts";
import type { NoteVerifier } from "./signed-note.ts";

/** What is wrong, and where: a file, a line of it, an entry by its index in the log. */
export interface BundleFinding {
  readonly what: BundleFault;
  readonly place: string;
  readonly says: string;
}

export type BundleFault =
  | "file-missing"
  | "file-changed"
  | "line-unreadable"
  | "wrong-key"
  | "signature-false"
  | "manifest-unreadable"
  | "checkpoint-unreadable"
  | "another-log"
  | "history-rewritten"
  | "log-shortened"
  | "checkpoint-unproved"
  | "entry-missing"
  | "entry-added"
  | "entry-moved"
  | "entry-altered"
  | "entry-of-another-tenant"
  | "payload-altered";

export interface BundleReport {
  readonly origin: string | null;
  readonly selection: string | null;
  /** Of the newest checkpoint. */
  readonly size: number | null;
  readonly entries: number;
  /** Entries whose payload was erased: proved to stand there, and nobody can tell what they committed to. */
  readonly erased: number;
  /** Entries whose opening was held back, because it may speak of others: proved to stand there. */
  readonly closed: number;
  /** All of them when there are no more than `findingsListed`. None: everything is as it was signed. */
  readonly findings: readonly BundleFinding[];
  readonly moreFindings: number;
}

/** Findings a report lists at most; of others it says how many there are. */
export const findingsListed = 1_000;

export interface BundleTrust {
  /** Of the log, by the key that the reader trusts, wherever it came from. */
  readonly verifier: NoteVerifier;
  /** Signed checkpoints that the reader has from earlier. */
  readonly known?: readonly string[];
}

/** `payload` is null when it was erased, or when the entry was exported closed. */
type Heard = (index: number, leaf: Leaf, payload: string | null, isClosed: boolean) => void;

/**
 * Verifies a bundle with nothing but the public key. Off line; reads nothing but the folder.
 * Guarantees: without findings, every entry stands in the signed log at its index as it was logged, none of the selection was taken out
 * of the bundle, and the log still begins with everything that was signed before and is known here.
 * `heard` is told every entry that was found in order, with what it commits to.
 */
export async function verifyBundle(
  folder: string,
  { verifier, known = [] }: BundleTrust,
  heard: Heard = () => {},
): Promise<BundleReport> {
  const findings: BundleFinding[] = [];
  let moreFindings = 0;
  const find: Find = (what, place, says) => {
    if (findings.length < findingsListed) findings.push({ what, place, says });
    else moreFindings++;
  };
  const report = (
    manifest: Manifest | null,
    size: number | null,
    { entries, erased, closed } = { entries: 0, erased: 0, closed: 0 },
  ): BundleReport => {
    const { origin = null, selection = null } = manifest ?? {};
    return { origin, selection, size, entries, erased, closed, findings, moreFindings };
  };
  const manifest = await manifestIn(folder, verifier, find);
  const checkpoints = await checkpointsIn(folder, verifier, find);
  const newest = checkpoints?.at(-1);
  if (manifest === null || newest === undefined) return report(manifest, newest?.size ?? null);
  if (manifest.size !== newest.size) {
    const says = `The manifest is about ${manifest.size} entries, the newest checkpoint about ${newest.size}.`;
    find("checkpoint-unproved", checkpointsFile, says);
    return report(manifest, newest.size);
  }
  const walked = await walkEntries(folder, manifest, newest, find, heard);
  if (walked === null) return report(manifest, newest.size);
  await checkKnown(known, verifier, newest, checkpoints ?? [], walked.rootAt, find);
  const named = findings.length > 0;
  for (const [file, hash] of [
    [entriesFile, manifest.entriesHash],
    [checkpointsFile, manifest.checkpointsHash],
  ] as const) {
    // What was changed is named already, unless it was something that no entry depends on.
    if (!named && (await hashOf(join(folder, file))) !== hash)
      find("file-changed", file, "The file is not, byte for byte, the one that was exported.");
  }
  return report(manifest, newest.size, walked);
}

type Find = (what: BundleFault, place: string, says: string) => void;

async function textOf(folder: string, name: string, find: Find): Promise<string | null> {
  try {
    return await readFile(join(folder, name), "utf8");
  } catch (error) {
    find("file-missing", name, `The file cannot be read: ${(error as NodeJS.ErrnoException).code}.`);
    return null;
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function refusal(find: Find, why: string, place: string, verifier: NoteVerifier): void {
  const key = `${verifier.name}+${verifier.keyId}`;
  if (why === "note-unsigned") find("wrong-key", place, `It is not signed by ${key}, but by another key.`);
  else if (why === "note-forged")
    find("signature-false", place, `It was changed after ${key} had signed it.`);
  else if (why === "checkpoint-of-another-log") find("another-log", place, "It is about another log.");
  else if (place === manifestFile) find("manifest-unreadable", place, "It is not a manifest.");
  else find("checkpoint-unreadable", place, "It is not a checkpoint.");
}

async function manifestIn(folder: string, verifier: NoteVerifier, find: Find): Promise<Manifest | null> {
  const text = await textOf(folder, manifestFile, find);
  if (text === null) return null;
  const manifest = openManifest(text, verifier);
  if ("refused" in manifest) {
    refusal(find, manifest.refused, manifestFile, verifier);
    return null;
  }
  if (manifest.origin === verifier.name) return manifest;
  find("another-log", manifestFile, `It is about the log ${manifest.origin}.`);
  return null;
}

/** Checkpoints that the key vouches for, oldest first, each checked against the newest. */
async function checkpointsIn(
  folder: string,
  verifier: NoteVerifier,
  find: Find,
): Promise<Checkpoint[] | null> {
  const text = await textOf(folder, checkpointsFile, find);
  if (text === null) return null;
  const lines = text.split("\n").filter((line) => line !== "");
  const opened: { readonly checkpoint: Checkpoint; readonly proof: Buffer[]; readonly place: string }[] = [];
  for (const [i, line] of lines.entries()) {
    const place = `${checkpointsFile} line ${i + 1}`;
    const read = parse<CheckpointLine>(line);
    const proof = hashesOf(read?.proof);
    if (typeof read?.note !== "string" || proof === null) {
      find("line-unreadable", place, "The line cannot be read.");
      continue;
    }
    const checkpoint = openCheckpoint(read.note, verifier);
    if ("refused" in checkpoint) refusal(find, checkpoint.refused, place, verifier);
    else opened.push({ checkpoint, proof, place });
  }
  const newest = opened.at(-1)?.checkpoint;
  if (newest === undefined) {
    if (lines.length === 0) find("checkpoint-unreadable", checkpointsFile, "There is no checkpoint.");
    return null;
  }
  for (const { checkpoint, proof, place } of opened) {
    if (verifyConsistency(checkpoint, newest, proof)) continue;
    const says = `The log of ${newest.size} entries does not begin with the ${checkpoint.size} that were signed before.`;
    find("history-rewritten", place, says);
  }
  return opened.map(({ checkpoint }) => checkpoint);
}

interface Walked {
  readonly entries: number;
  readonly erased: number;
  readonly closed: number;
  /** The root over the first entries, as the entries themselves give it; undefined when they are not all here. */
  readonly rootAt: (size: number) => Promise<Buffer | undefined>;
}

async function walkEntries(
  folder: string,
  manifest: Manifest,
  newest: Checkpoint,
  find: Find,
  heard: Heard,
): Promise<Walked | null> {
  const path = join(folder, entriesFile);
  const expected = new Set(manifest.indexes);
  const erasedBefore = new Set(manifest.erased);
  const closedBefore = new Set(manifest.closed);
  const seen = new Set<number>();
  let [number, highest, entries, erased, closed] = [0, -1, 0, 0, 0];
  try {
    for await (const text of linesOf(path)) {
      number++;
      const line = readEntry(text);
      if (line === null) {
        find("line-unreadable", `${entriesFile} line ${number}`, "The line cannot be read.");
        continue;
      }
      const { index } = line;
      const place = `entry ${index} (${entriesFile} line ${number})`;
      if (!expected.has(index)) find("entry-added", place, "It is not among those that were exported.");
      else if (seen.has(index)) find("entry-added", place, "It is there a second time.");
      else if (index < highest) find("entry-moved", place, `It stands behind entry ${highest}.`);
      seen.add(index);
      highest = Math.max(highest, index);
      entries++;
      const isClosed = line.payload === null && closedBefore.has(index);
      if (isClosed) closed++;
      else if (line.payload === null) erased++;
      if (line.payload === null && line.nonce === null && !isClosed && !erasedBefore.has(index))
        find("payload-altered", place, "The payload was exported and has been taken out.");
      if (checkEntry(line, newest, place, find)) heard(index, line.decoded as Leaf, line.payload, isClosed);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    find("file-missing", entriesFile, `The file cannot be read: ${(error as NodeJS.ErrnoException).code}.`);
    return null;
  }
  const missing = manifest.indexes.filter((index) => !seen.has(index));
  for (const range of missing.length === 0 ? [] : rangesText(missing).split(",")) {
    const cut = Number(range.split("-").at(-1)) === manifest.indexes.at(-1) ? " The file was cut off." : "";
    find("entry-missing", `entry ${range}`, `It was exported and is not in ${entriesFile}.${cut}`);
  }
  return {
    entries,
    erased,
    closed,
    async rootAt(size) {
      if (manifest.indexes[0] !== 0 || (manifest.indexes[size - 1] ?? -1) !== size - 1) return undefined;
      let edge = emptyEdge;
      for await (const text of linesOf(path)) {
        const line = readEntry(text);
        if (edge.size === size) break;
        if (line === null || line.index !== edge.size) return undefined;
        edge = appendLeaves(edge, [leafHash(line.leaf)]);
      }
      return rootOf(edge);
    },
  };
}

function linesOf(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
}

interface ReadEntry {
  readonly index: number;
  readonly leaf: Buffer;
  readonly decoded: Leaf | null;
  readonly nonce: Buffer | null;
  readonly payload: string | null;
  readonly proof: readonly Buffer[];
}

function readEntry(text: string): ReadEntry | null {
  const line = parse<EntryLine>(text);
  const proof = hashesOf(line?.proof);
  const index = line?.index;
  if (line === null || proof === null || typeof index !== "number") return null;
  if (!Number.isSafeInteger(index) || index < 0) return null;
  const leaf = bytesOf(line.leaf);
  const nonce = line.nonce === null ? null : bytesOf(line.nonce);
  const { payload } = line;
  if (leaf === null || (line.nonce !== null && nonce === null)) return null;
  if (payload !== null && typeof payload !== "string") return null;
  return { index, leaf, decoded: decodeLeaf(leaf), nonce, payload, proof };
}

/** True when nothing is wrong with it. */
function checkEntry(line: ReadEntry, newest: Checkpoint, place: string, find: Find): boolean {
  const { index, leaf, decoded, nonce, payload, proof } = line;
  const root = rootByInclusion(index, newest.size, leafHash(leaf), proof);
  if (root === null || !root.equals(newest.root)) {
    find("entry-altered", place, "It is not what stands at this place of the signed log.");
    return false;
  }
  if (decoded === null) {
    find("entry-altered", place, "It is in the signed log, and is no entry of a version known here.");
    return false;
  }
  if (!newest.origin.endsWith(`/${encodeURIComponent(decoded.tenantId)}`)) {
    find(
      "entry-of-another-tenant",
      place,
      `It is an entry of the tenant ${JSON.stringify(decoded.tenantId)}.`,
    );
    return false;
  }
  if ((nonce === null) !== (payload === null)) {
    find("payload-altered", place, "One of payload and nonce is missing.");
    return false;
  }
  if (nonce !== null && !commitmentOf(nonce, Buffer.from(payload as string)).equals(decoded.commitment)) {
    find("payload-altered", place, "The payload is not the one that was logged.");
    return false;
  }
  return true;
}

/** What the reader knows from earlier must be a beginning of the log. */
async function checkKnown(
  known: readonly string[],
  verifier: NoteVerifier,
  newest: Checkpoint,
  proved: readonly Checkpoint[],
  rootAt: Walked["rootAt"],
  find: Find,
): Promise<void> {
  for (const [i, note] of known.entries()) {
    const place = `known checkpoint ${i + 1}`;
    const checkpoint = openCheckpoint(note, verifier);
    if ("refused" in checkpoint) {
      refusal(find, checkpoint.refused, place, verifier);
      continue;
    }
    const { size, root } = checkpoint;
    if (size > newest.size) {
      const says = `The log had ${size} entries and has ${newest.size}: entries ${newest.size} to ${size - 1} were cut off.`;
      find("log-shortened", place, says);
      continue;
    }
    const here = proved.find((one) => one.size === size)?.root ?? (await rootAt(size));
    if (size === 0 || here?.equals(root) === true) continue;
    if (here === undefined) {
      find(
        "checkpoint-unproved",
        place,
        "The bundle does not prove it: have it exported with this checkpoint.",
      );
    } else {
      find("history-rewritten", place, `The first ${size} entries are not those that were signed then.`);
    }
  }
}

/** Members of a line, of which nothing is known yet. */
type Unread<Line> = { readonly [Member in keyof Line]?: unknown };

function parse<Line>(text: string): Unread<Line> | null {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === "object" && line !== null ? (line as Unread<Line>) : null;
  } catch {
    return null;
  }
}

function bytesOf(base64: unknown): Buffer | null {
  if (typeof base64 !== "string") return null;
  const bytes = Buffer.from(base64, "base64");
  return bytes.toString("base64") === base64 ? bytes : null;
}

function hashesOf(proof: unknown): Buffer[] | null {
  if (!Array.isArray(proof)) return null;
  const hashes = proof.map(bytesOf);
  return hashes.every((hash): hash is Buffer => hash?.length === hashBytes) ? hashes : null;
}
