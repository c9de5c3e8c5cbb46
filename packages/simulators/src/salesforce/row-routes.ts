import { createHash } from "node:crypto";
import { ApiError, notFound, refuse } from "./api-error.ts";
import { readValue } from "./read-value.ts";
import { jsonObjectOf, type RestAnswer, type RestCall, type RestRoute, rowObjectOf } from "./rest-call.ts";
import type { Field, ObjectSchema } from "./schema.ts";
import { shownRecord } from "./shown-record.ts";
import type { Row } from "./store.ts";
import {
  createRecord,
  deleteRecord,
  existing,
  publishEvent,
  SeveralMatches,
  updateRecord,
  upsertRecord,
} from "./writing.ts";

/** Rows one at a time: by id, by external id; and platform events, which are published as if they were rows. */
export const rowRoutes: readonly RestRoute[] = [
  {
    method: "POST",
    path: "sobjects/:object",
    operation: ({ object = "" }) => (object.endsWith("__e") ? "publish-event" : "create-row"),
    handle: create,
  },
  {
    method: "GET",
    path: "sobjects/:object/:id",
    operation: () => "read-row",
    handle: (call) => read(call, existing(call.org.store, rowObjectOf(call), call.params.id ?? "")),
  },
  {
    method: "PATCH",
    path: "sobjects/:object/:id",
    operation: () => "update-row",
    handle(call) {
      const object = rowObjectOf(call);
      const row = existing(call.org.store, object, call.params.id ?? "");
      checkPreconditions(call, row);
      updateRecord(call.writing, object, row.id, jsonObjectOf(call));
      return { status: 204 };
    },
  },
  {
    method: "DELETE",
    path: "sobjects/:object/:id",
    operation: () => "delete-row",
    handle(call) {
      deleteRecord(call.writing, rowObjectOf(call), call.params.id ?? "");
      return { status: 204 };
    },
  },
  {
    method: "GET",
    path: "sobjects/:object/:field/:value",
    operation: () => "read-row",
    handle: (call) => read(call, byExternalId(call)),
  },
  {
    method: "PATCH",
    path: "sobjects/:object/:field/:value",
    operation: () => "upsert-row",
    handle: upsert,
  },
  {
    method: "DELETE",
    path: "sobjects/:object/:field/:value",
    operation: () => "delete-row",
    handle(call) {
      const { object, id } = byExternalId(call);
      deleteRecord(call.writing, object, id);
      return { status: 204 };
    },
  },
];

function create(call: RestCall): RestAnswer {
  const object = call.org.schema.object(call.params.object ?? "");
  if (object === undefined) throw notFound();
  if (object.kind === "event") {
    const { id, uuid } = publishEvent(call.writing, object, jsonObjectOf(call));
    const enqueued = { statusCode: "OPERATION_ENQUEUED", message: uuid, fields: [] };
    return { status: 201, body: { id, success: true, errors: [enqueued] } };
  }
  const id = createRecord(call.writing, object, jsonObjectOf(call));
  const headers = { location: `${call.base}/sobjects/${object.name}/${id}` };
  return { status: 201, headers, body: { id, success: true, errors: [] } };
}

function upsert(call: RestCall): RestAnswer {
  const object = rowObjectOf(call);
  const field = externalIdField(call, object);
  const value = call.params.value ?? "";
  const updateOnly = call.query.get("updateOnly") === "true";
  const [present] =
    field.type === "id" ? [] : call.org.store.find(object, field.name, readValue(field, value));
  if (present !== undefined) checkPreconditions(call, present);
  const { id, created } = upsertRecord(
    call.writing,
    object,
    { field, value },
    jsonObjectOf(call),
    updateOnly,
  );
  const headers = { location: `${call.base}/sobjects/${object.name}/${id}` };
  const body = { id, success: true, errors: [], created };
  return created ? { status: 201, headers, body } : { status: 200, body };
}

function byExternalId(call: RestCall): Row {
  const object = rowObjectOf(call);
  const field = externalIdField(call, object);
  const value = call.params.value ?? "";
  if (field.type === "id") return existing(call.org.store, object, value);
  const rows = call.org.store.find(object, field.name, readValue(field, value));
  const [row] = rows;
  if (row === undefined) throw notFound();
  if (rows.length > 1) throw new SeveralMatches(rows, field.name);
  return row;
}

/** Errors: 404 NOT_FOUND when the field is none to upsert by. */
export function externalIdField({ org, params }: RestCall, object: ObjectSchema): Field {
  const name = params.field ?? "";
  const field = org.schema.field(object, name);
  if (field?.externalId === true || field?.type === "id") return field;
  throw notFound(`Provided external ID field does not exist or is not accessible: ${name}`);
}

function read(call: RestCall, row: Row): RestAnswer {
  const named = call.query.get("fields");
  const body = shownRecord(call.org.schema, row, call.base, named === null ? null : named.split(","));
  if (row.object.conditionalRequests !== true) return { status: 200, body };
  const headers = {
    etag: etagOf(row),
    "last-modified": new Date(String(row.values.SystemModstamp)).toUTCString(),
  };
  const wanted = tagsOf(call.headers["if-none-match"]);
  if (wanted !== null && matches(wanted, row)) return { status: 304, headers };
  if (!precondition(call, row)) throw preconditionFailed();
  return { status: 200, headers, body };
}

function checkPreconditions(call: RestCall, row: Row): void {
  if (row.object.conditionalRequests !== true) return;
  const unwanted = tagsOf(call.headers["if-none-match"]);
  if (!precondition(call, row) || (unwanted !== null && matches(unwanted, row))) throw preconditionFailed();
}

function precondition(call: RestCall, row: Row): boolean {
  const wanted = tagsOf(call.headers["if-match"]);
  return wanted === null || matches(wanted, row);
}

function preconditionFailed(): ApiError {
  const message = "The requested resource has been modified or does not match the precondition";
  return new ApiError(412, { errorCode: "PRECONDITION_FAILED", message });
}

/** Strong, with the suffix that Salesforce's compression leaves on it. */
function etagOf({ id, values }: Row): string {
  return `"${createHash("sha1").update(id).update(JSON.stringify(values)).digest("base64")}-gzip"`;
}

function matches(tags: readonly string[], row: Row): boolean {
  const present = etagOf(row);
  return tags.some((tag) => tag === "*" || tag === present || tag === present.replace('-gzip"', '"'));
}

/** Null: no such header. Errors: 400 for a value that is no list of strong tags. */
function tagsOf(header: string | undefined): readonly string[] | null {
  if (header === undefined) return null;
  const tags = header.split(",").map((tag) => tag.trim());
  if (tags.every((tag) => tag === "*" || /^"[^"]*"$/.test(tag))) return tags;
  throw refuse("INVALID_HEADER_VALUE", `malformed entity tag: ${header}`);
}
