import { ApiError, recordError, refuse } from "./api-error.ts";
import { jsonObjectOf, type RestAnswer, type RestCall, type RestRoute, rowObjectOf } from "./rest-call.ts";
import { externalIdField } from "./row-routes.ts";
import type { ObjectSchema } from "./schema.ts";
import { shownRecord } from "./shown-record.ts";
import {
  createRecord,
  deleteRecord,
  existing,
  type Given,
  publishEvent,
  updateRecord,
  upsertRecord,
} from "./writing.ts";

const recordsAllowed = 200;

/** Up to 200 records at once. The answer is 200 whatever became of each; order is that of the request. */
export const collectionRoutes: readonly RestRoute[] = [
  {
    method: "POST",
    path: "composite/sobjects",
    operation: () => "create-rows",
    handle(call) {
      const { records, allOrNone } = recordsOf(call);
      return each(call, records, allOrNone, (record) => {
        const object = typeOf(call, record);
        if (object.kind === "object") return { id: createRecord(call.writing, object, record) };
        const { id, uuid } = publishEvent(call.writing, object, record);
        return { id, errors: [{ statusCode: "OPERATION_ENQUEUED", message: uuid, fields: [] }] };
      });
    },
  },
  {
    method: "PATCH",
    path: "composite/sobjects",
    operation: () => "update-rows",
    handle(call) {
      const { records, allOrNone } = recordsOf(call);
      return each(call, records, allOrNone, ({ id: lower, Id: upper, ...record }) => ({
        id: updateRecord(call.writing, typeOf(call, record), String(lower ?? upper ?? ""), record),
      }));
    },
  },
  {
    method: "PATCH",
    path: "composite/sobjects/:object/:field",
    operation: () => "upsert-rows",
    handle(call) {
      const object = rowObjectOf(call);
      const field = externalIdField(call, object);
      const { records, allOrNone } = recordsOf(call);
      const seen = new Set<string>();
      return each(call, records, allOrNone, ({ [field.name]: given, ...record }) => {
        const value = String(given ?? "");
        if (value === "") throw refuse("MISSING_ARGUMENT", `${field.name} not specified`);
        if (seen.has(value))
          throw refuse("DUPLICATE_VALUE", `Duplicate external id specified: ${value}`, [field.name]);
        seen.add(value);
        return upsertRecord(call.writing, object, { field, value }, record);
      });
    },
  },
  {
    method: "DELETE",
    path: "composite/sobjects",
    operation: () => "delete-rows",
    handle(call) {
      const ids = (call.query.get("ids") ?? "").split(",").filter((id) => id !== "");
      checkCount(ids);
      return each(call, ids, call.query.get("allOrNone") === "true", (id) => ({
        id: deleteRecord(call.writing, objectOfId(call, id), id),
      }));
    },
  },
  {
    method: "POST",
    path: "composite/sobjects/:object",
    operation: () => "read-rows",
    handle(call) {
      const { ids, fields } = jsonObjectOf(call);
      if (!isListOfText(ids) || !isListOfText(fields)) {
        throw refuse("JSON_PARSER_ERROR", "ids and fields are required lists");
      }
      return retrieve(call, ids, fields);
    },
  },
  {
    method: "GET",
    path: "composite/sobjects/:object",
    operation: () => "read-rows",
    handle: (call) =>
      retrieve(call, (call.query.get("ids") ?? "").split(","), (call.query.get("fields") ?? "").split(",")),
  },
];

function retrieve(call: RestCall, ids: readonly string[], fields: readonly string[]): RestAnswer {
  const object = rowObjectOf(call);
  if (ids.length > 2_000) throw tooMany();
  const body = ids.map((id) => {
    try {
      return shownRecord(call.org.schema, existing(call.org.store, object, id), call.base, fields);
    } catch (error) {
      // A missing record leaves a gap in its place; a wrong field is the whole request's fault.
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  });
  return { status: 200, body };
}

function recordsOf(call: RestCall): { readonly records: readonly Given[]; readonly allOrNone: boolean } {
  const { records, allOrNone } = jsonObjectOf(call);
  if (!Array.isArray(records)) throw refuse("JSON_PARSER_ERROR", "records is a required list");
  checkCount(records);
  return { records: records as readonly Given[], allOrNone: allOrNone === true };
}

function checkCount(items: readonly unknown[]): void {
  if (items.length > recordsAllowed) throw tooMany();
}

function tooMany(): ApiError {
  return refuse(
    "EXCEEDED_ID_LIMIT",
    `record limit reached. cannot submit more than ${recordsAllowed} records in this call`,
  );
}

interface Done {
  readonly id: string;
  readonly created?: boolean;
  readonly errors?: readonly object[];
}

/** Writes each item by itself; with allOrNone one failure takes back the others. */
function each<Item>(
  { writing }: RestCall,
  items: readonly Item[],
  allOrNone: boolean,
  write: (item: Item) => Done,
): RestAnswer {
  const { transaction, publications } = writing;
  const start = transaction.savepoint();
  const published = publications.length;
  const results = items.map((item) => {
    const savepoint = transaction.savepoint();
    try {
      return { ...write(item), success: true };
    } catch (error) {
      // What is no record's fault is the whole request's.
      if (!(error instanceof ApiError) || error.status === 403) throw error;
      transaction.rollBack(savepoint);
      return error;
    }
  });
  const failed = results.some((result) => result instanceof ApiError);
  if (failed && allOrNone) {
    transaction.rollBack(start);
    publications.splice(published);
  }
  const body = results.map((result) => {
    if (result instanceof ApiError) return { success: false, errors: [recordError(result)] };
    if (failed && allOrNone) return { success: false, errors: [recordError(rolledBack)] };
    return { errors: [], ...result };
  });
  return { status: 200, body };
}

const rolledBack = refuse(
  "ALL_OR_NONE_OPERATION_ROLLED_BACK",
  "Record rolled back because not all records were valid and the request was using AllOrNone header",
);

function typeOf({ org }: RestCall, record: Given): ObjectSchema {
  const name = (record.attributes as { type?: unknown } | undefined)?.type;
  const object = typeof name === "string" ? org.schema.object(name) : undefined;
  if (object === undefined) throw refuse("INVALID_TYPE", `sObject type '${String(name)}' is not supported.`);
  return object;
}

function objectOfId({ org }: RestCall, id: string): ObjectSchema {
  const object = org.schema.objects.find(
    ({ keyPrefix, kind }) => kind === "object" && id.startsWith(keyPrefix),
  );
  if (object === undefined) throw refuse("MALFORMED_ID", `bad id ${id}`);
  return object;
}

function isListOfText(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
