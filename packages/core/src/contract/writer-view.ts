import { type JsonSchema, type Keywords, keywordsOf, openRoot, schemasIn } from "./json-schema.ts";
import { acceptsNothing } from "./normal-form.ts";

/**
 * What a writer of this schema really writes: the members it names and no others. An object that is open for its readers is
 * not open for its writer, so that an optional member may be added or removed without breaking anybody.
 * Guarantees: never narrower than that; where members are composed in a way we do not follow, the schema stays open.
 */
export function writerView(schema: JsonSchema): JsonSchema {
  if (typeof schema === "boolean" || composedReference(schema)) return schema;
  const view = closed(schema);
  const accepts = (one: JsonSchema) =>
    !acceptsNothing([{ schema: one, root: openRoot(one) }], { left: 20_000 });
  // A view without any document would prove everything.
  return accepts(view) ? view : schema;
}

const words = (schema: JsonSchema): Keywords => keywordsOf(schema);
const compositions = ["allOf", "anyOf", "oneOf"] as const;
const children = ["items", "additionalProperties", "additionalItems"] as const;
const openWords = [
  "additionalProperties",
  "patternProperties",
  "unevaluatedProperties",
  "propertyNames",
  "if",
  "dependentSchemas",
  "dependentRequired",
  "dependencies",
  "$dynamicRef",
  "$ref",
];

/** A reference beside other members, or in a composition: closing what it points to would close too much. */
function composedReference(schema: JsonSchema): boolean {
  return schemasIn(schema).some((one) => {
    const beside = Object.keys(one).filter(
      (name) => !["$ref", "$defs", "$id", "definitions", "$schema"].includes(name),
    );
    if ("$ref" in one && beside.some((name) => name !== "description" && name !== "title")) return true;
    const parts = [...((words(one).allOf as JsonSchema[]) ?? [])];
    if (parts.length > 0 || "properties" in one) {
      for (const name of ["anyOf", "oneOf"] as const)
        parts.push(...((words(one)[name] as JsonSchema[]) ?? []));
    }
    return parts.some((part) => schemasIn(part).some((inner) => "$ref" in inner));
  });
}

/** The schema of a whole value: nothing beside it says anything about the same members. */
function closed(schema: JsonSchema): JsonSchema {
  if (typeof schema === "boolean") return schema;
  const inside = withClosedChildren(schema);
  const own = words(schema);
  if (own.properties === undefined && own.allOf === undefined && own.required === undefined) {
    // Alternatives are whole values themselves.
    return { ...inside, ...mapped(inside, ["anyOf", "oneOf"], closed) };
  }
  const names = namesIn(schema);
  if (names === null) return inside;
  const properties = Object.fromEntries([...names].map((name) => [name, true as JsonSchema]));
  const described = words(inside).properties as Record<string, JsonSchema> | undefined;
  return { ...inside, properties: { ...properties, ...described }, additionalProperties: false };
}

/** Everything a document has further down is a whole value. */
function withClosedChildren(schema: JsonSchema): object {
  if (typeof schema === "boolean") return {};
  const own = words(schema);
  const result: Record<string, unknown> = { ...schema };
  for (const name of children) {
    const child = own[name];
    if (child !== undefined && !Array.isArray(child)) result[name] = closed(child as JsonSchema);
  }
  Object.assign(result, mapped(schema, ["prefixItems"], closed));
  if (Array.isArray(own.items)) result.items = (own.items as JsonSchema[]).map(closed);
  for (const name of ["properties", "patternProperties", "$defs", "definitions"]) {
    const members = own[name] as Record<string, JsonSchema> | undefined;
    if (members === undefined) continue;
    result[name] = Object.fromEntries(Object.entries(members).map(([key, child]) => [key, closed(child)]));
  }
  // The parts of a composition speak of one value: only what lies deeper is closed in them.
  const part = (one: JsonSchema): JsonSchema => (typeof one === "boolean" ? one : withClosedChildren(one));
  return { ...result, ...mapped(schema, compositions, part) };
}

function mapped(
  schema: object,
  names: readonly string[],
  change: (child: JsonSchema) => JsonSchema,
): Record<string, JsonSchema[]> {
  const result: Record<string, JsonSchema[]> = {};
  for (const name of names) {
    const list = words(schema)[name] as JsonSchema[] | undefined;
    if (list !== undefined) result[name] = list.map(change);
  }
  return result;
}

/** Every member the schema names, in all its parts; null when a part is open on purpose, or unclear. */
function namesIn(schema: JsonSchema): Set<string> | null {
  if (typeof schema === "boolean") return new Set();
  const own = words(schema);
  if (openWords.some((name) => own[name] !== undefined)) return null;
  const names = new Set([
    ...Object.keys((own.properties as object) ?? {}),
    ...((own.required as string[]) ?? []),
  ]);
  for (const composition of compositions) {
    for (const part of (own[composition] as JsonSchema[]) ?? []) {
      const further = namesIn(part);
      if (further === null) return null;
      for (const name of further) names.add(name);
    }
  }
  return names;
}
