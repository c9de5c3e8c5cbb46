import type { Json } from "../model/entry.ts";
import {
  type Atom,
  fewNumbers,
  memberTerms,
  type NumberAtom,
  namesIn,
  type ObjectAtom,
  rangeOf,
} from "./atom.ts";
import type { Comparison, Goal } from "./comparison.ts";
import { type Gap, gap } from "./gap.ts";
import { isListing, type JsonSchema, keywordsOf, openRoot, type Term } from "./json-schema.ts";
import { type Effort, normalForm } from "./normal-form.ts";
import { samplesOf, samplesOfAtom } from "./sample.ts";

/** Documents of the atom that no alternative of the reader accepts, or more than one where one is wanted, or that are excluded. */
export function unionGaps(goal: Goal, reader: Term, comparison: Comparison, splitsAllowed: number): Gap[] {
  const { root } = reader;
  const words = keywordsOf(reader.schema);
  const branches = (list: unknown) => (list as JsonSchema[]).map((schema) => ({ schema, root }));
  return [
    ...(words.anyOf === undefined
      ? []
      : inUnion(goal, branches(words.anyOf), false, comparison, splitsAllowed)),
    ...(words.oneOf === undefined
      ? []
      : inUnion(goal, branches(words.oneOf), true, comparison, splitsAllowed)),
    ...(words.not === undefined
      ? []
      : excludedGaps(goal, { schema: words.not as JsonSchema, root }, comparison)),
  ];
}

function inUnion(
  goal: Goal,
  branches: readonly Term[],
  onlyOne: boolean,
  comparison: Comparison,
  splitsAllowed: number,
): Gap[] {
  const { effort } = comparison;
  const { atom } = goal;
  const root = branches[0]?.root ?? openRoot(true);
  const relevant = branches.filter((branch) => normalForm({ terms: [branch], atom }, effort).length > 0);
  const outcomes = relevant.map((branch) => comparison.atomGaps(goal, branch));
  const accepted = outcomes.some((gaps) => gaps.length === 0);
  if (accepted && (!onlyOne || relevant.length === 1)) return [];
  const cases = goal.splits < splitsAllowed ? casesOf(atom, relevant, effort) : null;
  if (cases !== null) {
    const alternatives = branches.map(({ schema }) => schema);
    const schema = onlyOne ? { oneOf: alternatives } : { anyOf: alternatives };
    return distinct(
      cases
        .flatMap((one) => normalForm({ terms: [], atom: one }, effort))
        .flatMap((one) =>
          comparison.atomGaps({ ...goal, atom: one, splits: goal.splits + 1 }, { schema, root }),
        ),
    );
  }
  const [only] = outcomes;
  if (outcomes.length === 1 && only !== undefined && !branches.every(({ schema }) => isListing(schema)))
    return only;
  const witnesses: Json[] = [
    ...outcomes.flat().flatMap((one) => one.witnesses),
    ...samplesOfAtom(atom, effort),
  ];
  if (!accepted) {
    const listing = branches.every(({ schema }) => isListing(schema));
    return [
      listing
        ? gap("value-not-listed", "the writer may write a value the reader does not list", witnesses)
        : gap(
            "no-alternative-accepts",
            "none of the reader's alternatives accepts all the writer may write",
            witnesses,
          ),
    ];
  }
  const twice = relevant.flatMap((one, index) =>
    relevant.slice(index + 1).flatMap((other) => samplesOf({ terms: [one, other], atom }, effort)),
  );
  const says =
    "more than one of the reader's alternatives may accept the same document, and it wants one only";
  return [gap("several-alternatives-accept", says, [...twice, ...witnesses])];
}

/** Cases of one union often fail alike. */
function distinct(gaps: readonly Gap[]): Gap[] {
  const found = new Map<string, Gap>();
  for (const one of gaps) {
    const key = JSON.stringify([one.rule, one.path]);
    const before = found.get(key);
    found.set(
      key,
      before === undefined ? one : { ...before, witnesses: [...before.witnesses, ...one.witnesses] },
    );
  }
  return [...found.values()];
}

