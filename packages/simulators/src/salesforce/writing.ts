import { ApiError, notFound, refuse } from "./api-error.ts";
import { readValue } from "./read-value.ts";
import { normalizeId } from "./record-id.ts";
import type { Field, ObjectSchema, Schema } from "./schema.ts";
import type { Row, Store, Transaction } from "./store.ts";
import type { Value, Values } from "./value.ts";

/** A platform event that was asked for; it goes out when its request commits. */
export interface Publication {
  readonly object: ObjectSchema;
  readonly values: Values;
  readonly uuid: string;
}

/** One request's writes. */
export interface Writing {
  readonly schema: Schema;
  readonly store: Store;
  readonly transaction: Transaction;
  readonly publications: Publication[];
  readonly userId: string;
  /** ISO 8601, UTC. */
  readonly now: string;
  readonly newUuid: () => string;
  /** Thrown at every write: what a simulated business refusal is. */
  readonly rejection: ApiError | null;
}

/** A record as a request has it. */
export type Given = Readonly<Record<string, unknown>>;

/** Errors of all four: ApiError, with nothing written. */
export function createRecord(writing: Writing, object: ObjectSchema, given: Given): string {
  const values = readFields(writing, object, given, true);
  const defaults = object.fields.flatMap((field) =>
    field.defaultValue === undefined ? [] : [[field.name, field.defaultValue] as const],
  );
  const { transaction, now, userId } = writing;
  const stamped: Record<string, Value> = {
    ...Object.fromEntries(defaults),
    ...values,
    IsDeleted: false,
    CreatedDate: now,
    CreatedById: userId,
    LastModifiedDate: now,
    LastModifiedById: userId,
    SystemModstamp: now,
  };
  check(writing, object, stamped, null);
  const id = transaction.newId(object);
  if (object.autoNumber !== undefined) {
    const { field, prefix, digits } = object.autoNumber;
    stamped[field] = prefix + String(writing.store.rows(object).length + 1).padStart(digits, "0");
  }
  transaction.write("CREATE", { object, id, values: { Id: id, ...stamped } });
  return id;
}

export function updateRecord(writing: Writing, object: ObjectSchema, id: string, given: Given): string {
  const row = existing(writing.store, object, id);
  if (object.frozen?.when(row.values) === true) throw refuse(object.frozen.errorCode, object.frozen.message);
  const changed = readFields(writing, object, given, false);
  const after = {
    ...row.values,
    ...changed,
    LastModifiedDate: writing.now,
    LastModifiedById: writing.userId,
    SystemModstamp: writing.now,
  };
  check(writing, object, after, row);
  writing.transaction.write("UPDATE", { ...row, values: after });
  return row.id;
}

export interface Upserted {
  readonly id: string;
  readonly created: boolean;
}

/** Several records under one external id, which is not unique. */
export class SeveralMatches extends ApiError {
  readonly rows: readonly Row[];
  constructor(rows: readonly Row[], field: string) {
    super(300, {
      errorCode: "DUPLICATE_EXTERNAL_ID",
      message: `${field}: more than one record found for external id field: [${rows.map(({ id }) => id).join(", ")}]`,
    });
    this.rows = rows;
  }
}

export function upsertRecord(
  writing: Writing,
  object: ObjectSchema,
  by: { readonly field: Field; readonly value: string },
  given: Given,
  updateOnly = false,
): Upserted {
  const { field, value } = by;
  if (schemaName(given, field.name) !== undefined) {
    throw refuse("INVALID_FIELD", `The ${field.name} field should not be specified in the sobject data.`, [
      field.name,
    ]);
  }
  if (field.type === "id") return { id: updateRecord(writing, object, value, given), created: false };
  const rows = writing.store.find(object, field.name, readValue(field, value));
  if (rows.length > 1) throw new SeveralMatches(rows, field.name);
  const [row] = rows;
  if (row !== undefined) return { id: updateRecord(writing, object, row.id, given), created: false };
  if (updateOnly) throw notFound(`Provided external ID field does not exist or is not accessible: ${value}`);
  return { id: createRecord(writing, object, { ...given, [field.name]: value }), created: true };
}

export function deleteRecord(writing: Writing, object: ObjectSchema, id: string): string {
  const row = existing(writing.store, object, id);
  if (writing.rejection !== null) throw writing.rejection;
  const stamp = {
    LastModifiedDate: writing.now,
    LastModifiedById: writing.userId,
    SystemModstamp: writing.now,
  };
  writing.transaction.write("DELETE", { ...row, values: { ...row.values, ...stamp, IsDeleted: true } });
  return row.id;
}

/** Answers the id of what was enqueued, which is not the identity of the event. */
export function publishEvent(
  writing: Writing,
  object: ObjectSchema,
  given: Given,
): { id: string; uuid: string } {
  const values = readFields(writing, object, given, true);
  check(writing, object, values, null);
  const uuid = writing.newUuid();
  writing.publications.push({
    object,
    values: { ...values, CreatedDate: writing.now, CreatedById: writing.userId },
    uuid,
  });
  return { id: writing.transaction.newId(object), uuid };
}

