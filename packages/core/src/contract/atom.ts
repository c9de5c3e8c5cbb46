import type { Json } from "../model/entry.ts";
import { matchesPattern } from "./evaluate.ts";
import type { Term } from "./json-schema.ts";
import { findWords } from "./words.ts";

/**
 * Documents of one JSON type, described by a conjunction. A schema is a list of atoms: their union holds every document
 * the schema accepts, and perhaps more where the schema says what we do not read. What is true of all documents of
 * the atoms is therefore true of all documents of the schema.
 */
export type Atom = ValueAtom | NumberAtom | StringAtom | ArrayAtom | ObjectAtom;

/** Exactly one document. Null and the booleans are always given so. */
export interface ValueAtom {
  readonly type: "value";
  readonly value: Json;
}

export interface NumberAtom {
  readonly type: "number";
  readonly integer: boolean;
  readonly minimum: number;
  readonly exclusiveMinimum: number;
  readonly maximum: number;
  readonly exclusiveMaximum: number;
  readonly multiples: readonly number[];
}

export interface StringAtom {
  readonly type: "string";
  readonly minLength: number;
  readonly maxLength: number;
  readonly patterns: readonly string[];
  readonly formats: readonly string[];
}

/** What one schema says about items; an atom has one layer per schema that speaks of them. */
export interface ItemLayer {
  readonly prefix: readonly Term[];
  readonly rest: Term;
}

export interface ArrayAtom {
  readonly type: "array";
  readonly minItems: number;
  readonly maxItems: number;
  readonly unique: boolean;
  readonly layers: readonly ItemLayer[];
}

/** What one schema says about members. */
export interface MemberLayer {
  readonly properties: ReadonlyMap<string, Term>;
  readonly patterns: readonly (readonly [string, Term])[];
  readonly additional: Term;
}

export interface ObjectAtom {
  readonly type: "object";
  readonly required: ReadonlySet<string>;
  readonly minProperties: number;
  readonly maxProperties: number;
  readonly layers: readonly MemberLayer[];
}

const infinity = Number.POSITIVE_INFINITY;

const anyNumber: NumberAtom = {
  type: "number",
  integer: false,
  minimum: -infinity,
  exclusiveMinimum: -infinity,
  maximum: infinity,
  exclusiveMaximum: infinity,
  multiples: [],
};

export const everyAtom: readonly Atom[] = [
  { type: "value", value: null },
  { type: "value", value: false },
  { type: "value", value: true },
  anyNumber,
  { type: "string", minLength: 0, maxLength: infinity, patterns: [], formats: [] },
  { type: "array", minItems: 0, maxItems: infinity, unique: false, layers: [] },
  { type: "object", required: new Set(), minProperties: 0, maxProperties: infinity, layers: [] },
];

/** Lowest and highest number, and whether these themselves are in. */
export function rangeOf(atom: NumberAtom): { low: number; high: number; lowIn: boolean; highIn: boolean } {
  const lowIn = atom.minimum > atom.exclusiveMinimum;
  const highIn = atom.maximum < atom.exclusiveMaximum;
  const low = lowIn ? atom.minimum : atom.exclusiveMinimum;
  const high = highIn ? atom.maximum : atom.exclusiveMaximum;
  if (!atom.integer) return { low, high, lowIn, highIn };
  const first = Number.isFinite(low) ? (lowIn ? Math.ceil(low) : Math.floor(low) + 1) : low;
  const last = Number.isFinite(high) ? (highIn ? Math.floor(high) : Math.ceil(high) - 1) : high;
  // Past 2^53 neighbours cannot be told apart: the bounds stay as they were written.
  if (!Number.isSafeInteger(first) && Number.isFinite(low)) return { low, high, lowIn, highIn };
  if (!Number.isSafeInteger(last) && Number.isFinite(high)) return { low, high, lowIn, highIn };
  return { low: first, high: last, lowIn: Number.isFinite(first), highIn: Number.isFinite(last) };
}

/** Every number of the atom when they are few and whole; otherwise null. */
export function fewNumbers(atom: NumberAtom, atMost: number): number[] | null {
  const { low, high, lowIn, highIn } = rangeOf(atom);
  if (low === high && lowIn && highIn) return [low];
  if (!atom.integer || !Number.isSafeInteger(low) || !Number.isSafeInteger(high) || high - low >= atMost)
    return null;
  return Array.from({ length: high - low + 1 }, (_, index) => low + index);
}

/** What the atom says about the member of this name: all of these hold. */
export function memberTerms(atom: ObjectAtom, name: string): Term[] {
  return atom.layers.flatMap((layer) => {
    const property = layer.properties.get(name);
    const terms = property === undefined ? [] : [property];
    let named = property !== undefined;
    for (const [pattern, term] of layer.patterns) {
      const matches = matchesPattern(pattern, name);
      if (matches !== false) named = true;
      if (matches === true) terms.push(term);
    }
    return named ? terms : [layer.additional];
  });
}

/**
 * What the atom says about members it has no property for, among those whose name matches `pattern` (when given) and
 * none of `notPatterns`.
 */
export function otherTerms(
  atom: ObjectAtom,
  notPatterns: readonly string[],
  pattern: string | null = null,
): Term[] {
  return atom.layers.flatMap((layer) => {
    const same = layer.patterns
      .filter(([one]) => pattern !== null && covers(one, pattern))
      .map(([, term]) => term);
    if (same.length > 0) return same;
    const possible = layer.patterns.filter(([one]) => !notPatterns.includes(one)).map(([, term]) => term);
    if (possible.length === 0) return [layer.additional];
    // Whichever applies: at least one of them does.
    const { root } = layer.additional;
    const avoid = [...notPatterns, ...layer.patterns.map(([one]) => one)];
    const match = pattern === null ? [] : [pattern];
    const { words, complete } = findWords({ match, avoid, minLength: 0, maxLength: infinity });
    const applies = complete && words.length === 0 ? possible : [layer.additional, ...possible];
    const [only] = applies;
    if (applies.length === 1 && only !== undefined) return [only];
    return [{ root, schema: { anyOf: applies.map((term) => term.schema) } }];
  });
}

/** True when certainly every text matching `narrow` matches `wide`. */
export function covers(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  const { words, complete } = findWords({
    match: [narrow],
    avoid: [wide],
    minLength: 0,
    maxLength: infinity,
  });
  return complete && words.length === 0;
}

/** Names the atom speaks of. */
export function namesIn(atom: ObjectAtom): Set<string> {
  return new Set([...atom.required, ...atom.layers.flatMap((layer) => [...layer.properties.keys()])]);
}

/** What the atom says about the item at this index. */
export function itemTerms(atom: ArrayAtom, index: number): Term[] {
  return atom.layers.map((layer) => layer.prefix[index] ?? layer.rest);
}

/** From this index on all items are alike. */
export function positionsIn(atom: ArrayAtom): number {
  return Math.max(0, ...atom.layers.map((layer) => layer.prefix.length));
}