function excludedGaps({ terms, atom }: Goal, excluded: Term, { effort }: Comparison): Gap[] {
  if (normalForm({ terms: [...terms, excluded], atom }, effort).length === 0) return [];
  const witnesses = [...samplesOf({ terms: [excluded], atom }, effort), ...samplesOfAtom(atom, effort)];
  return [gap("excluded-value", "the reader excludes what the writer may write", witnesses)];
}

/**
 * The atom in cases that may each fall into one alternative. Null when we see none.
 * Guarantees: every document of the atom is in one of the cases.
 */
function casesOf(atom: Atom, branches: readonly Term[], effort: Effort): Atom[] | null {
  if (branches.length < 2) return null;
  const atoms = branches.flatMap((branch) => normalForm({ terms: [branch] }, effort));
  if (atom.type === "number")
    return numberCases(
      atom,
      atoms.filter((one) => one.type === "number"),
    );
  if (atom.type === "object")
    return objectCases(
      atom,
      atoms.filter((one) => one.type === "object"),
      effort,
    );
  return null;
}

/** Cut where an alternative begins or ends. */
function numberCases(atom: NumberAtom, alternatives: readonly NumberAtom[]): Atom[] | null {
  const { low, high } = rangeOf(atom);
  const bounds = alternatives.flatMap(({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }) => [
    minimum,
    exclusiveMinimum,
    maximum,
    exclusiveMaximum,
  ]);
  const cut = bounds.find((one) => Number.isFinite(one) && low < one && one < high);
  if (cut === undefined) return null;
  return [
    { ...atom, exclusiveMaximum: Math.min(atom.exclusiveMaximum, cut) },
    { ...atom, minimum: Math.max(atom.minimum, cut), maximum: Math.min(atom.maximum, cut) },
    { ...atom, exclusiveMinimum: Math.max(atom.exclusiveMinimum, cut) },
  ];
}

const casesAllowed = 40;

/** By the values of one member, and by whether it is there: how alternatives usually tell themselves apart. */
function objectCases(atom: ObjectAtom, alternatives: readonly ObjectAtom[], effort: Effort): Atom[] | null {
  const names = new Set(alternatives.flatMap((one) => [...namesIn(one)]));
  const ranked = [...names].sort(
    (a, b) => tellsApart(b, alternatives, effort) - tellsApart(a, alternatives, effort),
  );
  for (const name of ranked) {
    const values = normalForm({ terms: memberTerms(atom, name) }, effort).flatMap(listed);
    const schemas = [...new Map(values.map((one) => [JSON.stringify(one), one])).values()];
    const cases: Atom[] = schemas.map((schema) => withMemberCase(atom, name, schema));
    if (!atom.required.has(name)) cases.push(withMemberCase(atom, name, false));
    if (cases.length > 1 && cases.length <= casesAllowed) return cases;
  }
  return null;
}

/** In how many alternatives the member has single values. */
function tellsApart(name: string, alternatives: readonly ObjectAtom[], effort: Effort): number {
  return alternatives.filter((one) =>
    normalForm({ terms: memberTerms(one, name) }, effort).every(({ type }) => type === "value"),
  ).length;
}

function listed(atom: Atom): JsonSchema[] {
  if (atom.type === "value") return [{ const: atom.value }];
  if (atom.type === "number") {
    const few = fewNumbers(atom, 16);
    if (few !== null) return few.map((value) => ({ const: value }));
  }
  // Wider than the atom, which is allowed: the cases must cover it, not fit it.
  return [{ type: atom.type }];
}

function withMemberCase(atom: ObjectAtom, name: string, schema: JsonSchema): ObjectAtom {
  const root = openRoot(true);
  const layer = {
    properties: new Map([[name, { schema, root }]]),
    patterns: [],
    additional: { schema: true, root },
  };
  return {
    ...atom,
    required: schema === false ? atom.required : new Set([...atom.required, name]),
    layers: [...atom.layers, layer],
  };
}
