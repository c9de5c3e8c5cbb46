/** A repeatable source of randomness. The same seed gives the same numbers on every machine. */
export interface SeededRandom {
  /** Print it with a failing test, so that the run can be repeated. */
  readonly seed: number;
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, bound); bound is at least 1. */
  below(bound: number): number;
}

/**
 * Makes a repeatable random source (mulberry32: 32 bits of state, good enough for schedules, not for secrets).
 * Units: only the lowest 32 bits of `seed` count.
 */
export function seededRandom(seed: number): SeededRandom {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return { seed, next, below: (bound) => Math.floor(next() * bound) };
}
