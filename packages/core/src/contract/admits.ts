import type { Json } from "../model/entry.ts";
import {
  type ArrayAtom,
  type Atom,
  itemTerms,
  memberTerms,
  type NumberAtom,
  type ObjectAtom,
  rangeOf,
  type StringAtom,
} from "./atom.ts";
import { evaluate, every, hasRepeat, matchesPattern, typeOf, type Validity } from "./evaluate.ts";
import { sameJson } from "./json-schema.ts";

/** Is the document one of the atom's? Null: the atom says something we do not read. */
export function admits(atom: Atom, value: Json): Validity {
  if (atom.type === "value") return sameJson(atom.value, value);
  if (atom.type !== typeOf(value)) return false;
  switch (atom.type) {
    case "number":
      return admitsNumber(atom, value as number);
    case "string":
      return admitsText(atom, value as string);
    case "array":
      return admitsItems(atom, value as readonly Json[]);
    case "object":
      return admitsMembers(atom, value as { readonly [name: string]: Json });
  }
}

function admitsNumber(atom: NumberAtom, value: number): Validity {
  const { low, high, lowIn, highIn } = rangeOf(atom);
  if (value < low || value > high || (value === low && !lowIn) || (value === high && !highIn)) return false;
  if (atom.integer && !Number.isInteger(value)) return false;
  return every(
    atom.multiples.map((multiple) =>
      Number.isInteger(value) && Number.isInteger(multiple) ? value % multiple === 0 : null,
    ),
  );
}

function admitsText(atom: StringAtom, value: string): Validity {
  const length = [...value].length;
  if (length < atom.minLength || length > atom.maxLength) return false;
  return every([
    ...atom.patterns.map((pattern) => matchesPattern(pattern, value)),
    ...atom.formats.map(() => null),
  ]);
}

function admitsItems(atom: ArrayAtom, value: readonly Json[]): Validity {
  if (value.length < atom.minItems || value.length > atom.maxItems) return false;
  if (atom.unique && hasRepeat(value)) return false;
  return every(value.flatMap((item, index) => itemTerms(atom, index).map((term) => evaluate(item, term))));
}

function admitsMembers(atom: ObjectAtom, value: { readonly [name: string]: Json }): Validity {
  const names = Object.keys(value);
  if (names.length < atom.minProperties || names.length > atom.maxProperties) return false;
  if ([...atom.required].some((name) => !Object.hasOwn(value, name))) return false;
  return every(
    names.flatMap((name) => memberTerms(atom, name).map((term) => evaluate(value[name] as Json, term))),
  );
}
