/**
 * Schemas, changes to them, and documents, made from a tape of numbers. fast-check shrinks the tape, and a shorter tape
 * with smaller numbers makes smaller schemas: when it has run out, every choice is the first, which is the simplest.
 */
import fc from "fast-check";
import type { Json } from "../model/entry.ts";
import type { JsonSchema, Keywords } from "./json-schema.ts";

export const tapes = fc.array(fc.nat(9_999), { minLength: 0, maxLength: 220, size: "max" });

/** Takes the next number of the tape, below `choices`. */
export type Choose = (choices: number) => number;

export function chooser(tape: readonly number[]): Choose {
  let at = 0;
  return (choices) => (tape[at++] ?? 0) % choices;
}

const names = ["a", "b", "kind", "x1"] as const;
const patterns = ["^a+$", "^[a-z]{1,3}$", "^.*$", "b", "^(?:ab|b)*$", "^[^0-9]$", "^x[0-9]?$"] as const;
const texts = ["", "a", "b", "ab", "aaa", "abab", "x", "x1", "q7", "long text", "é", "\n"] as const;
const numbers = [0, 1, -1, 2, 3, 4, 5, 6, 9, 10, 0.5, 2.5, -7] as const;
const formats = ["date", "uuid"] as const;

function oneOf<T>(choose: Choose, values: readonly T[]): T {
  return values[choose(values.length)] as T;
}

/** A schema with up to `depth` levels below it. */
export function makeSchema(choose: Choose, depth = 3): JsonSchema {
  const kinds = depth > 0 ? 15 : 8;
  switch (choose(kinds)) {
    case 0:
      return { type: "integer", ...bounds(choose) };
    case 1:
      return { type: "string", ...lengths(choose) };
    case 2:
      return { enum: [...new Set([oneOf(choose, texts), oneOf(choose, texts), oneOf(choose, numbers)])] };
    case 3:
      return { type: "number", ...bounds(choose) };
    case 4:
      return { const: oneOf<Json>(choose, ["a", 1, null, true, { kind: "a" }, []]) };
    case 5:
      return { type: oneOf(choose, ["null", "boolean"]) };
    case 6:
      return oneOf<JsonSchema>(choose, [true, {}, { not: {} }, false]);
    case 7:
      return {
        type: oneOf(choose, [
          ["string", "null"],
          ["integer", "string"],
          ["number", "object"],
        ]),
        ...bounds(choose),
      };
    case 8:
    case 9:
    case 10:
      return makeObject(choose, depth);
    case 11:
      return makeArray(choose, depth);
    case 12:
      return { [oneOf(choose, ["anyOf", "oneOf"])]: some(choose, () => makeSchema(choose, depth - 1)) };
    case 13:
      return { allOf: some(choose, () => makeSchema(choose, depth - 1)) };
    default:
      return { not: makeSchema(choose, depth - 1) };
  }
}

/** Sometimes recursive: a node that may hold others of its kind. */
export function makeDocumentSchema(choose: Choose): JsonSchema {
  if (choose(6) !== 5) return makeSchema(choose);
  const value = makeSchema(choose, 1);
  const properties = {
    v: value,
    next: { $ref: "#/$defs/Node" },
    kids: { type: "array", items: { $ref: "#/$defs/Node" } },
  };
  const node = {
    type: "object",
    properties,
    required: ["v"],
    ...(choose(2) === 0 ? {} : { additionalProperties: false }),
  };
  return { $defs: { Node: node }, $ref: "#/$defs/Node" };
}

function some<T>(choose: Choose, make: () => T): T[] {
  return Array.from({ length: 1 + choose(3) }, make);
}

function bounds(choose: Choose): Keywords {
  const words: Record<string, number> = {};
  if (choose(3) === 1) words[oneOf(choose, ["minimum", "exclusiveMinimum"])] = oneOf(choose, numbers);
  if (choose(3) === 1) words[oneOf(choose, ["maximum", "exclusiveMaximum"])] = oneOf(choose, numbers);
  if (choose(6) === 1) words.multipleOf = 1 + choose(4);
  return words;
}

