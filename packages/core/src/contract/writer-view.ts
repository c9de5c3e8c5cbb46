import { type JsonSchema, type Keywords, keywordsOf, openRoot, schemasIn, typesOf } from "./json-schema.ts";
import { acceptsNothing } from "./normal-form.ts";

/**
 * What a writer of this schema really writes: the members it names and no others. An object that is open for its readers is
 * not open for its writer, so that an optional member may be added or removed without breaking anybody.
 * Guarantees: never narrower than that. Members that any part of a composition names may be written beside those of any
 * other; where parts speak of a member in a way we do not follow, what lies in it stays open.
 */
export function writerView(schema: JsonSchema): JsonSchema {
  if (typeof schema === "boolean" || hasComposedReference(schema)) return schema;
  const view = closed(schema);
  const accepts = (one: JsonSchema) =>
    !acceptsNothing([{ schema: one, root: openRoot(one) }], { left: 20_000 });
  // A view without any document would prove everything.
  return accepts(view) ? view : schema;
}

type Schemas = Readonly<Record<string, JsonSchema>>;

const compositions = ["allOf", "anyOf", "oneOf"] as const;
const itemWords = ["items", "prefixItems", "additionalItems"] as const;
/** They may speak of members at a distance, so nothing is closed beside them. */
const opaqueWords = [
  "if",
  "dependentSchemas",
  "dependentRequired",
  "dependencies",
  "propertyNames",
  "unevaluatedProperties",
  "unevaluatedItems",
  "contains",
  "$dynamicRef",
  "$recursiveRef",
];
const besideReference = new Set(["$ref", "$defs", "definitions", "$id", "$schema", "title", "description"]);

/** A reference beside other members, or in a composition: closing what it points to would close too much. */
function hasComposedReference(schema: JsonSchema): boolean {
  return schemasIn(schema).some((one) => {
    if ("$ref" in one) return Object.keys(one).some((name) => !besideReference.has(name));
    const parts = partsOf(one);
    const others = parts.filter((part) => !refers(part));
    if (others.length === parts.length) return false;
    // A reference or something that is no object, such as null, is a whole value either way.
    const alone = !("allOf" in one) && !namesMembers(one) && parts.length - others.length === 1;
    return !alone || !others.every(isNoObject);
  });
}

function refers(schema: JsonSchema): boolean {
  return typeof schema === "object" && "$ref" in schema;
}

function isNoObject(schema: JsonSchema): boolean {
  if (typeof schema === "boolean") return !schema;
  return typesOf(schema)?.includes("object") === false;
}

function partsOf(schema: JsonSchema): JsonSchema[] {
  return compositions.flatMap((name) => (keywordsOf(schema)[name] as JsonSchema[] | undefined) ?? []);
}

/** The schema of a whole value: nothing outside it says anything about the same members. */
function closed(schema: JsonSchema): JsonSchema {
  if (typeof schema === "boolean") return schema;
  const withDefinitions = { ...schema, ...changedMap(schema, ["$defs", "definitions"], closed) };
  const parts = partsOf(schema);
  if ([schema, ...parts].some(isOpaque)) return withDefinitions;
  const inside = parts.length === 0 ? closedInside(withDefinitions) : closedInParts(withDefinitions, parts);
  const names = namesIn(schema);
  if (names === null || ![schema, ...parts].some(namesMembers)) return inside;
  const named = Object.fromEntries([...names].map((name) => [name, true as JsonSchema]));
  return {
    ...inside,
    properties: { ...named, ...(keywordsOf(inside).properties as Schemas | undefined) },
    additionalProperties: false,
  };
}

function isOpaque(schema: JsonSchema): boolean {
  return typeof schema === "object" && opaqueWords.some((name) => name in schema);
}

function namesMembers(schema: JsonSchema): boolean {
  return typeof schema === "object" && ("properties" in schema || "required" in schema);
}

/** Members and items of a schema without parts are whole values, unless two of its own words speak of the same member. */
function closedInside(schema: object): object {
  const words = keywordsOf(schema);
  const patterns = Object.keys((words.patternProperties as object | undefined) ?? {}).length;
  const overlap = patterns > 1 || (patterns === 1 && words.properties !== undefined);
  return {
    ...schema,
    ...changedMap(schema, overlap ? [] : ["properties", "patternProperties"], closed),
    ...changedItems(schema),
    ...(words.additionalProperties === undefined
      ? {}
      : { additionalProperties: closed(words.additionalProperties as JsonSchema) }),
  };
}

/** In a composition only what a single part speaks of is a whole value. */
function closedInParts(schema: object, parts: readonly JsonSchema[]): object {
  const all = [schema, ...parts].filter((one) => typeof one === "object");
  const crowded = all.some((one) => {
    const { patternProperties, additionalProperties } = keywordsOf(one);
    return patternProperties !== undefined || typeof additionalProperties === "object";
  });
  if (crowded || parts.some((part) => partsOf(part).length > 0)) return schema;
  const counts = new Map<string, number>();
  for (const one of all) {
    for (const name of Object.keys((keywordsOf(one).properties as object | undefined) ?? {})) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  const listing = all.filter((one) => itemWords.some((name) => name in one)).length;
  const change = (part: JsonSchema): JsonSchema => {
    const properties = keywordsOf(part).properties as Schemas | undefined;
    if (typeof part === "boolean") return part;
    return {
      ...part,
      ...(listing === 1 ? changedItems(part) : {}),
      ...(properties === undefined
        ? {}
        : {
            properties: mapped(properties, (child, name) => (counts.get(name) === 1 ? closed(child) : child)),
          }),
    };
  };
  const composed = compositions.flatMap((name) => {
    const list = keywordsOf(schema)[name] as JsonSchema[] | undefined;
    return list === undefined ? [] : [[name, list.map(change)]];
  });
  return { ...(change(schema) as object), ...Object.fromEntries(composed) };
}

function changedItems(schema: object): Keywords {
  const changed: Record<string, unknown> = {};
  for (const name of itemWords) {
    const value = keywordsOf(schema)[name];
    if (Array.isArray(value)) changed[name] = value.map((one) => closed(one as JsonSchema));
    else if (value !== undefined) changed[name] = closed(value as JsonSchema);
  }
  return changed;
}

function changedMap(
  schema: object,
  names: readonly string[],
  change: (child: JsonSchema) => JsonSchema,
): Keywords {
  const present = names.filter((name) => keywordsOf(schema)[name] !== undefined);
  return Object.fromEntries(
    present.map((name) => [name, mapped(keywordsOf(schema)[name] as Schemas, change)]),
  );
}

function mapped(map: Schemas, change: (child: JsonSchema, name: string) => JsonSchema): Schemas {
  return Object.fromEntries(Object.entries(map).map(([name, child]) => [name, change(child, name)]));
}

/** Every member the schema names, in all its parts; null when a part is open on purpose. */
function namesIn(schema: JsonSchema): Set<string> | null {
  if (typeof schema === "boolean") return new Set();
  const { properties, required, additionalProperties, patternProperties } = keywordsOf(schema);
  const open = additionalProperties !== undefined && additionalProperties !== false;
  if (open || patternProperties !== undefined || isOpaque(schema) || refers(schema)) return null;
  const names = new Set([...Object.keys((properties as object) ?? {}), ...((required as string[]) ?? [])]);
  for (const part of partsOf(schema)) {
    const further = namesIn(part);
    if (further === null) return null;
    for (const name of further) names.add(name);
  }
  return names;
}
