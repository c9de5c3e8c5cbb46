import type { Json, JsonObject } from "./entry.ts";

/** One place where two documents differ. `before` is absent for what was added, `after` for what was removed. */
export interface JsonChange {
  /** JSON Pointer (RFC 6901); empty: the whole document. */
  readonly pointer: string;
  readonly before?: Json;
  readonly after?: Json;
}

/**
 * Where two documents differ, in the order of their members; equal documents give none. Arrays are compared place by place.
 * Bounds: `limit` changes; what differs beyond is not named.
 */
export function jsonChanges(before: Json, after: Json, limit = 200): JsonChange[] {
  const changes: JsonChange[] = [];
  compare(before, after, "", (change) => {
    if (changes.length < limit) changes.push(change);
  });
  return changes;
}

function compare(before: Json, after: Json, pointer: string, tell: (change: JsonChange) => void): void {
  if (Object.is(before, after)) return;
  const isSameKind = Array.isArray(before) === Array.isArray(after);
  if (!isSameKind || !isNested(before) || !isNested(after)) {
    tell({ pointer, before, after });
    return;
  }
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const below = `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const was = Object.hasOwn(before, name) ? before[name] : undefined;
    const is = Object.hasOwn(after, name) ? after[name] : undefined;
    if (was === undefined && is !== undefined) tell({ pointer: below, after: is });
    else if (is === undefined && was !== undefined) tell({ pointer: below, before: was });
    else if (was !== undefined && is !== undefined) compare(was, is, below, tell);
  }
}

function isNested(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null;
}
