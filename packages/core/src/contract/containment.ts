import type { Json } from "../model/entry.ts";
import { admits } from "./admits.ts";
import { type Atom, fewNumbers } from "./atom.ts";
import type { Comparison, Goal } from "./comparison.ts";
import { unionGaps } from "./containment-in-unions.ts";
import { arrayGaps } from "./containment-of-arrays.ts";
import { objectGaps } from "./containment-of-objects.ts";
import { numberGaps, stringGaps } from "./containment-of-scalars.ts";
import { evaluate } from "./evaluate.ts";
import { type Gap, type GapRule, gap, settled } from "./gap.ts";
import {
  hasReference,
  isListing,
  keywordsOf,
  sameJson,
  schemaText,
  type Term,
  typesOf,
  unreadKeywords,
} from "./json-schema.ts";
import { type Described, type Effort, normalForm, spend, TooLarge, typeOfAtom } from "./normal-form.ts";
import { samplesOf, samplesOfAtom } from "./sample.ts";

/** Documents of recursive schemas are compared this deep; a proof needs far less. */
const depthAllowed = 48;
const referencesFollowed = 32;
/** Unions are split this often into cases. */
const splitsAllowed = 4;
/** Integer ranges up to this size are looked at number by number. */
const numbersListed = 64;

/**
 * Why the reader may refuse a document the writer allows.
 * Guarantees: no gap means that the reader accepts every such document. A gap means only that we have no proof.
 * Errors: TooLarge when the effort is spent.
 */
export function gapsBetween(writer: Term, reader: Term, effort: Effort): Gap[] {
  // A goal met again below itself may be assumed: documents are finite, so the proof goes by their depth.
  const assumed = new Set<string>();
  // What failed once is not tried again. What went through may have leaned on an assumption and is.
  const failed = new Map<string, Gap[]>();
  const comparison: Comparison = {
    effort,
    atomGaps: (goal, term) => atomGaps(goal, term, comparison),
    gapsBelow(terms, term) {
      const key = `${terms.map(nameOf).sort().join("&")}>${nameOf(term)}`;
      if (assumed.has(key)) return [];
      const before = failed.get(key);
      if (before !== undefined) return before;
      if (assumed.size >= depthAllowed) throw new TooLarge("too deep to be decided");
      assumed.add(key);
      const gaps = gapsOf({ terms }, term, comparison);
      assumed.delete(key);
      if (gaps.length > 0) failed.set(key, gaps);
      return gaps;
    },
  };
  return gapsOf({ terms: [writer] }, reader, comparison);
}

function gapsOf(writer: Described, reader: Term, comparison: Comparison): Gap[] {
  spend(comparison.effort);
  if (writer.terms.some((term) => sameTerm(term, reader))) return [];
  const gaps = normalForm(writer, comparison.effort).flatMap((atom) =>
    atomGaps({ terms: writer.terms, atom, followed: 0, splits: 0 }, reader, comparison),
  );
  return settled(gaps, writer, reader);
}

const names = new WeakMap<object, string>();
let named = 0;

function nameOf({ schema, root }: Term): string {
  return typeof schema === "boolean" ? String(schema) : `${nameOfObject(schema)}@${nameOfObject(root)}`;
}

function nameOfObject(object: object): string {
  const name = names.get(object) ?? `s${++named}`;
  names.set(object, name);
  return name;
}

function sameTerm(a: Term, b: Term): boolean {
  if (a.root === b.root && a.schema === b.schema) return true;
  if (schemaText(a.schema) !== schemaText(b.schema) || isRefined(a) || isRefined(b)) return false;
  if (!hasReference(a.schema)) return true;
  return schemaText(a.root.schema) === schemaText(b.root.schema) && !isRefined(a.root) && !isRefined(b.root);
}

/** Code attached to a schema does not show in its text. */
function isRefined({ schema }: { readonly schema: Term["schema"] }): boolean {
  if (typeof schema !== "object" || schema === null) return false;
  if ("~refine" in schema) return true;
  return Object.values(schema).some((child) => isRefined({ schema: child as object }));
}

/** Gaps for the documents of one atom. The reader's keywords all have to hold, so each is looked at alone. */
function atomGaps(goal: Goal, reader: Term, comparison: Comparison): Gap[] {
  const { effort } = comparison;
  const { atom } = goal;
  const { schema } = reader;
  spend(effort);
  if (schema === true) return [];
  if (schema === false)
    return [gap("nothing-accepted", "the reader accepts nothing here", samplesOfAtom(atom, effort))];
  if (atom.type === "value") return valueGaps(atom.value, reader);
  if (atom.type === "number") {
    const values = fewNumbers(atom, numbersListed);
    if (values !== null)
      return firstOfEachRule(
        values.filter((one) => admits(atom, one) !== false),
        reader,
      );
  }
  const words = keywordsOf(schema);
  return [
    ...typeGaps(atom, reader, effort),
    ...listGaps(atom, reader, effort),
    ...unreadGaps(goal, reader, effort),
    ...referenceGaps(goal, reader, comparison),
    ...((words.allOf as Term["schema"][]) ?? []).flatMap((branch) =>
      atomGaps(goal, { schema: branch, root: reader.root }, comparison),
    ),
    ...unionGaps(goal, reader, comparison, splitsAllowed),
    ...(atom.type === "number" ? numberGaps(atom, words) : []),
    ...(atom.type === "string" ? stringGaps(atom, words, effort) : []),
    ...(atom.type === "array" ? arrayGaps(atom, reader, comparison) : []),
    ...(atom.type === "object" ? objectGaps(atom, reader, comparison) : []),
  ];
}

