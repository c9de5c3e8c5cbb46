import { v7 } from "uuid";

/** A fresh UUIDv7 of the given business moment; ascending within one process and millisecond. */
export function newId(epochMs: number): string {
  return v7({ msecs: epochMs });
}
