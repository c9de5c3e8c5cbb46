/** Identity flows: ids of effects are derived from their cause, never minted on delivery. */

/**
 * The id of the n-th effect of a cause: same month, same order, different tail.
 * Guarantees: the same cause and ordinal give the same id, so the journal's primary key
 * refuses a second effect of one command even if everything else went wrong.
 * Bounds: ordinal 0..4,294,967,294; different ordinals give different ids.
 */
export function deriveId(causeId: string, ordinal: number): string {
  const tail = Number.parseInt(causeId.slice(28), 16);
  const derived = (tail ^ Math.imul(ordinal + 1, 0x9e3779b1)) >>> 0;
  return causeId.slice(0, 28) + derived.toString(16).padStart(8, "0");
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