function firstOfEachRule(values: readonly Json[], reader: Term): Gap[] {
  const found = new Map<GapRule, Gap>();
  for (const one of values.flatMap((value) => valueGaps(value, reader))) {
    const before = found.get(one.rule);
    found.set(
      one.rule,
      before === undefined ? one : { ...before, witnesses: [...before.witnesses, ...one.witnesses] },
    );
  }
  return [...found.values()];
}

/** One document: evaluated, not proved. */
function valueGaps(value: Json, reader: Term): Gap[] {
  const answer = evaluate(value, reader);
  if (answer === true) return [];
  if (answer === null)
    return [gap("unread-keyword", `the reader says more than we read about ${shown(value)}`, [value])];
  return [gap(refusedBy(value, reader), `the reader refuses ${shown(value)}`, [value])];
}

const ruleOfKeyword: Readonly<Record<string, GapRule>> = {
  type: "type-not-accepted",
  const: "value-not-listed",
  enum: "value-not-listed",
  minimum: "number-out-of-range",
  exclusiveMinimum: "number-out-of-range",
  maximum: "number-out-of-range",
  exclusiveMaximum: "number-out-of-range",
  multipleOf: "not-a-multiple",
  minLength: "length-out-of-range",
  maxLength: "length-out-of-range",
  pattern: "pattern-not-matched",
  anyOf: "no-alternative-accepts",
  not: "excluded-value",
};

function refusedBy(value: Json, { schema, root }: Term): GapRule {
  const words = keywordsOf(schema);
  for (const [keyword, rule] of Object.entries(ruleOfKeyword)) {
    if (words[keyword] === undefined) continue;
    if (evaluate(value, { schema: { [keyword]: words[keyword] }, root }) !== false) continue;
    const listing = keyword === "anyOf" && (words.anyOf as Term["schema"][]).every(isListing);
    return listing ? "value-not-listed" : rule;
  }
  return "no-alternative-accepts";
}

function typeGaps(atom: Atom, reader: Term, effort: Effort): Gap[] {
  const types = typesOf(reader.schema);
  if (types === null) return [];
  const type = typeOfAtom(atom);
  if (types.includes(type) || (type === "integer" && types.includes("number"))) return [];
  return [
    gap(
      "type-not-accepted",
      `the writer may write ${type}, the reader accepts ${types.join(" or ")}`,
      samplesOfAtom(atom, effort),
    ),
  ];
}

function listGaps(atom: Atom, reader: Term, effort: Effort): Gap[] {
  const words = keywordsOf(reader.schema);
  const listed = words.const !== undefined ? [words.const as Json] : (words.enum as Json[] | undefined);
  if (listed === undefined) return [];
  const says = `the reader knows ${listed.map(shown).join(", ")} only`;
  return [gap("value-not-listed", says, samplesOf({ terms: [], atom }, effort))];
}

function unreadGaps({ terms, atom }: Goal, reader: Term, effort: Effort): Gap[] {
  const unread = unreadKeywords(reader.schema);
  if (unread.length === 0) return [];
  if (terms.some((term) => saysTheSame(term, reader, unread))) return [];
  return [
    gap("unread-keyword", `the checker does not read ${unread.join(", ")}`, samplesOfAtom(atom, effort)),
  ];
}

/** Keywords we do not read mean the same when they are the same, all of them, and point nowhere. */
function saysTheSame(writer: Term, reader: Term, unread: readonly string[]): boolean {
  if (typeof writer.schema === "boolean" || isRefined(writer) || isRefined(reader)) return false;
  if (unread.some((name) => name.startsWith("unevaluated") || name.includes(" "))) return false;
  const [ours, theirs] = [keywordsOf(writer.schema), keywordsOf(reader.schema)];
  const both = new Set([...unread, ...unreadKeywords(writer.schema)]);
  return [...both].every((name) => {
    const [a, b] = [ours[name], theirs[name]];
    return sameJson(a, b) && !hasReference({ allOf: [a] });
  });
}

function referenceGaps(goal: Goal, { schema, root }: Term, comparison: Comparison): Gap[] {
  const { $ref } = keywordsOf(schema);
  if (typeof $ref !== "string") return [];
  const target = goal.followed < referencesFollowed ? root.resolve($ref) : null;
  if (target === null) {
    return [
      gap(
        "unread-keyword",
        `the reference ${$ref} leads nowhere`,
        samplesOfAtom(goal.atom, comparison.effort),
      ),
    ];
  }
  const reader = { schema: target, root };
  if (goal.terms.some((term) => sameTerm(term, reader))) return [];
  return atomGaps({ ...goal, followed: goal.followed + 1 }, reader, comparison);
}

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
