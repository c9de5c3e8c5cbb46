import type { Json } from "../model/entry.ts";
import {
  itemsOf,
  type JsonSchema,
  keywordsOf,
  sameJson,
  type Term,
  typesOf,
  unreadKeywords,
} from "./json-schema.ts";

/** Is a document valid? Null: the schema says something we do not read. */
export type Validity = true | false | null;

/** References followed without going deeper into the document; more is a definition that never ends. */
const referencesFollowed = 32;

/**
 * Validity of one document under one schema, by the words of JSON Schema 2020-12.
 * Guarantees: never true or false unless that is certain.
 */
export function evaluate(value: Json, { schema, root }: Term, followed = 0): Validity {
  if (typeof schema === "boolean") return schema;
  const under = (child: JsonSchema, of: Json = value): Validity =>
    evaluate(of, { schema: child, root }, of === value ? followed : 0);
  const words = keywordsOf(schema);
  const answers: Validity[] = [ofOwnType(value, schema), ofChildren(value, schema, under)];
  if (unreadKeywords(schema).length > 0) answers.push(null);
  if (typeof words.$ref === "string") {
    const target = followed < referencesFollowed ? root.resolve(words.$ref) : null;
    answers.push(target === null ? null : evaluate(value, { schema: target, root }, followed + 1));
  }
  const branches = (name: string) => ((words[name] as JsonSchema[]) ?? []).map((branch) => under(branch));
  answers.push(...branches("allOf"));
  if (words.anyOf !== undefined) answers.push(some(branches("anyOf")));
  if (words.oneOf !== undefined) answers.push(exactlyOne(branches("oneOf")));
  if (words.not !== undefined) {
    const inner = under(words.not as JsonSchema);
    answers.push(inner === null ? null : !inner);
  }
  return every(answers);
}

export function typeOf(value: Json): "null" | "boolean" | "number" | "string" | "array" | "object" {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value as "boolean" | "number" | "string" | "object";
}

function ofOwnType(value: Json, schema: JsonSchema): Validity {
  const words = keywordsOf(schema);
  const types = typesOf(schema);
  const type = typeOf(value);
  if (types !== null) {
    const integer = types.includes("integer") && Number.isInteger(value);
    if (!integer && !types.includes(type)) return false;
  }
  if (words.const !== undefined && !sameJson(value, words.const)) return false;
  if (words.enum !== undefined && !(words.enum as Json[]).some((one) => sameJson(value, one))) return false;
  if (type === "number") return numberFits(value as number, words);
  if (type === "string") return stringFits(value as string, words);
  return true;
}

interface NumberWords {
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
}

function numberFits(value: number, words: NumberWords): Validity {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf } = words;
  if (minimum !== undefined && !(value >= minimum)) return false;
  if (exclusiveMinimum !== undefined && !(value > exclusiveMinimum)) return false;
  if (maximum !== undefined && !(value <= maximum)) return false;
  if (exclusiveMaximum !== undefined && !(value < exclusiveMaximum)) return false;
  if (multipleOf === undefined) return true;
  // Fractions are not exact in binary, and validators differ in how they look away.
  return Number.isInteger(value) && Number.isInteger(multipleOf) ? value % multipleOf === 0 : null;
}

interface StringWords {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}

function stringFits(value: string, words: StringWords): Validity {
  const length = [...value].length;
  if (words.minLength !== undefined && length < words.minLength) return false;
  if (words.maxLength !== undefined && length > words.maxLength) return false;
  const matches = words.pattern === undefined ? true : matchesPattern(words.pattern, value);
  return every([matches, words.format === undefined ? true : null]);
}

const compiled = new Map<string, RegExp | null>();

/** Null when the pattern is not a regular expression. */
export function matchesPattern(pattern: string, text: string): Validity {
  let expression = compiled.get(pattern);
  if (expression === undefined) {
    try {
      expression = new RegExp(pattern, "u");
    } catch {
      expression = null;
    }
    compiled.set(pattern, expression);
  }
  return expression === null ? null : expression.test(text);
}

type Under = (schema: JsonSchema, of: Json) => Validity;

function ofChildren(value: Json, schema: JsonSchema, under: Under): Validity {
  const type = typeOf(value);
  if (type === "array") return arrayFits(value as readonly Json[], schema, under);
  if (type === "object") return objectFits(value as { readonly [name: string]: Json }, schema, under);
  return true;
}

function arrayFits(value: readonly Json[], schema: JsonSchema, under: Under): Validity {
  const words = keywordsOf(schema);
  if (value.length < ((words.minItems as number) ?? 0)) return false;
  if (value.length > ((words.maxItems as number) ?? Number.POSITIVE_INFINITY)) return false;
  if (words.uniqueItems === true && hasRepeat(value)) return false;
  const { prefix, rest } = itemsOf(schema);
  return every(value.map((item, index) => under(prefix[index] ?? rest, item)));
}

export function hasRepeat(items: readonly Json[]): boolean {
  return items.some((item, index) => items.slice(0, index).some((earlier) => sameJson(item, earlier)));
}

function objectFits(value: { readonly [name: string]: Json }, schema: JsonSchema, under: Under): Validity {
  const words = keywordsOf(schema);
  const names = Object.keys(value);
  if (names.length < ((words.minProperties as number) ?? 0)) return false;
  if (names.length > ((words.maxProperties as number) ?? Number.POSITIVE_INFINITY)) return false;
  for (const name of (words.required as string[]) ?? []) if (!Object.hasOwn(value, name)) return false;
  const properties = (words.properties as Record<string, JsonSchema>) ?? {};
  const patterns = Object.entries((words.patternProperties as Record<string, JsonSchema>) ?? {});
  return every(
    names.flatMap((name) => {
      const member = value[name] as Json;
      const answers: Validity[] = [];
      let named = Object.hasOwn(properties, name);
      if (named) answers.push(under(properties[name] as JsonSchema, member));
      for (const [pattern, child] of patterns) {
        const matches = matchesPattern(pattern, name);
        if (matches === null) answers.push(null);
        if (matches !== false) named = true;
        if (matches === true) answers.push(under(child, member));
      }
      if (!named && words.additionalProperties !== undefined) {
        answers.push(under(words.additionalProperties as JsonSchema, member));
      }
      return answers;
    }),
  );
}

export function every(answers: readonly Validity[]): Validity {
  return answers.includes(false) ? false : answers.includes(null) ? null : true;
}

function some(answers: readonly Validity[]): Validity {
  return answers.includes(true) ? true : answers.includes(null) ? null : false;
}

function exactlyOne(answers: readonly Validity[]): Validity {
  const sure = answers.filter((answer) => answer === true).length;
  if (sure > 1) return false;
  return answers.includes(null) ? null : sure === 1;
}
