import { notFound } from "./api-error.ts";
import type { RestAnswer, RestCall, RestRoute } from "./rest-call.ts";
import type { Field, ObjectSchema, Schema } from "./schema.ts";

/** The schema never changes: this is when it was made. */
const schemaModifiedAt = Date.parse("2026-11-01T08:00:00.000Z");

/** What there is: objects, their fields, how they hang together. */
export const describeRoutes: readonly RestRoute[] = [
  {
    method: "GET",
    path: "sobjects",
    operation: () => "describe-global",
    handle: (call) =>
      unlessUnmodified(call, () => ({
        encoding: "UTF-8",
        maxBatchSize: 200,
        sobjects: call.org.schema.objects.map((object) => summary(object, call.base)),
      })),
  },
  {
    method: "GET",
    path: "sobjects/:object",
    operation: () => "read-object",
    handle: (call) => ({
      status: 200,
      body: { objectDescribe: summary(objectOf(call), call.base), recentItems: [] },
    }),
  },
  {
    method: "GET",
    path: "sobjects/:object/describe",
    operation: () => "describe-object",
    handle(call) {
      const object = objectOf(call);
      return unlessUnmodified(call, () => ({
        ...summary(object, call.base),
        fields: object.fields.map(describeField),
        childRelationships: childrenOf(call.org.schema, object),
        recordTypeInfos: [],
      }));
    },
  },
];

function objectOf({ org, params }: RestCall): ObjectSchema {
  const object = org.schema.object(params.object ?? "");
  if (object === undefined) throw notFound();
  return object;
}

function unlessUnmodified(call: RestCall, describe: () => object): RestAnswer {
  const headers = { "last-modified": new Date(schemaModifiedAt).toUTCString() };
  const since = Date.parse(call.headers["if-modified-since"] ?? "");
  if (since >= schemaModifiedAt) return { status: 304, headers };
  return { status: 200, headers, body: describe() };
}

function summary(object: ObjectSchema, base: string): object {
  const { name, label, labelPlural, keyPrefix, kind } = object;
  const isRow = kind === "object";
  const urls: Record<string, string> = {
    sobject: `${base}/sobjects/${name}`,
    describe: `${base}/sobjects/${name}/describe`,
  };
  if (isRow) urls.rowTemplate = `${base}/sobjects/${name}/{ID}`;
  return {
    name,
    label,
    labelPlural,
    keyPrefix,
    custom: /__[ce]$/.test(name),
    customSetting: false,
    createable: true,
    updateable: isRow,
    deletable: isRow,
    undeletable: isRow,
    queryable: isRow,
    retrieveable: isRow,
    replicateable: isRow,
    searchable: false,
    triggerable: true,
    urls,
  };
}

function describeField(field: Field): object {
  const { name, label, type, length = 0, precision = 0, scale = 0, references, relationship } = field;
  const isText = ["id", "reference", "string", "textarea", "picklist", "email", "phone"].includes(type);
  const writable = field.system !== true;
  return {
    name,
    label,
    type,
    length: isText ? (type === "reference" ? 18 : length || 255) : 0,
    byteLength: isText ? (length || 255) * 3 : 0,
    precision,
    scale,
    digits: 0,
    nillable: field.required !== true && writable,
    unique: field.unique !== undefined,
    caseSensitive: field.unique === "case-sensitive",
    externalId: field.externalId === true,
    idLookup: type === "id" || field.externalId === true,
    custom: name.endsWith("__c"),
    createable: writable,
    updateable: writable,
    filterable: type !== "textarea",
    sortable: type !== "textarea",
    groupable: type !== "textarea" && type !== "double",
    defaultedOnCreate: field.defaultValue !== undefined || !writable,
    defaultValue: field.defaultValue ?? null,
    restrictedPicklist: type === "picklist",
    picklistValues: (field.values ?? []).map((value) => ({
      value,
      label: value,
      active: true,
      defaultValue: value === field.defaultValue,
    })),
    referenceTo: references === undefined ? [] : [references],
    relationshipName: relationship ?? null,
  };
}

function childrenOf({ objects }: Schema, parent: ObjectSchema): readonly object[] {
  return objects.flatMap((child) =>
    child.fields
      .filter(({ references }) => references === parent.name)
      .map(({ name, childRelationship }) => ({
        childSObject: child.name,
        field: name,
        relationshipName: childRelationship ?? null,
        cascadeDelete: false,
      })),
  );
}
