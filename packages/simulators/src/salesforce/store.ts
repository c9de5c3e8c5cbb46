import { recordId } from "./record-id.ts";
import type { ObjectSchema, Schema } from "./schema.ts";
import type { Value, Values } from "./value.ts";

export interface Row {
  readonly object: ObjectSchema;
  readonly id: string;
  readonly values: Values;
}

export interface Change {
  readonly kind: "CREATE" | "UPDATE" | "DELETE";
  readonly before: Row | null;
  readonly after: Row;
}

/** The rows of one org, in memory. Writes go through a transaction; they are seen at once, for nothing runs beside them. */
export interface Store {
  /** Every row of the object in order of creation, deleted ones too. */
  rows(object: ObjectSchema): readonly Row[];
  row(object: ObjectSchema, id: string): Row | undefined;
  /** Rows that are not deleted and whose indexed field (external id or unique) has this value. */
  find(object: ObjectSchema, field: string, value: Value): readonly Row[];
  begin(): Transaction;
}

export interface Transaction {
  /** Writes down a new row, or another state of one. */
  write(kind: Change["kind"], row: Row): void;
  newId(object: ObjectSchema): string;
  /** Writes so far, those taken back left out. */
  readonly changes: readonly Change[];
  /** A place to go back to. */
  savepoint(): number;
  rollBack(savepoint: number): void;
}

/** Where an org keeps its rows: their values by id, and the last number given for an id, by prefix. */
export interface KeptRows {
  readonly values: Map<string, { readonly object: string; readonly values: Values }>;
  readonly counters: Map<string, number>;
}

/** `kept`: the rows so far, in order of creation; new ones are added. */
export function openStore(
  schema: Schema,
  kept: KeptRows = { values: new Map(), counters: new Map() },
): Store {
  const { counters } = kept;
  const tables = new Map(schema.objects.map((object) => [object.name, new Map<string, Row>()]));
  /** By `object.field`, then by value: ids. */
  const index = new Map<string, Map<string, Set<string>>>();
  const tableOf = (object: ObjectSchema) => tables.get(object.name) as Map<string, Row>;
  const indexed = (object: ObjectSchema) =>
    object.fields.filter((field) => field.externalId === true || field.unique !== undefined);

  function entriesOf(row: Row): { place: string; key: string }[] {
    if (row.values.IsDeleted === true) return [];
    return indexed(row.object).flatMap((field) => {
      const value = row.values[field.name] ?? null;
      return value === null
        ? []
        : [{ place: placeOf(row.object, field.name), key: keyOf(row.object, field.name, value) }];
    });
  }

  function keyOf(object: ObjectSchema, field: string, value: Value): string {
    const exact = schema.field(object, field)?.unique === "case-sensitive";
    return exact ? String(value) : String(value).toLowerCase();
  }

  function put(row: Row | null, previous: Row | null): void {
    for (const { place, key } of previous === null ? [] : entriesOf(previous)) {
      index
        .get(place)
        ?.get(key)
        ?.delete(previous?.id as string);
    }
    if (row === null) {
      if (previous !== null) tableOf(previous.object).delete(previous.id);
      if (previous !== null) kept.values.delete(previous.id);
      return;
    }
    tableOf(row.object).set(row.id, row);
    if (kept.values.get(row.id)?.values !== row.values)
      kept.values.set(row.id, { object: row.object.name, values: row.values });
    for (const { place, key } of entriesOf(row)) {
      const values = index.get(place) ?? new Map<string, Set<string>>();
      index.set(place, values);
      values.set(key, (values.get(key) ?? new Set()).add(row.id));
    }
  }

  for (const [id, { object, values }] of [...kept.values]) {
    const found = schema.object(object);
    if (found !== undefined) put({ object: found, id, values }, null);
  }

  return {
    rows: (object) => [...tableOf(object).values()],
    row: (object, id) => tableOf(object).get(id),
    find(object, field, value) {
      const ids = index.get(placeOf(object, field))?.get(keyOf(object, field, value)) ?? [];
      return [...ids].map((id) => tableOf(object).get(id) as Row);
    },
    begin() {
      let changes: Change[] = [];
      return {
        write(kind, after) {
          const before = tableOf(after.object).get(after.id) ?? null;
          put(after, before);
          changes.push({ kind, before, after });
        },
        newId(object) {
          // As with Salesforce, an id that was given and rolled back is not given again.
          const n = (counters.get(object.keyPrefix) ?? 0) + 1;
          counters.set(object.keyPrefix, n);
          return recordId(object.keyPrefix, n);
        },
        get changes() {
          return changes;
        },
        savepoint: () => changes.length,
        rollBack(savepoint) {
          for (const { before, after } of changes.slice(savepoint).reverse()) put(before, after);
          changes = changes.slice(0, savepoint);
        },
      };
    },
  };
}

function placeOf(object: ObjectSchema, field: string): string {
  return `${object.name}.${field}`;
}
