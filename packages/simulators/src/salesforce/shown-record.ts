import { refuse } from "./api-error.ts";
import type { Field, ObjectSchema, Schema } from "./schema.ts";
import type { Row } from "./store.ts";
import { shownInstant, type Value } from "./value.ts";
import { noSuchColumn } from "./writing.ts";

export function shownField(field: Field, value: Value): Value {
  return field.type === "datetime" ? shownInstant(value) : value;
}

/**
 * A record as the REST interface shows it. `names`: which fields; null: all.
 * Errors: INVALID_FIELD for a name that the object does not have.
 */
export function shownRecord(schema: Schema, row: Row, base: string, names: readonly string[] | null): object {
  const { object, id, values } = row;
  const fields = names === null ? object.fields : fieldsNamed(schema, object, names);
  return {
    attributes: { type: object.name, url: `${base}/sobjects/${object.name}/${id}` },
    ...Object.fromEntries(fields.map((field) => [field.name, shownField(field, values[field.name] ?? null)])),
  };
}

/** Id comes along whether it is named or not. */
function fieldsNamed(schema: Schema, object: ObjectSchema, names: readonly string[]): readonly Field[] {
  const fields = names.map((name) => {
    const field = schema.field(object, name.trim());
    if (field === undefined) throw noSuchColumn(object, name);
    return field;
  });
  const id = schema.field(object, "Id");
  if (id === undefined) throw refuse("INVALID_TYPE", `${object.name} cannot be read`);
  return fields.includes(id) ? fields : [...fields, id];
}
