import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { type Checkpoint, checkpointOf, openCheckpoint } from "../audit/checkpoint.ts";
import { commitmentOf, decodeLeaf, leafOf, payloadBytes } from "../audit/leaf.ts";
import { rootByInclusion } from "../audit/merkle-proof.ts";
import { leafHash } from "../audit/merkle-tree.ts";
import { tenantOf } from "../audit/sign-checkpoints.ts";
import { type NoteVerifier, noteVerifier, verifierNamed } from "../audit/signed-note.ts";
import type { Entry } from "../model/entry.ts";
import { firstIdAt } from "../model/id.ts";
import {
  type ArchiveEnd,
  type ArchiveEntry,
  type ArchiveHead,
  type ArchiveLog,
  type ArchiveProof,
  archiveTitle,
  archiveVersion,
  readLine,
} from "./archive-lines.ts";

/** What is not as it was written, and where. */
export interface ArchiveFinding {
  readonly what:
    | "file-unreadable"
    | "line-unreadable"
    | "head-missing"
    | "end-missing"
    | "end-false"
    | "entry-out-of-place"
    | "entry-altered"
    | "payload-altered"
    | "proof-false"
    | "checkpoint-false"
    | "checkpoint-unproved"
    | "digest-differs";
  /** Line of the file, from 1; 0: the file. */
  readonly at: number;
  readonly says: string;
}

export interface ArchiveReport {
  /** Null when the first line is none of an archive. */
  readonly head: ArchiveHead | null;
  readonly entries: number;
  /** Of these, those that the audit log proves, with payload or without. */
  readonly proved: number;
  readonly withoutPayload: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly digest: string;
  /** The first 100. */
  readonly findings: readonly ArchiveFinding[];
  readonly moreFindings: number;
}

export interface ArchiveVerification {
  /** Public keys of the logs, or the one all their keys are made from (`name+hash+base64`). None: signatures are not looked at. */
  readonly keys?: readonly string[];
  /** SHA-256 that the file must have, from the journal's own entry about it. */
  readonly digest?: string;
}

const findingsGiven = 100;
/** Longest line that is looked at: what is longer was not written by us. */
const lineBytesAllowed = 64 * 1024 * 1024;

/**
 * Reads an archive from its first byte to its last and says what in it is not as it was written. Needs no network and no database.
 * Guarantees: never throws for what the file holds; memory does not depend on its length.
 */
export async function verifyArchive(
  path: string,
  { keys = [], digest: expected }: ArchiveVerification = {},
): Promise<ArchiveReport> {
  const reading = new Reading(keys);
  const digest = createHash("sha256");
  try {
    await pipeline(
      createReadStream(path),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          digest.update(chunk);
          yield chunk;
        }
      },
      createGunzip(),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const line of linesOf(chunks)) reading.take(line);
      },
    );
  } catch (error) {
    reading.find("file-unreadable", error instanceof Error ? error.message : "It cannot be read.");
  }
  return reading.end(digest.digest("hex"), expected);
}

async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      yield Buffer.concat([...pending, chunk.subarray(from, at + 1)]);
      pending = [];
      held = 0;
      from = at + 1;
    }
    pending.push(chunk.subarray(from));
    held += chunk.length - from;
    if (held > lineBytesAllowed) throw new Error("A line is longer than any that is written.");
  }
  if (held > 0) yield Buffer.concat(pending);
}

class Reading {
  private readonly keys: readonly string[];
  private readonly findings: ArchiveFinding[] = [];
  private readonly checkpoints = new Map<string, Checkpoint>();
  private readonly hash = createHash("sha256");
  private more = 0;
  private line = 0;
  private head: ArchiveHead | null = null;
  private ended: ArchiveEnd | null = null;
  private lastId = "";
  private entries = 0;
  private proved = 0;
  private withoutPayload = 0;

  constructor(keys: readonly string[]) {
    this.keys = keys;
  }

  find(what: ArchiveFinding["what"], says: string): void {
    if (this.findings.length < findingsGiven) this.findings.push({ what, at: this.line, says });
    else this.more++;
  }

