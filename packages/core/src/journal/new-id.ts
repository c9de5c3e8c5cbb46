import { randomFillSync } from "node:crypto";
import { v7 } from "uuid";

/** Randomness for 512 ids at a time: asking the system for 16 bytes cost more than the rest of making an id. */
const pool = Buffer.alloc(16 * 512);
let used = pool.length;

/** A fresh UUIDv7 of the given business moment, epoch milliseconds. */
export function newId(epochMs: number): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + 16);
  used += 16;
  return v7({ msecs: epochMs, random });
}