/** Errors: NOT_FOUND for an id that leads nowhere, ENTITY_IS_DELETED for a deleted row. */
export function existing(store: Store, object: ObjectSchema, id: string): Row {
  const whole = normalizeId(id);
  const row = whole === null ? undefined : store.row(object, whole);
  if (row === undefined)
    throw notFound(`Provided external ID field does not exist or is not accessible: ${id}`);
  if (row.values.IsDeleted === true) {
    throw new ApiError(404, { errorCode: "ENTITY_IS_DELETED", message: "entity is deleted" });
  }
  return row;
}

function schemaName(given: Given, name: string): string | undefined {
  return Object.keys(given).find((one) => one.toLowerCase() === name.toLowerCase());
}

function readFields(
  writing: Writing,
  object: ObjectSchema,
  given: Given,
  isNew: boolean,
): Record<string, Value> {
  const { schema } = writing;
  const values: Record<string, Value> = {};
  for (const [name, raw] of Object.entries(given)) {
    if (name === "attributes") continue;
    const parent = schema.parent(object, name);
    if (parent !== undefined) {
      values[parent.name] = foreignKey(writing, parent, raw);
      continue;
    }
    const field = schema.field(object, name);
    if (field === undefined) throw noSuchColumn(object, name);
    if (field.system === true) {
      const detail = "Unable to create/update fields";
      const hint =
        "Please check the security settings of this field and verify that it is read/write for your profile or permission set.";
      throw refuse("INVALID_FIELD_FOR_INSERT_UPDATE", `${detail}: ${field.name}. ${hint}`, [field.name]);
    }
    values[field.name] = readValue(field, raw);
    // An absent reference and one that leads nowhere are different things.
    if (field.type === "reference" && values[field.name] !== null)
      checkReference(writing, field, values[field.name]);
  }
  return isNew ? Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)) : values;
}

export function noSuchColumn(object: ObjectSchema, name: string): ApiError {
  return refuse("INVALID_FIELD", `No such column '${name}' on sobject of type ${object.name}`);
}

/** `Account__r: {Account_Key__c: "acct-0001"}`: a reference by external id. */
function foreignKey({ schema, store }: Writing, reference: Field, raw: unknown): Value {
  const target = schema.object(reference.references as string) as ObjectSchema;
  const entries = Object.entries((raw ?? {}) as object).filter(([name]) => name !== "attributes");
  const [entry] = entries;
  const field = entry === undefined ? undefined : schema.field(target, entry[0]);
  if (entries.length !== 1 || field?.externalId !== true) {
    throw refuse("INVALID_FIELD", `Foreign key external ID expected for ${reference.relationship}`, [
      reference.name,
    ]);
  }
  const value = String(entry?.[1]);
  const rows = store.find(target, field.name, value);
  if (rows.length === 1) return (rows[0] as Row).id;
  throw refuse(
    "INVALID_FIELD",
    `Foreign key external ID: ${value} not found for field ${field.name} in entity ${target.name}`,
  );
}

function checkReference({ schema, store }: Writing, field: Field, id: Value | undefined): void {
  const target = schema.object(field.references as string);
  const row = target === undefined ? undefined : store.row(target, String(id));
  if (row !== undefined && row.values.IsDeleted !== true) return;
  throw refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [field.name]);
}

/** What is asked of a record as it would stand: required fields, uniqueness, the org's own rules, then the simulated refusal. */
function check(writing: Writing, object: ObjectSchema, after: Values, before: Row | null): void {
  const missing = object.fields
    .filter(({ required, name }) => required === true && (after[name] ?? null) === null)
    .map(({ name }) => name);
  if (missing.length > 0) {
    throw refuse("REQUIRED_FIELD_MISSING", `Required fields are missing: [${missing.join(", ")}]`, missing);
  }
  for (const { name, unique } of object.fields) {
    if (unique === undefined || (after[name] ?? null) === null) continue;
    const other = writing.store.find(object, name, after[name] as Value).find(({ id }) => id !== before?.id);
    if (other === undefined) continue;
    const message = `duplicate value found: ${name} duplicates value on record with id: ${other.id}`;
    throw refuse("DUPLICATE_VALUE", message);
  }
  const rowsOf = (name: string): readonly Values[] => {
    const other = writing.schema.object(name);
    const rows = other === undefined ? [] : writing.store.rows(other);
    return rows.map(({ values }) => values).filter(({ IsDeleted }) => IsDeleted !== true);
  };
  for (const { refuses, message, field } of object.rules ?? []) {
    if (!refuses(after, before?.values ?? null, rowsOf)) continue;
    throw refuse("FIELD_CUSTOM_VALIDATION_EXCEPTION", message, field === undefined ? [] : [field]);
  }
  if (writing.rejection !== null) throw writing.rejection;
}