function lengths(choose: Choose): Keywords {
  const words: Record<string, number | string> = {};
  if (choose(4) === 1) words.minLength = choose(4);
  if (choose(4) === 1) words.maxLength = choose(5);
  if (choose(3) === 1) words.pattern = oneOf(choose, patterns);
  if (choose(12) === 1) words.format = oneOf(choose, formats);
  return words;
}

function makeObject(choose: Choose, depth: number): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const required: string[] = [];
  for (const name of names.slice(0, choose(4))) {
    properties[name] = makeSchema(choose, depth - 1);
    if (choose(2) === 1) required.push(name);
  }
  const words: Record<string, unknown> = { type: "object", properties, required };
  if (choose(3) === 1) words.additionalProperties = choose(2) === 0 ? false : makeSchema(choose, depth - 1);
  if (choose(5) === 1) words.patternProperties = { [oneOf(choose, patterns)]: makeSchema(choose, depth - 1) };
  if (choose(9) === 1) words.minProperties = choose(3);
  if (choose(9) === 1) words.maxProperties = choose(4);
  return words;
}

function makeArray(choose: Choose, depth: number): JsonSchema {
  const words: Record<string, unknown> = { type: "array" };
  if (choose(3) > 0) words.items = makeSchema(choose, depth - 1);
  if (choose(4) === 1) words.prefixItems = some(choose, () => makeSchema(choose, depth - 1));
  if (choose(4) === 1) words.minItems = choose(3);
  if (choose(4) === 1) words.maxItems = choose(4);
  if (choose(4) === 1) words.uniqueItems = true;
  return words;
}

/** The schema with one thing changed somewhere in it, as a person would. */
export function changed(schema: JsonSchema, choose: Choose, depth = 3): JsonSchema {
  if (typeof schema === "boolean" || Object.keys(schema).length === 0) return makeSchema(choose, depth);
  const words: Record<string, unknown> = { ...schema };
  const keyword = oneOf(choose, "$defs" in schema ? ["$defs"] : Object.keys(words));
  const value = words[keyword];
  const child = (one: unknown) => changed(one as JsonSchema, choose, depth - 1);
  switch (choose(10)) {
    case 8:
      if (keyword === "$defs") break;
      delete words[keyword];
      return words;
    case 9:
      return { ...words, ...(makeSchema(choose, 1) as object) };
  }
  if (typeof value === "number") words[keyword] = nudged(keyword, value, choose);
  else if (keyword === "required") words.required = toggled(value as string[], oneOf(choose, names));
  else if (keyword === "enum") words.enum = toggled(value as Json[], oneOf<Json>(choose, texts));
  else if (keyword === "type")
    words.type = oneOf<unknown>(choose, ["string", "integer", "number", "object", ["string", "null"]]);
  else if (keyword === "pattern") words.pattern = oneOf(choose, patterns);
  else if (keyword === "items" || keyword === "not" || keyword === "additionalProperties")
    words[keyword] = child(value);
  else if (["anyOf", "oneOf", "allOf", "prefixItems"].includes(keyword)) {
    const list = [...(value as JsonSchema[])];
    const index = choose(list.length);
    if (choose(3) === 2) list.push(makeSchema(choose, 1));
    else if (choose(4) === 3 && list.length > 1) list.splice(index, 1);
    else list[index] = child(list[index]);
    words[keyword] = list;
  } else if (["properties", "patternProperties", "$defs"].includes(keyword)) {
    const members: Record<string, JsonSchema> = { ...(value as Record<string, JsonSchema>) };
    const name =
      keyword === "properties" && choose(3) === 2
        ? oneOf(choose, names)
        : oneOf(choose, Object.keys(members));
    if (name !== undefined) {
      if (keyword !== "$defs" && choose(4) === 3) delete members[name];
      else members[name] = child(members[name] ?? true);
    }
    words[keyword] = members;
  }
  return words;
}

