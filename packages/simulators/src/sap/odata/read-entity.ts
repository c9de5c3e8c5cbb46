import type { EdmValue, EntitySet, Property, Row, ServiceError } from "./entity-set.ts";
import { gateway } from "./service-error.ts";

/** Key values in the order of the set's keys, from `'1'` or `A='1',B='2'`; null when they do not fit. */
export function readKey(text: string, set: EntitySet): readonly string[] | null {
  const parts = text.match(/(?:[A-Za-z_]\w*\s*=\s*)?'(?:[^']|'')*'/g) ?? [];
  if (parts.join(",") !== text.replace(/,\s+/g, ",").trim()) return null;
  const values = new Map<string, string>();
  for (const part of parts) {
    const cut = part.indexOf("'");
    const name = part.slice(0, cut).replace("=", "").trim();
    if (name === "" && (parts.length > 1 || set.keys.length > 1)) return null;
    values.set(name === "" ? (set.keys[0] as string) : name, part.slice(cut + 1, -1).replaceAll("''", "'"));
  }
  if (values.size !== set.keys.length) return null;
  const inOrder = set.keys.map((name) => values.get(name));
  return inOrder.every((value) => value !== undefined) ? (inOrder as string[]) : null;
}

/** The property values of a JSON body that creates or changes a row; `{d: {...}}` is taken as well as the bare object. */
export function readEntity(body: string, set: EntitySet, what: "create" | "change"): Row | ServiceError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return gateway.badRequest("The request body is not valid JSON");
  }
  const outer = parsed as { readonly d?: unknown } | null;
  const inner = typeof outer === "object" && outer !== null && "d" in outer ? outer.d : outer;
  if (typeof inner !== "object" || inner === null || Array.isArray(inner)) {
    return gateway.badRequest("The request body is not an entity");
  }
  const values: Record<string, EdmValue> = {};
  for (const [name, value] of Object.entries(inner)) {
    if (name === "__metadata") continue;
    const property = Object.hasOwn(set.properties, name) ? set.properties[name] : undefined;
    if (property === undefined) {
      return gateway.badRequest(`Property '${name}' is invalid in type '${set.typeName}'`);
    }
    const read = readValue(value, property);
    if (read === undefined)
      return { ...gateway.badRequest(`Invalid value of property '${name}'`), property: name };
    // What a caller may not set is ignored, as the original does with read-only fields on a change.
    if (property.writable === true || (what === "create" && set.keys.includes(name))) values[name] = read;
  }
  return values;
}

function readValue(value: unknown, { type, maxLength }: Property): EdmValue | undefined {
  if (value === null) return null;
  switch (type) {
    case "Edm.String":
      return typeof value === "string" && value.length <= (maxLength ?? Number.POSITIVE_INFINITY)
        ? value
        : undefined;
    case "Edm.Boolean":
      return typeof value === "boolean" ? value : undefined;
    case "Edm.Int32":
      return Number.isInteger(value) ? (value as number) : undefined;
    case "Edm.Decimal":
      return typeof value === "string" && /^-?\d+(?:\.\d+)?$/.test(value) ? value : undefined;
    default: {
      const ms = /^\/Date\((-?\d+)(?:[+-]\d{4})?\)\/$/.exec(typeof value === "string" ? value : "")?.[1];
      return ms === undefined ? undefined : Number(ms);
    }
  }
}
