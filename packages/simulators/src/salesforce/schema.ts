import type { Value, Values } from "./value.ts";

export type FieldType =
  | "id"
  | "reference"
  | "string"
  | "textarea"
  | "picklist"
  | "email"
  | "phone"
  | "boolean"
  | "double"
  | "date"
  | "datetime";

/** One field of an object, as an administrator would set it up. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: FieldType;
  /** Characters, for text. */
  readonly length?: number;
  /** Digits in all and after the point, for numbers. */
  readonly precision?: number;
  readonly scale?: number;
  readonly required?: boolean;
  /** Can be upserted by. */
  readonly externalId?: boolean;
  readonly unique?: "case-sensitive" | "case-insensitive";
  /** Of a picklist; restricted to them. */
  readonly values?: readonly string[];
  readonly defaultValue?: Value;
  /** Object that a reference points to, the name of the way there, and of the way back. */
  readonly references?: string;
  readonly relationship?: string;
  readonly childRelationship?: string;
  /** Set by Salesforce alone. */
  readonly system?: boolean;
}

/** Refuses a write with FIELD_CUSTOM_VALIDATION_EXCEPTION. */
export interface ValidationRule {
  readonly name: string;
  readonly message: string;
  readonly field?: string;
  /** `before` is null for a new record. `rowsOf`: what a trigger may look up, the rows of another object that are not deleted. */
  refuses(after: Values, before: Values | null, rowsOf: (object: string) => readonly Values[]): boolean;
}

export interface ObjectSchema {
  readonly name: string;
  readonly label: string;
  readonly labelPlural: string;
  /** `event`: a platform event; it can be published and not read. */
  readonly kind: "object" | "event";
  readonly keyPrefix: string;
  readonly fields: readonly Field[];
  readonly rules?: readonly ValidationRule[];
  /** A number that Salesforce gives by itself, such as `ENT-000001` in Name. */
  readonly autoNumber?: { readonly field: string; readonly prefix: string; readonly digits: number };
  /** A record that stands so is changed by nobody any more. */
  readonly frozen?: {
    readonly when: (values: Values) => boolean;
    readonly errorCode: string;
    readonly message: string;
  };
  /** Change Data Capture is switched on. */
  readonly changeEvents?: boolean;
  /** Rows answer with an ETag and honour If-Match. Documented for Account only. */
  readonly conditionalRequests?: boolean;
  /** Field that business knows a record by. */
  readonly keyField?: string;
  /** Fields in which writers leave the keys of the commands that caused changes, one for each kind of command. */
  readonly markerFields?: readonly string[];
}

const system = { system: true } as const;

/** Fields that every object has. */
const systemFields: readonly Field[] = [
  { name: "Id", label: "Record ID", type: "id", length: 18, ...system },
  { name: "IsDeleted", label: "Deleted", type: "boolean", ...system },
  { name: "CreatedDate", label: "Created Date", type: "datetime", ...system },
  { name: "CreatedById", label: "Created By ID", type: "reference", references: "User", ...system },
  { name: "LastModifiedDate", label: "Last Modified Date", type: "datetime", ...system },
  {
    name: "LastModifiedById",
    label: "Last Modified By ID",
    type: "reference",
    references: "User",
    ...system,
  },
  { name: "SystemModstamp", label: "System Modstamp", type: "datetime", ...system },
];

/** Fields that every platform event has. */
const eventFields: readonly Field[] = [
  { name: "CreatedDate", label: "Created Date", type: "datetime", ...system },
  { name: "CreatedById", label: "Created By ID", type: "reference", references: "User", ...system },
];

/** The objects of one org. Names are found without regard to case, as Salesforce does. */
export interface Schema {
  readonly objects: readonly ObjectSchema[];
  object(name: string): ObjectSchema | undefined;
  field(object: ObjectSchema, name: string): Field | undefined;
  /** The reference field of that relationship, such as `Account__r` of `Account__c`. */
  parent(object: ObjectSchema, relationship: string): Field | undefined;
  /** The object and field on the other side, such as Contact.AccountId for `Contacts`. */
  children(object: ObjectSchema, relationship: string): { object: ObjectSchema; field: Field } | undefined;
}

export function openSchema(declared: readonly ObjectSchema[]): Schema {
  const objects = declared.map((object) => ({
    ...object,
    fields: [...(object.kind === "event" ? eventFields : systemFields), ...object.fields],
  }));
  const byName = new Map(objects.map((object) => [object.name.toLowerCase(), object]));
  const fields = new Map(
    objects.map((object) => [
      object.name,
      new Map(object.fields.map((field) => [field.name.toLowerCase(), field])),
    ]),
  );
  const same = (a: string | undefined, b: string) => a?.toLowerCase() === b.toLowerCase();
  return {
    objects,
    object: (name) => byName.get(name.toLowerCase()),
    field: (object, name) => fields.get(object.name)?.get(name.toLowerCase()),
    parent: (object, relationship) => object.fields.find((field) => same(field.relationship, relationship)),
    children(object, relationship) {
      for (const other of objects) {
        const field = other.fields.find(
          (one) => one.references === object.name && same(one.childRelationship, relationship),
        );
        if (field !== undefined) return { object: other, field };
      }
      return undefined;
    },
  };
}
