/** What makes one request differ from the next. */

/** Small seeded generator (mulberry32): runs are repeatable and the seed is in the results. */
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

let sequence = 0;

/** Time-ordered UUID (version 7) whose random part is a counter: unique, and kind to every target's index. */
export function newKey(): string {
  const time = Date.now().toString(16).padStart(12, "0");
  const count = (sequence++).toString(16).padStart(18, "0");
  const [a, b, c] = [count.slice(0, 3), count.slice(3, 6), count.slice(6)];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${a}-8${b}-${c}`;
}