  take(bytes: Buffer): void {
    this.line++;
    const line = bytes.at(-1) === 10 ? readLine(bytes.toString("utf8", 0, bytes.length - 1)) : null;
    if (this.ended !== null) {
      this.find("end-false", "There is more after the line that ends it.");
      return;
    }
    if (line?.line === "end") {
      this.ended = line;
      if (line.entries !== this.entries)
        this.find("end-false", `It says ${line.entries} entries and has ${this.entries}.`);
      if (line.sha256 !== this.hash.copy().digest("hex"))
        this.find("end-false", "The lines before are not those that were written.");
      return;
    }
    this.hash.update(bytes);
    try {
      if (this.line === 1) this.takeHead(line?.line === "head" ? line : null);
      else if (line?.line === "log") this.takeLog(line);
      else if (line?.line === "entry") this.takeEntry(line);
      else this.find("line-unreadable", "It is none of an archive's lines.");
    } catch (error) {
      // Fields that are missing or of another type.
      if (!(error instanceof Error)) throw error;
      this.find("line-unreadable", error.message);
    }
  }

  private takeHead(head: ArchiveHead | null): void {
    if (head?.title === archiveTitle && head.version === archiveVersion) this.head = head;
    else this.find("head-missing", "The first line does not say that this is an archive of a known version.");
  }

  private takeLog({ tenantId, checkpoint: note }: ArchiveLog): void {
    const text = note.slice(0, note.lastIndexOf("\n\n") + 1);
    const checkpoint = checkpointOf(text);
    const origin = checkpoint?.origin ?? "";
    const keyName = origin.slice(0, origin.lastIndexOf("/"));
    if (checkpoint === null || tenantOf(keyName, origin) !== tenantId) {
      this.find("checkpoint-false", `This is no checkpoint of the log of ${tenantId}.`);
      return;
    }
    this.checkpoints.set(tenantId, checkpoint);
    if (this.keys.length === 0) return;
    const verifier = this.keys.map((key) => verifierOf(key, origin)).find((one) => one !== null);
    if (verifier === undefined) {
      this.find("checkpoint-unproved", `None of the keys is that of the log ${origin}.`);
      return;
    }
    const opened = openCheckpoint(note, verifier);
    if ("refused" in opened) this.find("checkpoint-false", `The checkpoint of ${origin}: ${opened.refused}.`);
  }

  private takeEntry({ entry, proof }: ArchiveEntry): void {
    this.entries++;
    const { id } = entry;
    const { head } = this;
    const isOfMonth =
      head !== null && id >= firstIdAt(Date.parse(head.from)) && id < firstIdAt(Date.parse(head.to));
    if (!isOfMonth || id <= this.lastId)
      this.find("entry-out-of-place", `${id} is not of this month, or not in order.`);
    this.lastId = id;
    if (proof === null || head === null) return;
    if (this.isProved(id, entry, proof, head)) this.proved++;
  }

  private isProved(id: string, entry: Entry, proof: ArchiveProof, head: ArchiveHead): boolean {
    const before = this.findings.length + this.more;
    const checkpoint = this.checkpoints.get(entry.tenantId);
    const bytes = Buffer.from(proof.leaf, "base64");
    const leaf = decodeLeaf(bytes);
    const nonce = proof.nonce === null ? null : Buffer.from(proof.nonce, "base64");
    if (checkpoint === undefined)
      this.find("checkpoint-unproved", `${id}: there is no checkpoint before it.`);
    else if (leaf === null || !leafOf(entry, head.generation, leaf.commitment).equals(bytes))
      this.find("entry-altered", `${id} is not the entry that was logged.`);
    else if (nonce !== null && !commitmentOf(nonce, payloadBytes(entry)).equals(leaf.commitment))
      this.find("payload-altered", `The payload of ${id} is not the one that was logged.`);
    else {
      const hashes = proof.hashes.map((hash) => Buffer.from(hash, "base64"));
      const root = rootByInclusion(proof.index, checkpoint.size, leafHash(bytes), hashes);
      if (root?.equals(checkpoint.root) !== true)
        this.find("proof-false", `${id} is not proved to stand at ${proof.index} of its log.`);
      else if (nonce === null) this.withoutPayload++;
    }
    return this.findings.length + this.more === before;
  }

  end(digest: string, expected: string | undefined): ArchiveReport {
    this.line = 0;
    if (this.ended === null) this.find("end-missing", "It ends before its last line.");
    if (expected !== undefined && expected !== digest)
      this.find("digest-differs", `SHA-256 of the file is ${digest}.`);
    const { head, entries, proved, withoutPayload, findings, more } = this;
    return { head, entries, proved, withoutPayload, digest, findings, moreFindings: more };
  }
}

/** A key of the log itself, or the one that all logs of its system are signed with. */
function verifierOf(key: string, origin: string): NoteVerifier | null {
  const named = noteVerifier(key);
  if (named === null) return null;
  if (named.name === origin) return named;
  return origin.startsWith(`${named.name}/`) ? verifierNamed(key, origin) : null;
}
