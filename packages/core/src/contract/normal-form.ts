import type { Json } from "../model/entry.ts";
import { admits } from "./admits.ts";
import {
  type Atom,
  everyAtom,
  itemTerms,
  memberTerms,
  type NumberAtom,
  type ObjectAtom,
  positionsIn,
  rangeOf,
  type StringAtom,
} from "./atom.ts";
import { evaluate, typeOf } from "./evaluate.ts";
import {
  itemsOf,
  type JsonSchema,
  type Keywords,
  keywordsOf,
  type SchemaRoot,
  type Term,
  typesOf,
} from "./json-schema.ts";

/** A description: what all of these terms, and one of the atoms (when given), accept. */
export interface Described {
  readonly terms: readonly Term[];
  readonly atom?: Atom;
}

/** Work left before a comparison is given up as too large. */
export interface Effort {
  left: number;
}

/** Thrown when the effort is spent; the comparison is then undecided. Never leaves this folder. */
export class TooLarge extends Error {}

export function spend(effort: Effort, units = 1): void {
  effort.left -= units;
  if (effort.left < 0) throw new TooLarge("too large to be decided");
}

/** Unions past this many atoms are kept unsplit. */
const atomsAllowed = 256;
const referencesFollowed = 16;
/** How deep into required members we look for a contradiction. */
const contradictionDepth = 4;

/**
 * The atoms of a description. Their union holds every document that all terms accept.
 * Guarantees: an empty list means that no document is accepted.
 */
export function normalForm({ terms, atom }: Described, effort: Effort, depth = 0): Atom[] {
  let atoms: readonly Atom[] = atom === undefined ? everyAtom : [atom];
  for (const term of terms) atoms = meet(atoms, term.schema, term.root, effort, 0);
  return atoms.filter((one) => !isEmpty(one, terms, effort, depth));
}

/** True only when certainly no document is accepted. */
export function acceptsNothing(terms: readonly Term[], effort: Effort, depth = 0): boolean {
  return normalForm({ terms }, effort, depth).length === 0;
}

function meet(
  atoms: readonly Atom[],
  schema: JsonSchema,
  root: SchemaRoot,
  effort: Effort,
  followed: number,
): readonly Atom[] {
  spend(effort);
  if (typeof schema === "boolean") return schema ? atoms : [];
  const words = keywordsOf(schema);
  let result = atoms;
  const and = (child: JsonSchema) => {
    result = meet(result, child, root, effort, followed);
  };
  const listed = words.const !== undefined ? [words.const as Json] : (words.enum as Json[] | undefined);
  if (listed !== undefined) {
    const before = result;
    result = listed
      .filter((value) => before.some((atom) => admits(atom, value) !== false))
      .map((value) => ({ type: "value", value }));
  }
  result = result.flatMap((atom) => narrow(atom, schema, words, root));
  if (typeof words.$ref === "string" && followed < referencesFollowed) {
    const target = root.resolve(words.$ref);
    if (target !== null) result = meet(result, target, root, effort, followed + 1);
  }
  for (const branch of (words.allOf as JsonSchema[]) ?? []) and(branch);
  for (const name of ["anyOf", "oneOf"]) {
    const branches = words[name] as JsonSchema[] | undefined;
    if (branches === undefined) continue;
    const union = branches.flatMap((branch) => meet(result, branch, root, effort, followed));
    if (union.length <= atomsAllowed) result = union;
  }
  if (words.not !== undefined) result = exclude(result, words.not as JsonSchema);
  return result;
}

/** Only whole types are taken out; a finer exclusion is left to the evaluation of single documents. */
function exclude(atoms: readonly Atom[], excluded: JsonSchema): readonly Atom[] {
  if (typeof excluded === "boolean") return excluded ? [] : atoms;
  const decides = Object.keys(excluded);
  if (decides.length === 0) return [];
  const types = typesOf(excluded);
  if (types === null || decides.length > 1) return atoms;
  return atoms.filter((atom) => {
    if (atom.type === "value") return true;
    if (atom.type === "number")
      return !(types.includes("number") || (atom.integer && types.includes("integer")));
    return !types.includes(atom.type);
  });
}

