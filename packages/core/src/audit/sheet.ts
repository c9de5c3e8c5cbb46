import { hash } from "node:crypto";
import type { Entry } from "../model/entry.ts";
import { draftLeaf, leafSaying, nonceBytes, payloadText } from "./leaf.ts";
import { hashBytes, putSha256 } from "./merkle-tree.ts";

/**
 * Sheets: entries of one log that were logged together, as one row holds them. A row for each entry cost PostgreSQL ten times as much.
 * Everything of a sheet is written into a few buffers, entry by entry; a buffer for each field of each cost this process as much.
 */

/** Entries of a sheet at most. */
export const sheetEntries = 1_024;
/** Bytes of payload from which on a sheet is full. */
export const sheetBytes = 1_048_576;
const dayMs = 86_400_000;

/** A sheet that has no place in its log yet. */
export interface Sheet {
  readonly tenantId: string;
  /** The leaves one after the other, and where each ends. */
  readonly leaves: Buffer;
  readonly leafEnds: readonly number[];
  /** Of each leaf its hash. */
  readonly hashes: Buffer;
  /** Of each entry the nonce and the payload that its leaf commits to, and where they end. */
  readonly openings: Buffer;
  readonly openingEnds: readonly number[];
  readonly processIds: readonly string[];
  /** Of each entry's key a digest: 32 hexadecimal digits. */
  readonly keys: readonly string[];
  /** Business time, epoch milliseconds. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** A digest under which the entries of a key are found. What is indexed does not say who it is about. */
export function keyDigest(tenantId: string, key: string): string {
  return hash("sha256", `${tenantId}\u0000${key}`, "hex").slice(0, 32);
}

/** Digests that are remembered at most: those of the keys with which something happens now. */
const digestsRemembered = 8_192;
const digests = new Map<string, string>();

function rememberedDigest(tenantId: string, key: string): string {
  const name = `${tenantId}\u0000${key}`;
  let digest = digests.get(name);
  if (digest === undefined) {
    digest = keyDigest(tenantId, key);
    if (digests.size >= digestsRemembered) digests.clear();
    digests.set(name, digest);
  }
  return digest;
}

/**
 * The sheets of entries of one tenant, in their order. `nonces` holds as many random bytes as the entries need; `generationOf` names
 * the generation of an entry's journal. Errors: `audit-leaf-too-large` (defect).
 */
export function sheetsOf(
  entries: readonly Entry[],
  nonces: Buffer,
  generationOf: (entry: Entry) => string,
): Sheet[] {
  const sheets: Sheet[] = [];
  let draft: SheetDraft | null = null;
  entries.forEach((entry, i) => {
    if (draft?.takes(entry) !== true) {
      if (draft !== null) sheets.push(draft.done());
      draft = new SheetDraft(entry, Math.min(sheetEntries, entries.length - i));
    }
    draft.add(entry, generationOf(entry), nonces, i * nonceBytes);
  });
  const last = draft as SheetDraft | null;
  if (last !== null) sheets.push(last.done());
  return sheets;
}

/** Bytes that grow at their end. */
class Bytes {
  length = 0;
  private buffer: Buffer;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  /** The buffer to write into at `length`, with room for so many more bytes. */
  room(bytes: number): Buffer {
    if (this.length + bytes <= this.buffer.length) return this.buffer;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.buffer.length, this.length + bytes));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
    return larger;
  }

  done(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}

/** Bytes that an entry's leaf, or its payload, has in most cases. */
const usualBytes = 320;
const commitment = Buffer.alloc(hashBytes);

class SheetDraft {
  private readonly tenantId: string;
  private readonly day: number;
  private readonly leaves: Bytes;
  private readonly openings: Bytes;
  private readonly hashes: Buffer;
  private readonly leafEnds: number[] = [];
  private readonly openingEnds: number[] = [];
  private readonly processIds: string[] = [];
  private readonly keys: string[] = [];
  private firstAt = Number.POSITIVE_INFINITY;
  private lastAt = Number.NEGATIVE_INFINITY;

  constructor({ tenantId, occurredAt }: Entry, entries: number) {
    this.tenantId = tenantId;
    this.day = Math.floor(occurredAt / dayMs);
    this.leaves = new Bytes(entries * usualBytes);
    this.openings = new Bytes(entries * usualBytes);
    this.hashes = Buffer.allocUnsafe(entries * hashBytes);
  }

  /** Payloads of one day are due together. */
  takes({ occurredAt }: Entry): boolean {
    return (
      this.keys.length < sheetEntries &&
      this.openings.length < sheetBytes &&
      Math.floor(occurredAt / dayMs) === this.day
    );
  }

  /** Its nonce begins at `nonceAt`. */
  add(entry: Entry, generation: string, nonces: Buffer, nonceAt: number): void {
    const { leaves, openings } = this;
    const text = payloadText(entry);
    const opening = openings.room(nonceBytes + text.length * 3);
    const from = openings.length;
    nonces.copy(opening, from, nonceAt, nonceAt + nonceBytes);
    openings.length += nonceBytes + opening.write(text, from + nonceBytes);
    putSha256(commitment, 0, opening.subarray(from, openings.length));
    const leaf = draftLeaf(leafSaying(entry, generation, commitment));
    putSha256(this.hashes, this.keys.length * hashBytes, leaf);
    leaf.copy(leaves.room(leaf.length), leaves.length, 1);
    leaves.length += leaf.length - 1;
    this.leafEnds.push(leaves.length);
    this.openingEnds.push(openings.length);
    this.processIds.push(entry.processId);
    this.keys.push(rememberedDigest(entry.tenantId, entry.key));
    if (entry.occurredAt < this.firstAt) this.firstAt = entry.occurredAt;
    if (entry.occurredAt > this.lastAt) this.lastAt = entry.occurredAt;
  }

  done(): Sheet {
    const { tenantId, leafEnds, openingEnds, processIds, keys, firstAt, lastAt } = this;
    const [leaves, openings] = [this.leaves.done(), this.openings.done()];
    const hashes = this.hashes.subarray(0, keys.length * hashBytes);
    return {
      tenantId,
      leaves,
      leafEnds,
      hashes,
      openings,
      openingEnds,
      processIds,
      keys,
      firstAt,
      lastAt,
    };
  }
}
