import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Entry } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import {
  type ArchiveEnd,
  type ArchiveHead,
  type ArchiveProof,
  archiveTitle,
  archiveVersion,
  lineText,
} from "./archive-lines.ts";
import { verifyArchive } from "./verify-archive.ts";

/** What proves entries; see openLogProofs. */
export interface Proofs {
  /** The checkpoint all proofs of a tenant lead to; null when it has no signed log. */
  checkpoint(tenantId: string): Promise<string | null>;
  /** Proofs of entries by id; those that no log has are absent. */
  of(entries: readonly Entry[]): Promise<ReadonlyMap<string, ArchiveProof>>;
}

export interface ArchiveOrder {
  readonly folder: string;
  readonly about: Omit<ArchiveHead, "line" | "title" | "version">;
  /** All entries of the month, by id, in pages. */
  readonly pages: AsyncIterable<readonly Entry[]>;
  /** Null: no audit log is kept. */
  readonly proofs: Proofs | null;
}

export interface WrittenArchive {
  /** Name in the folder. */
  readonly file: string;
  /** SHA-256 of its bytes, hexadecimal. */
  readonly digest: string;
  readonly entries: number;
  readonly byTenant: ReadonlyMap<string, number>;
}

/**
 * Writes an archive under a name that tells its content, and returns once it survives a loss of power and was read back, line by
 * line and proof by proof. Guarantees: a file of that name is whole; what a crash leaves has a name that begins with a dot.
 * Errors: `archive-unwritable` (unavailable); `archive-damaged` (defect) when what is read back is not what was written.
 */
export async function writeArchive(order: ArchiveOrder): Promise<WrittenArchive> {
  const { folder, about } = order;
  const byTenant = new Map<string, number>();
  const part = join(folder, `.${about.context}.${about.month}.${randomBytes(6).toString("hex")}.part`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await pipeline(
      archiveText(order, byTenant),
      createGzip(),
      createWriteStream(part, { flags: "wx", mode: 0o600, flush: true }),
    );
    const digest = await digestOf(part);
    const report = await verifyArchive(part);
    const entries = byTenant.values().reduce((sum, count) => sum + count, 0);
    if (report.findings.length > 0 || report.entries !== entries || report.digest !== digest)
      throw damaged(part, report.findings[0]?.says);
    const file = `${about.system}.${about.context}.${about.month}.${digest.slice(0, 16)}.jsonl.gz`;
    await rename(part, join(folder, file));
    await flushFolder(folder);
    return { file, digest, entries, byTenant };
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw error instanceof Failure || !isFileTrouble(error) ? error : unwritable(folder, error);
  }
}

async function* archiveText(
  { about, pages, proofs }: ArchiveOrder,
  byTenant: Map<string, number>,
): AsyncGenerator<string> {
  const hash = createHash("sha256");
  let entries = 0;
  const hashed = (text: string): string => {
    hash.update(text);
    return text;
  };
  yield hashed(lineText({ line: "head", title: archiveTitle, version: archiveVersion, ...about }));
  for await (const page of pages) {
    const proved = (await proofs?.of(page)) ?? new Map<string, ArchiveProof>();
    let text = "";
    for (const entry of page) {
      const { tenantId } = entry;
      const known = byTenant.get(tenantId);
      const checkpoint = known === undefined ? ((await proofs?.checkpoint(tenantId)) ?? null) : null;
      if (checkpoint !== null) text += lineText({ line: "log", tenantId, checkpoint });
      byTenant.set(tenantId, (known ?? 0) + 1);
      text += lineText({ line: "entry", entry, proof: proved.get(entry.id) ?? null });
      entries++;
    }
    yield hashed(text);
  }
  const end: ArchiveEnd = { line: "end", entries, sha256: hash.digest("hex") };
  yield lineText(end);
}

/** SHA-256 of a file, hexadecimal. Errors: those of reading it. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** A new name survives a loss of power only once its folder is flushed. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** True for what the file system says; what the database says passes as it is. */
export function isFileTrouble(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

function damaged(path: string, says: string | undefined): Failure {
  return new Failure(
    "defect",
    "archive-damaged",
    `What was read back from ${path} is not what was written${says === undefined ? "." : `: ${says}`}`,
    { fields: { path } },
  );
}

function unwritable(folder: string, cause: unknown): Failure {
  const text = `No archive can be written in ${folder}. Nothing leaves the journals.`;
  return new Failure("unavailable", "archive-unwritable", text, { cause, fields: { folder } });
}