function narrow(atom: Atom, schema: JsonSchema, words: Keywords, root: SchemaRoot): Atom[] {
  const types = typesOf(schema);
  switch (atom.type) {
    case "value": {
      const fits = types === null || evaluate(atom.value, { schema: { type: types }, root }) !== false;
      return fits ? [atom] : [];
    }
    case "number": {
      const whole = types !== null && !types.includes("number");
      if (whole && !types.includes("integer")) return [];
      return [narrowNumber(whole ? { ...atom, integer: true } : atom, words)];
    }
    case "string":
      return types === null || types.includes("string") ? [narrowString(atom, words)] : [];
    case "array": {
      if (types !== null && !types.includes("array")) return [];
      const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = words as {
        minItems?: number;
        maxItems?: number;
      };
      const layers = [...atom.layers];
      if (words.items !== undefined || words.prefixItems !== undefined) {
        const { prefix, rest } = itemsOf(schema);
        layers.push({ prefix: prefix.map((one) => ({ schema: one, root })), rest: { schema: rest, root } });
      }
      return [
        {
          ...atom,
          minItems: Math.max(atom.minItems, minItems),
          maxItems: Math.min(atom.maxItems, maxItems),
          unique: atom.unique || words.uniqueItems === true,
          layers,
        },
      ];
    }
    case "object":
      return types === null || types.includes("object") ? [narrowObject(atom, words, root)] : [];
  }
}

function narrowNumber(atom: NumberAtom, words: Keywords): NumberAtom {
  const bound = (name: string, fallback: number) => (words[name] as number | undefined) ?? fallback;
  const { multipleOf } = words as { multipleOf?: number };
  return {
    ...atom,
    minimum: Math.max(atom.minimum, bound("minimum", Number.NEGATIVE_INFINITY)),
    exclusiveMinimum: Math.max(atom.exclusiveMinimum, bound("exclusiveMinimum", Number.NEGATIVE_INFINITY)),
    maximum: Math.min(atom.maximum, bound("maximum", Number.POSITIVE_INFINITY)),
    exclusiveMaximum: Math.min(atom.exclusiveMaximum, bound("exclusiveMaximum", Number.POSITIVE_INFINITY)),
    multiples: multipleOf === undefined ? atom.multiples : [...atom.multiples, multipleOf],
  };
}

function narrowString(atom: StringAtom, words: Keywords): StringAtom {
  const {
    minLength = 0,
    maxLength = Number.POSITIVE_INFINITY,
    pattern,
    format,
  } = words as {
    minLength?: number;
    maxLength?: number;
    pattern?: string;
    format?: string;
  };
  return {
    ...atom,
    minLength: Math.max(atom.minLength, minLength),
    maxLength: Math.min(atom.maxLength, maxLength),
    patterns: pattern === undefined ? atom.patterns : [...atom.patterns, pattern],
    formats: format === undefined ? atom.formats : [...atom.formats, format],
  };
}

const memberWords = ["properties", "patternProperties", "additionalProperties"];

function narrowObject(atom: ObjectAtom, words: Keywords, root: SchemaRoot): ObjectAtom {
  const term = (schema: JsonSchema): Term => ({ schema, root });
  const entries = (name: string) => Object.entries((words[name] as Record<string, JsonSchema>) ?? {});
  const speaks = memberWords.some((name) => words[name] !== undefined);
  const layer = {
    properties: new Map(entries("properties").map(([name, schema]) => [name, term(schema)])),
    patterns: entries("patternProperties").map(([pattern, schema]) => [pattern, term(schema)] as const),
    additional: term((words.additionalProperties as JsonSchema | undefined) ?? true),
  };
  const { minProperties = 0, maxProperties = Number.POSITIVE_INFINITY } = words as {
    minProperties?: number;
    maxProperties?: number;
  };
  return {
    ...atom,
    required: new Set([...atom.required, ...((words.required as string[]) ?? [])]),
    minProperties: Math.max(atom.minProperties, minProperties),
    maxProperties: Math.min(atom.maxProperties, maxProperties),
    layers: speaks ? [...atom.layers, layer] : atom.layers,
  };
}

function isEmpty(atom: Atom, terms: readonly Term[], effort: Effort, depth: number): boolean {
  switch (atom.type) {
    case "value":
      return terms.some((term) => evaluate(atom.value, term) === false);
    case "number": {
      const { low, high, lowIn, highIn } = rangeOf(atom);
      return low > high || (low === high && !(lowIn && highIn));
    }
    case "string":
      return atom.minLength > atom.maxLength;
    case "array": {
      if (atom.minItems > atom.maxItems) return true;
      if (depth >= contradictionDepth) return false;
      // Past the positions all items are alike.
      const last = Math.min(atom.minItems, positionsIn(atom) + 1);
      return range(last).some((index) => acceptsNothing(itemTerms(atom, index), effort, depth + 1));
    }
    case "object":
      if (atom.required.size > atom.maxProperties || atom.minProperties > atom.maxProperties) return true;
      if (depth >= contradictionDepth) return false;
      return [...atom.required].some((name) => acceptsNothing(memberTerms(atom, name), effort, depth + 1));
  }
}

export function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

/** Whether a document belongs to an atom's JSON type, for messages. */
export function typeOfAtom(atom: Atom): string {
  if (atom.type === "value") return typeOf(atom.value);
  return atom.type === "number" && atom.integer ? "integer" : atom.type;
}
