import type { Json } from "../model/entry.ts";
import { admits } from "./admits.ts";
import {
  type ArrayAtom,
  type Atom,
  itemTerms,
  memberTerms,
  type NumberAtom,
  namesIn,
  type ObjectAtom,
  rangeOf,
  type StringAtom,
} from "./atom.ts";
import { evaluate } from "./evaluate.ts";
import { type Described, type Effort, normalForm, spend, TooLarge } from "./normal-form.ts";
import { findWords } from "./words.ts";

/** Samples past this depth are given up: a definition that never ends has no document. */
const sampleDepth = 8;
/** From this depth on one small sample of each kind is enough. */
const smallDepth = 2;
/** Work for one set of samples. Samples are a help, so they do not use up the work for the proof. */
const sampleEffort = 8_000;
/** Alternatives kept per description. */
const samplesKept = 12;

/**
 * A few documents of a description, small and readable ones first, edges of ranges among them.
 * Guarantees: none that certainly is not one; where a schema says what we do not read, a sample may be wrong.
 */
export function samplesOf(described: Described, effort: Effort, depth = 0): Json[] {
  if (depth === 0) return affordable(effort, (own) => samplesOf(described, own, 1)) ?? [];
  if (depth > sampleDepth) return [];
  const { terms } = described;
  const documents: Json[] = [];
  const lists = normalForm(described, effort).map((atom) => samplesOfAtom(atom, effort, depth));
  // One of each atom before a second of any.
  for (let turn = 0; turn < Math.max(0, ...lists.map((list) => list.length)); turn++) {
    for (const list of lists) {
      const document = list[turn];
      if (document === undefined || documents.length >= samplesKept) continue;
      if (terms.every((term) => evaluate(document, term) !== false)) documents.push(document);
    }
  }
  return documents;
}

/** Samples as far as the effort goes. */
function affordable<T>(effort: Effort, make: (own: Effort) => T): T | null {
  spend(effort);
  try {
    return make({ left: sampleEffort });
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    return null;
  }
}

export function samplesOfAtom(atom: Atom, effort: Effort, depth = 0): Json[] {
  if (depth === 0) return affordable(effort, (own) => samplesOfAtom(atom, own, 1)) ?? [];
  spend(effort);
  switch (atom.type) {
    case "value":
      return [atom.value];
    case "number":
      return numbersOf(atom);
    case "string":
      return textsOf(atom);
    case "array":
      return arraysOf(atom, effort, depth);
    case "object":
      return objectsOf(atom, effort, depth);
  }
}

/** Numbers of the atom near its bounds and near those of interest. */
export function numbersOf(atom: NumberAtom, interest: readonly number[] = []): number[] {
  const { low, high } = rangeOf(atom);
  const step = atom.multiples.length === 0 ? 1 : atom.multiples.reduce((product, one) => product * one, 1);
  const near = [...interest, low, high, 1, 0, 1.5].filter(Number.isFinite);
  const candidates = near.flatMap((one) => [
    one,
    one + 1,
    one - 1,
    one + 0.5,
    one - 0.5,
    Math.ceil(one / step) * step,
    (Math.floor(one / step) + 1) * step,
    (Math.ceil(one / step) - 1) * step,
    ...atom.multiples.map((multiple) => Math.ceil(one / multiple) * multiple),
  ]);
  if (Number.isFinite(low) && Number.isFinite(high)) candidates.push((low + high) / 2);
  return [...new Set(candidates.map((one) => one + 0))].filter((one) => admits(atom, one) !== false);
}

const formatted: Readonly<Record<string, readonly string[]>> = {
  "date-time": ["2026-11-24T12:00:00Z"],
  date: ["2026-11-24"],
  time: ["12:00:00Z"],
  duration: ["P1D"],
  email: ["someone@example.org"],
  "idn-email": ["someone@example.org"],
  hostname: ["example.org"],
  "idn-hostname": ["example.org"],
  ipv4: ["192.0.2.1"],
  ipv6: ["2001:db8::1"],
  uri: ["https://example.org/a"],
  "uri-reference": ["/a"],
  iri: ["https://example.org/a"],
  "iri-reference": ["/a"],
  url: ["https://example.org/a"],
  uuid: ["0199f0e2-7a3b-7c4d-8e5f-0123456789ab"],
  "json-pointer": ["/a"],
  "relative-json-pointer": ["0/a"],
  "uri-template": ["/a/{b}"],
  regex: ["^a$"],
};

function textsOf(atom: StringAtom): string[] {
  const texts = atom.formats.flatMap((format) => formatted[format] ?? []);
  const { words } = findWords(
    { match: atom.patterns, minLength: atom.minLength, maxLength: atom.maxLength },
    3,
  );
  const { words: longer } = findWords(
    { match: atom.patterns, minLength: Math.max(atom.minLength, 3), maxLength: atom.maxLength },
    2,
  );
  return [...new Set([...texts, ...words.filter((word) => word !== ""), ...longer, ...words])].filter(
    (text) => admits(atom, text) !== false,
  );
}

