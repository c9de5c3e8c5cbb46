import type { Json } from "../model/entry.ts";

/** A JSON Schema 2020-12, as TypeBox emits it or as it was read from JSON. */
export type JsonSchema = boolean | object;

export type Keywords = Readonly<Record<string, unknown>>;

/** A schema where its references mean something. */
export interface Term {
  readonly schema: JsonSchema;
  readonly root: SchemaRoot;
}

/** A document of schemas: finds what a `$ref` in it points to. */
export interface SchemaRoot {
  readonly schema: JsonSchema;
  /** Null when it points to nothing we can be sure of. */
  resolve(ref: string): JsonSchema | null;
}

/** Say nothing about which documents are valid. `format` is not among them: validators that assert it are common. */
const annotations = new Set([
  "$schema",
  "$id",
  "$anchor",
  "$dynamicAnchor",
  "$comment",
  "$defs",
  "$vocabulary",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "example",
  "deprecated",
  "readOnly",
  "writeOnly",
  "contentEncoding",
  "contentMediaType",
  "contentSchema",
]);

/** Those that decide and that we read. */
const understood = new Set([
  "$ref",
  "type",
  "const",
  "enum",
  "minimum",
  "exclusiveMinimum",
  "maximum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "pattern",
  "format",
  "prefixItems",
  "items",
  "additionalItems",
  "minItems",
  "maxItems",
  "uniqueItems",
  "properties",
  "patternProperties",
  "additionalProperties",
  "required",
  "minProperties",
  "maxProperties",
  "allOf",
  "anyOf",
  "oneOf",
  "not",
]);

export function keywordsOf(schema: JsonSchema): Keywords {
  return schema as Keywords;
}

/** Keywords that decide, but whose meaning is beyond the checker: it will not guess about them. */
export function unreadKeywords(schema: JsonSchema): string[] {
  if (typeof schema === "boolean") return [];
  const names = Object.keys(schema).filter((name) => !understood.has(name) && !annotations.has(name));
  // TypeBox keeps a refinement, which is code, where no JSON shows it.
  if ("~refine" in schema) names.push("~refine");
  const { items, prefixItems, type } = keywordsOf(schema);
  if (Array.isArray(items) && prefixItems !== undefined) names.push("prefixItems beside a list of items");
  const types = type === undefined ? [] : [type].flat();
  if (types.some((name) => !jsonTypes.has(name as string))) names.push("type");
  return names;
}

const jsonTypes = new Set(["null", "boolean", "integer", "number", "string", "array", "object"]);

export function typesOf(schema: JsonSchema): readonly string[] | null {
  const { type } = keywordsOf(schema);
  return type === undefined ? null : ([type].flat() as string[]);
}

/** Items as positions and a rest, whether written as in 2020-12 or as TypeBox writes tuples. */
export function itemsOf(schema: JsonSchema): {
  readonly prefix: readonly JsonSchema[];
  readonly rest: JsonSchema;
} {
  const { items, prefixItems, additionalItems } = keywordsOf(schema);
  if (Array.isArray(items)) return { prefix: items, rest: (additionalItems as JsonSchema) ?? true };
  return { prefix: (prefixItems as JsonSchema[]) ?? [], rest: (items as JsonSchema) ?? true };
}

/** A schema that lists its values. */
export function isListing(schema: JsonSchema): boolean {
  const words = keywordsOf(schema);
  return words.const !== undefined || words.enum !== undefined;
}

/** A schema that accepts nothing, written as such. */
export function isClosed(schema: JsonSchema): boolean {
  const { not } = keywordsOf(schema);
  return (
    schema === false || not === true || (typeof not === "object" && Object.keys(not as object).length === 0)
  );
}

export function openRoot(schema: JsonSchema): SchemaRoot {
  const named = new Map<string, JsonSchema>();
  let nestedIds = false;
  walk(schema, (one) => {
    const { $id, $anchor } = keywordsOf(one);
    if (typeof $id === "string") {
      named.set($id, one);
      if (one !== schema) nestedIds = true;
    }
    if (typeof $anchor === "string") named.set(`#${$anchor}`, one);
  });
  return {
    schema,
    resolve(ref) {
      // Inside a schema with an `$id` of its own, `#` starts there; rather not known than known wrongly.
      if (ref.startsWith("#") && nestedIds) return null;
      if (ref === "#") return schema;
      if (ref.startsWith("#/")) return pointed(schema, ref);
      return named.get(ref) ?? null;
    },
  };
}

function pointed(schema: JsonSchema, ref: string): JsonSchema | null {
  let at: unknown = schema;
  for (const part of ref.slice(2).split("/")) {
    const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return null;
    at = (at as Keywords)[name];
  }
  return typeof at === "boolean" || (typeof at === "object" && at !== null && !Array.isArray(at)) ? at : null;
}

/** Visits every schema in the document. */
function walk(value: unknown, visit: (schema: object) => void, names = false): void {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value) && !names) visit(value);
  for (const [name, child] of Object.entries(value)) {
    if (names || Array.isArray(value)) walk(child, visit);
    else if (!literals.has(name) && !samples.has(name)) walk(child, visit, maps.has(name));
  }
}

/** One text per meaning: names sorted, annotations left out, hidden properties ignored. */
export function schemaText(schema: JsonSchema): string {
  return JSON.stringify(plainSchema(schema));
}

const maps = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);
const literals = new Set(["const", "enum", "required", "dependentRequired"]);
const samples = new Set(["default", "examples", "example"]);
const kept = new Set(["$id", "$anchor", "$defs", "definitions"]);

/** The schema without annotations and with sorted keywords: what a reviewer must see, and nothing else. */
export function plainSchema(schema: JsonSchema): Json {
  if (typeof schema === "boolean") return schema;
  const plain = Object.entries(schema)
    .filter(([name]) => !annotations.has(name) || kept.has(name))
    .map(([name, value]): [string, Json] => [name, plainValue(name, value)]);
  // Code that refines a schema cannot be written down; that there is some, can.
  if ("~refine" in schema) plain.push(["~refine", true]);
  return Object.fromEntries(plain.sort(byName));
}

function plainValue(name: string, value: unknown): Json {
  if (name === "required") return [...(value as string[])].sort();
  if (literals.has(name) || typeof value !== "object" || value === null) return value as Json;
  if (Array.isArray(value)) return value.map((one) => (isSchema(one) ? plainSchema(one) : one));
  if (!maps.has(name)) return plainSchema(value);
  return Object.fromEntries(
    Object.entries(value)
      .sort(byName)
      .map(([key, one]) => [key, plainSchema(one as JsonSchema)]),
  );
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "boolean" || (typeof value === "object" && value !== null && !Array.isArray(value));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Every schema in the document that is an object. */
export function schemasIn(schema: JsonSchema): object[] {
  const found: object[] = [];
  walk(schema, (one) => found.push(one));
  return found;
}

export function hasReference(schema: JsonSchema): boolean {
  let found = false;
  walk(schema, (one) => {
    if ("$ref" in one || "$dynamicRef" in one || "$recursiveRef" in one) found = true;
  });
  return found;
}

/** Equality of JSON values: order of members does not matter. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((one, index) => sameJson(one, b[index]))
    );
  }
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameJson((a as Keywords)[name], (b as Keywords)[name]))
  );
}
