import type { Json } from "../model/entry.ts";
import { covers, memberTerms, namesIn, type ObjectAtom, otherTerms } from "./atom.ts";
import type { Comparison } from "./comparison.ts";
import { matchesPattern } from "./evaluate.ts";
import { type Gap, gap, lifted } from "./gap.ts";
import { isClosed, type JsonSchema, keywordsOf, type Term } from "./json-schema.ts";
import { acceptsNothing } from "./normal-form.ts";
import { objectOf, otherNames, samplesOfAtom, withMember } from "./sample.ts";

/** Objects of the atom that the reader's members may refuse. */
export function objectGaps(atom: ObjectAtom, reader: Term, comparison: Comparison): Gap[] {
  return [
    ...missingGaps(atom, reader, comparison),
    ...countGaps(atom, reader, comparison),
    ...propertyGaps(atom, reader, comparison),
    ...patternGaps(atom, reader, comparison),
    ...additionalGaps(atom, reader, comparison),
  ];
}

function missingGaps(atom: ObjectAtom, reader: Term, { effort }: Comparison): Gap[] {
  const { required = [] } = keywordsOf(reader.schema) as { required?: readonly string[] };
  return required
    .filter((name) => !atom.required.has(name))
    .map((name) => {
      const without = samplesOfAtom(atom, effort).map((document) =>
        Object.fromEntries(Object.entries(document as object).filter(([one]) => one !== name)),
      );
      return gap("member-missing", `the reader requires ${name}, the writer may leave it out`, without, [
        name,
      ]);
    });
}

function countGaps(atom: ObjectAtom, reader: Term, comparison: Comparison): Gap[] {
  const { effort } = comparison;
  const { minProperties = 0, maxProperties = Number.POSITIVE_INFINITY } = keywordsOf(reader.schema) as {
    minProperties?: number;
    maxProperties?: number;
  };
  const gaps: Gap[] = [];
  if (Math.max(atom.minProperties, atom.required.size) < minProperties) {
    const says = `the writer may write fewer than ${minProperties} members, the reader wants as many`;
    gaps.push(gap("members-count-out-of-range", says, samplesOfAtom(atom, effort)));
  }
  if (mostMembers(atom, comparison) > maxProperties) {
    const says = `the writer may write more than ${maxProperties} members, the reader takes no more`;
    const larger = { ...atom, minProperties: Math.max(atom.minProperties, maxProperties + 1) };
    gaps.push(gap("members-count-out-of-range", says, samplesOfAtom(larger, effort)));
  }
  return gaps;
}

function mostMembers(atom: ObjectAtom, { effort }: Comparison): number {
  const open = !acceptsNothing(otherTerms(atom, []), effort, 1);
  const named = [...namesIn(atom)].filter((name) => !acceptsNothing(memberTerms(atom, name), effort, 1));
  return Math.min(atom.maxProperties, open ? Number.POSITIVE_INFINITY : named.length);
}

interface MemberWords {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema;
}

function propertyGaps(atom: ObjectAtom, reader: Term, comparison: Comparison): Gap[] {
  const { properties = {} } = keywordsOf(reader.schema) as MemberWords;
  return Object.entries(properties).flatMap(([name, schema]) =>
    memberGaps(atom, name, { schema, root: reader.root }, comparison),
  );
}

function patternGaps(atom: ObjectAtom, reader: Term, comparison: Comparison): Gap[] {
  const { patternProperties = {} } = keywordsOf(reader.schema) as MemberWords;
  return Object.entries(patternProperties).flatMap(([pattern, schema]) => {
    const term = { schema, root: reader.root };
    const named = [...namesIn(atom)].filter((name) => matchesPattern(pattern, name) !== false);
    return [
      ...named.flatMap((name) => memberGaps(atom, name, term, comparison)),
      ...otherGaps(
        atom,
        otherTerms(atom, [], pattern),
        otherNames(atom, [pattern]),
        pattern,
        term,
        comparison,
      ),
    ];
  });
}

function additionalGaps(atom: ObjectAtom, reader: Term, comparison: Comparison): Gap[] {
  const words = keywordsOf(reader.schema) as MemberWords;
  const { properties = {}, patternProperties = {}, additionalProperties } = words;
  if (additionalProperties === undefined || additionalProperties === true) return [];
  const patterns = Object.keys(patternProperties);
  const term = { schema: additionalProperties, root: reader.root };
  const additional = (name: string) =>
    !Object.hasOwn(properties, name) && !patterns.some((pattern) => matchesPattern(pattern, name) === true);
  const named = [...namesIn(atom)]
    .filter(additional)
    .flatMap((name) => memberGaps(atom, name, term, comparison));
  // Names that match nothing of the reader's; when one of its patterns takes every name, there are none.
  if (patterns.some((pattern) => covers(pattern, ""))) return named;
  const others = otherNames(atom, [], patterns).filter(additional);
  return [...named, ...otherGaps(atom, otherTerms(atom, patterns), others, "*", term, comparison)];
}

function memberGaps(atom: ObjectAtom, name: string, reader: Term, comparison: Comparison): Gap[] {
  const { effort } = comparison;
  const terms = memberTerms(atom, name);
  if (acceptsNothing(terms, effort, 1)) return [];
  const gaps = comparison.gapsBelow(terms, reader);
  return lifted(named(gaps, name, reader), name, (witness) => [objectOf(atom, effort, 0, [[name, witness]])]);
}

function otherGaps(
  atom: ObjectAtom,
  terms: readonly Term[],
  names: readonly string[],
  step: string,
  reader: Term,
  comparison: Comparison,
): Gap[] {
  const { effort } = comparison;
  if (acceptsNothing(terms, effort, 1)) return [];
  const gaps = comparison.gapsBelow(terms, reader);
  const embed = (witness: Json) =>
    names.slice(0, 4).flatMap((name) => [
      objectOf(atom, effort, 0, [[name, witness]]),
      ...samplesOfAtom(atom, effort)
        .slice(0, 1)
        .map((document) => withMember(document as { [name: string]: Json }, name, witness)),
    ]);
  return lifted(named(gaps, step === "*" ? "further members" : `members like ${step}`, reader), step, embed);
}

/** A reader that accepts nothing for a member does not allow the member. */
function named(gaps: readonly Gap[], what: string, { schema }: Term): Gap[] {
  if (!isClosed(schema)) return [...gaps];
  const says = `the writer may write ${what}, the reader does not allow it`;
  return gaps.map((one) => ({ ...one, rule: "member-not-allowed", says }));
}
