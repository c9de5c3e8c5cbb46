import { refuse } from "./api-error.ts";
import { normalizeId } from "./record-id.ts";
import type { Field, ObjectSchema, Schema } from "./schema.ts";
import type { Row, Store } from "./store.ts";
import type { Value } from "./value.ts";

/** What a query is about: the object after FROM, under which name. */
export interface Scope {
  readonly schema: Schema;
  readonly store: Store;
  readonly now: number;
  readonly object: ObjectSchema;
  readonly alias: string | undefined;
}

/** A field that a query names: its own, or that of a parent one step away. */
export interface Path {
  readonly field: Field;
  /** The reference it goes through; null: the object's own field. */
  readonly through: Field | null;
  read(row: Row): Value;
}

/** Errors: INVALID_FIELD for what is not there, MALFORMED_QUERY for parents of parents. */
export function resolvePath(scope: Scope, text: string): Path {
  const { schema, store, object, alias } = scope;
  const names = text.split(".");
  const [first = ""] = names;
  const isOwnName = [alias, object.name].some((name) => name?.toLowerCase() === first.toLowerCase());
  const steps = names.length > 1 && isOwnName ? names.slice(1) : names;
  if (steps.length > 2) {
    throw refuse(
      "MALFORMED_QUERY",
      `paths over more than one parent are not imitated by this simulator: ${text}`,
    );
  }
  const last = steps.at(-1) as string;
  if (steps.length === 1) {
    const field = fieldOf(schema, object, last);
    return { field, through: null, read: (row) => row.values[field.name] ?? null };
  }
  const through = schema.parent(object, steps[0] as string);
  const target = through === undefined ? undefined : schema.object(through.references as string);
  if (through === undefined || target === undefined) {
    throw refuse("INVALID_FIELD", `Didn't understand relationship '${steps[0]}' in field path.`);
  }
  const field = fieldOf(schema, target, last);
  return {
    field,
    through,
    read: (row) => parentOf(store, target, row, through)?.values[field.name] ?? null,
  };
}

export function parentOf(store: Store, target: ObjectSchema, row: Row, through: Field): Row | undefined {
  const id = row.values[through.name] ?? null;
  return id === null ? undefined : store.row(target, normalizeId(String(id)) ?? "");
}

function fieldOf(schema: Schema, object: ObjectSchema, name: string): Field {
  const field = schema.field(object, name);
  if (field !== undefined) return field;
  const hint =
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name.";
  throw refuse("INVALID_FIELD", `No such column '${name}' on entity '${object.name}'. ${hint}`);
}
