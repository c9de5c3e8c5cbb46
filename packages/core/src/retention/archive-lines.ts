import canonicalize from "canonicalize";
import type { Entry } from "../model/entry.ts";

/**
 * The lines of an archive: a month of one context's journal, a JSON document per line in canonical form, compressed as a whole.
 * Described for strangers in docs/operations/retention.md; version 1 never changes.
 */

export const archiveTitle = "entente-journal-archive";
export const archiveVersion = 1;

/** First line: what it is an archive of. `from` and `to` are ISO 8601 times of the ids; `to` is not in it. */
export interface ArchiveHead {
  readonly line: "head";
  readonly title: typeof archiveTitle;
  readonly version: typeof archiveVersion;
  readonly system: string;
  readonly context: string;
  /** Of the journal. */
  readonly generation: string;
  /** `2026-01` */
  readonly month: string;
  readonly from: string;
  readonly to: string;
}

/** Before the first entry of a tenant whose audit log proves it: the checkpoint that the proofs lead to. */
export interface ArchiveLog {
  readonly line: "log";
  readonly tenantId: string;
  readonly checkpoint: string;
}

/** Where the entry stands in its tenant's audit log, and the hashes from there to the checkpoint's root. Bytes in base64. */
export interface ArchiveProof {
  readonly index: number;
  readonly leaf: string;
  /** Null when it was erased: the leaf proves all but the payload then. */
  readonly nonce: string | null;
  readonly hashes: readonly string[];
}

/** An entry, in the order of ids. `proof` is null where no audit log has it. */
export interface ArchiveEntry {
  readonly line: "entry";
  readonly entry: Entry;
  readonly proof: ArchiveProof | null;
}

/** Last line: how many entries there are, and SHA-256 over all bytes before this line, hexadecimal. */
export interface ArchiveEnd {
  readonly line: "end";
  readonly entries: number;
  readonly sha256: string;
}

export type ArchiveLine = ArchiveHead | ArchiveLog | ArchiveEntry | ArchiveEnd;

/** Canonical JSON (RFC 8785) and a newline. What RFC 8785 refuses, half a character, stands as JSON.stringify writes it. */
export function lineText(line: ArchiveLine): string {
  let text: string | undefined;
  try {
    text = canonicalize(line);
  } catch {
    // An archive that cannot hold an entry would have to leave it out.
  }
  return `${text ?? JSON.stringify(line)}\n`;
}

/** A line as it was written, or null when it is none. Its fields are for the reader to doubt. */
export function readLine(text: string): ArchiveLine | null {
  try {
    const line = JSON.parse(text) as Partial<ArchiveLine> | null;
    return line !== null && ["head", "log", "entry", "end"].includes(line.line ?? "")
      ? (line as ArchiveLine)
      : null;
  } catch {
    return null;
  }
}
