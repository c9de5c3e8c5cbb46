/** Identity flows: ids of effects are derived from their cause, never minted on delivery. */

/**
 * The id of the n-th effect of a cause: same month, same order, different tail.
 * Guarantees: the same cause and ordinal give the same id, so the journal's primary key
 * refuses a second effect of one command even if everything else went wrong.
 * Bounds: ordinal 0..4,294,967,294; different ordinals give different ids. Effects of effects do not come back to an id before
 * them: a command may lead through other contexts into the journal it came from. Among a hundred entries of one chain two share an id
 * with a probability of one in 50 thousand million.
 */
export function deriveId(causeId: string, ordinal: number): string {
  const high = Number.parseInt(causeId.slice(24, 28), 16);
  const low = Number.parseInt(causeId.slice(28), 16);
  // One to one in the ordinal, and mixed, so that no two steps undo each other as sums and exclusive ors do (the finalizer of MurmurHash3).
  let mixed = (low + Math.imul(ordinal + 1, 0x9e3779b1)) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  mixed = (mixed ^ (mixed >>> 16)) >>> 0;
  const derivedHigh = (Math.imul(high, 0x2c1b) + (mixed >>> 7) + 0x7f4a) & 0xffff;
  return (
    causeId.slice(0, 24) + derivedHigh.toString(16).padStart(4, "0") + mixed.toString(16).padStart(8, "0")
  );
}

/** Epoch milliseconds inside a UUIDv7. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The smallest UUIDv7 of a moment: where a partition begins. */
export function firstIdAt(epochMs: number): string {
  const hex = Math.floor(epochMs).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-0000-0000-000000000000`;
}

const canonicalUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** True for a lower-case UUID as Entente writes it. */
export function isId(text: string): boolean {
  return canonicalUuid.test(text);
}