function arraysOf(atom: ArrayAtom, effort: Effort, depth: number): Json[] {
  const shortest = arrayOf(atom, atom.minItems, effort, depth);
  if (depth > smallDepth) return shortest === null ? [] : [shortest];
  const longer = atom.minItems < atom.maxItems ? arrayOf(atom, atom.minItems + 1, effort, depth) : null;
  return [shortest, longer].filter((array) => array !== null);
}

/** Items past this many are not made up. */
const itemsMade = 64;

/** An array of this length; `fixed` stands at its index. Null when we find none. */
export function arrayOf(
  atom: ArrayAtom,
  length: number,
  effort: Effort,
  depth = 0,
  fixed: readonly (readonly [number, Json])[] = [],
): Json[] | null {
  if (length > itemsMade) return null;
  if (depth === 0) return affordable(effort, (own) => arrayOf(atom, length, own, 1, fixed));
  const chosen = new Map(fixed);
  const items: Json[] = [];
  for (let index = 0; index < length; index++) {
    const set = chosen.get(index);
    if (set !== undefined) {
      items.push(set);
      continue;
    }
    const samples = samplesOf({ terms: itemTerms(atom, index) }, effort, depth + 1);
    const others = [...items, ...chosen.values()].map((item) => JSON.stringify(item));
    const item = atom.unique
      ? (samples.find((sample) => !others.includes(JSON.stringify(sample))) ?? numbered(atom, index, length))
      : samples[0];
    if (item === undefined) return null;
    items.push(item);
  }
  return items;
}

/** Many different items are numbers or texts; which of them fit is found out by the caller. */
function numbered(atom: ArrayAtom, index: number, length: number): Json | undefined {
  const terms = itemTerms(atom, index);
  const candidates: Json[] = [];
  for (let number = 0; number <= 2 * length; number++) candidates.push(100 + number, `a${number}`);
  return candidates.slice(2 * index).find((one) => terms.every((term) => evaluate(one, term) === true));
}

function objectsOf(atom: ObjectAtom, effort: Effort, depth: number): Json[] {
  const smallest = objectOf(atom, effort, depth);
  if (smallest === null) return [];
  if (depth > smallDepth) return [smallest];
  const documents: Json[] = [smallest];
  let full: { [name: string]: Json } = { ...smallest };
  for (const name of namesIn(atom)) {
    if (Object.hasOwn(full, name)) continue;
    const samples = samplesOf({ terms: memberTerms(atom, name) }, effort, depth + 1);
    if (samples[0] !== undefined && Object.keys(full).length < atom.maxProperties) {
      full = withMember(full, name, samples[0]);
    }
  }
  documents.push(full);
  for (const name of Object.keys(full)) {
    const samples = samplesOf({ terms: memberTerms(atom, name) }, effort, depth + 1);
    for (const sample of samples.slice(1)) documents.push(withMember(full, name, sample));
  }
  return documents;
}

const extraNames = ["extra", "x", "a1", "A", "0", "note", "b", "c", "d", "e", "1", "2", "3"];

/** The smallest object, with members of ours; null when we find none. */
export function objectOf(
  atom: ObjectAtom,
  effort: Effort,
  depth = 0,
  fixed: readonly (readonly [string, Json])[] = [],
): { [name: string]: Json } | null {
  if (depth === 0) return affordable(effort, (own) => objectOf(atom, own, 1, fixed));
  let document: { [name: string]: Json } = {};
  for (const name of atom.required) {
    const set = fixed.find(([one]) => one === name);
    const value =
      set === undefined ? samplesOf({ terms: memberTerms(atom, name) }, effort, depth + 1)[0] : set[1];
    if (value === undefined) return null;
    document = withMember(document, name, value);
  }
  for (const [name, value] of fixed) document = withMember(document, name, value);
  const spare = [...namesIn(atom), ...otherNames(atom)];
  for (const name of spare) {
    if (Object.keys(document).length >= atom.minProperties) break;
    if (Object.hasOwn(document, name)) continue;
    const [value] = samplesOf({ terms: memberTerms(atom, name) }, effort, depth + 1);
    if (value !== undefined) document = withMember(document, name, value);
  }
  return document;
}

/** Names the atom has no property for, some of each pattern. */
export function otherNames(
  atom: ObjectAtom,
  match: readonly string[] = [],
  avoid: readonly string[] = [],
): string[] {
  const known = namesIn(atom);
  const patterns = atom.layers.flatMap((layer) => layer.patterns.map(([pattern]) => pattern));
  const found = [...new Set([...patterns, null])].flatMap((pattern) => [
    ...findWords(
      {
        match: pattern === null ? match : [...match, pattern],
        avoid,
        minLength: 1,
        maxLength: Number.POSITIVE_INFINITY,
      },
      4,
    ).words,
  ]);
  const plain = match.length === 0 && avoid.length === 0 ? extraNames : [];
  return [...new Set([...plain, ...found])].filter((name) => !known.has(name) && name !== "__proto__");
}

/** Own members only, whatever they are called. */
export function withMember(
  object: { readonly [name: string]: Json },
  name: string,
  value: Json,
): { [name: string]: Json } {
  return Object.fromEntries([...Object.entries(object), [name, value]]);
}
