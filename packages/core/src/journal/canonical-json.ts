import canonicalize from "canonicalize";
import type { Json, JsonObject } from "../model/entry.ts";

/**
 * Values whose members stand in the order of canonical JSON (RFC 8785), so that JSON.stringify writes their canonical text: it writes
 * numbers, strings and what lies between them as RFC 8785 has it, and members in the order they have. A library that sorts and writes
 * by itself cost ten times as much, for entries that are mostly small and flat.
 */

/** Canonical JSON (RFC 8785) of a value. Throws for what it refuses: half a character, and numbers that are none. */
export function canonicalJson(value: object): string {
  const ordered = inOrder(value as JsonObject);
  return ordered === undefined ? (canonicalize(value) ?? "") : JSON.stringify(ordered);
}

/** Nested deeper than this, a value is left to whoever does not recurse. */
const deepest = 32;

/**
 * The value with its members in order, itself when they are already. Undefined when that cannot be promised: it holds half a
 * character, something that is not JSON, or names that an object puts where it wants.
 */
export function inOrder(value: JsonObject): JsonObject | undefined {
  return ordered(value, 0) as JsonObject | undefined;
}

function ordered(value: Json, depth: number): Json | undefined {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? value : undefined;
    case "number":
      return Number.isFinite(value) ? value : undefined;
    case "boolean":
      return value;
    case "object":
      if (value === null) return value;
      if (depth === deepest) return undefined;
      return Array.isArray(value)
        ? orderedList(value, depth + 1)
        : orderedObject(value as JsonObject, depth + 1);
    default:
      return undefined;
  }
}

function orderedList(list: readonly Json[], depth: number): Json | undefined {
  let changed: Json[] | null = null;
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as Json;
    const same = ordered(item, depth);
    if (same === undefined) return undefined;
    if (same === item) continue;
    changed ??= [...list];
    changed[i] = same;
  }
  return changed ?? list;
}

function orderedObject(object: JsonObject, depth: number): JsonObject | undefined {
  // A Date, or whatever else says itself how it is written.
  if ("toJSON" in object) return undefined;
  const names = Object.keys(object);
  let sorted = true;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    if (!isPlainName(name)) return undefined;
    if (i > 0 && name < (names[i - 1] as string)) sorted = false;
  }
  let changed: Record<string, Json> | null = sorted ? null : {};
  if (!sorted) names.sort();
  for (const name of names) {
    const member = object[name] as Json;
    const same = ordered(member, depth);
    if (same === undefined) return undefined;
    if (same !== member && changed === null) changed = { ...object };
    if (changed !== null) changed[name] = same;
  }
  return changed ?? object;
}

/** An object keeps its members in the order of their making, but for numbers, and `__proto__` is none. */
function isPlainName(name: string): boolean {
  const first = name.charCodeAt(0);
  return !(first >= 0x30 && first <= 0x39) && name !== "__proto__" && name.isWellFormed();
}