function nudged(keyword: string, value: number, choose: Choose): number {
  if (/imum$/i.test(keyword)) return value + oneOf(choose, [1, -1, 0.5]);
  return Math.max(keyword === "multipleOf" ? 1 : 0, value + oneOf(choose, [1, -1]));
}

function toggled<T>(list: readonly T[], value: T): T[] {
  return list.includes(value) ? list.filter((one) => one !== value) : [...list, value];
}

/** A document that has a fair chance to be valid; made without any of the code under test. */
export function makeDocument(schema: JsonSchema, choose: Choose, root: JsonSchema = schema, depth = 5): Json {
  if (typeof schema === "boolean" || depth < 0 || choose(12) === 11) return anyDocument(choose, 2);
  const words = schema as Record<string, never>;
  const under = (child: JsonSchema) => makeDocument(child, choose, root, depth - 1);
  for (const name of ["anyOf", "oneOf", "allOf"]) {
    if (words[name] !== undefined && (Object.keys(words).length === 1 || choose(2) === 0))
      return under(oneOf(choose, words[name]));
  }
  if (words.$ref !== undefined)
    return under(((root as Record<string, Keywords>).$defs as Record<string, JsonSchema>).Node as JsonSchema);
  if ("const" in words) return words.const;
  if (words.enum !== undefined && (words.enum as Json[]).length > 0) return oneOf<Json>(choose, words.enum);
  switch (oneOf(choose, [words.type ?? "none"].flat()) as string) {
    case "integer":
      return Math.round(numberNear(words, choose));
    case "number":
      return numberNear(words, choose);
    case "string":
      return words.format === undefined
        ? oneOf(choose, texts)
        : oneOf(choose, ["2026-11-24", "0199f0e2-7a3b-7c4d-8e5f-0123456789ab"]);
    case "boolean":
      return choose(2) === 0;
    case "null":
      return null;
    case "array": {
      const { prefixItems = [], items = true } = words as {
        prefixItems?: JsonSchema[];
        items?: JsonSchema;
      };
      const document = Array.from({ length: choose(4) }, (_, index) => under(prefixItems[index] ?? items));
      // Two alike are rare by chance.
      if (document.length > 1 && choose(3) === 1) document[1] = document[0] as Json;
      return document;
    }
    case "object": {
      const {
        properties = {},
        required = [],
        additionalProperties,
      } = words as {
        properties?: Record<string, JsonSchema>;
        required?: string[];
        additionalProperties?: JsonSchema;
      };
      const document: Record<string, Json> = {};
      for (const name of new Set([...Object.keys(properties), ...required])) {
        if (required.includes(name) || choose(2) === 1) document[name] = under(properties[name] ?? true);
      }
      if (choose(3) === 2)
        document[oneOf(choose, [...names, "aa", "zz", "\n"])] = under(additionalProperties ?? true);
      return document;
    }
    default:
      return anyDocument(choose, 2);
  }
}

function numberNear(words: Keywords, choose: Choose): number {
  const near = Object.values(words).filter((one) => typeof one === "number");
  return oneOf<number>(choose, [...near, ...numbers]) + oneOf(choose, [0, 0, 1, -1, 0.5]);
}

function anyDocument(choose: Choose, depth: number): Json {
  switch (choose(depth > 0 ? 8 : 6)) {
    case 0:
      return oneOf(choose, numbers);
    case 1:
    case 2:
      return oneOf(choose, texts);
    case 3:
      return null;
    case 4:
      return choose(2) === 0;
    case 5:
      return oneOf(choose, numbers) + 0.5;
    case 6:
      return Array.from({ length: choose(3) }, () => anyDocument(choose, depth - 1));
    default:
      return Object.fromEntries(
        names.slice(0, choose(4)).map((name) => [name, anyDocument(choose, depth - 1)]),
      );
  }
}
