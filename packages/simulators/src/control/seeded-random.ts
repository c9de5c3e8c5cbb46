/** A repeatable source of randomness: the same seed and label give the same draws on every machine. */
export interface SeededRandom {
  /** A number in [0, 1). */
  next(): number;
  /** Letters and digits, for identifiers that look like the original's. */
  token(length: number): string;
}

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * Opens one stream of randomness (mulberry32: 32 bits of state, good enough for schedules and names, not for secrets).
 * Streams of one seed with different labels are independent, so that one more draw here moves nothing elsewhere.
 */
export function seededRandom(seed: number, label: string): SeededRandom {
  let state = mixed(seed, label);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    token: (length) =>
      Array.from({ length }, () => alphabet.charAt(Math.floor(next() * alphabet.length))).join(""),
  };
}

/** FNV-1a over the label, started from the seed. */
function mixed(seed: number, label: string): number {
  let hash = (seed ^ 0x811c9dc5) | 0;
  for (const letter of label) hash = Math.imul(hash ^ (letter.codePointAt(0) as number), 0x01000193);
  return hash;
}
