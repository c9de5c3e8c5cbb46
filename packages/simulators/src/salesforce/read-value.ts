import { refuse } from "./api-error.ts";
import { normalizeId } from "./record-id.ts";
import type { Field } from "./schema.ts";
import type { Value } from "./value.ts";

/**
 * Reads one field of a request's JSON.
 * Errors: those of Salesforce for a value that does not fit, as ApiError; whether a reference leads anywhere is not asked here.
 */
export function readValue(field: Field, given: unknown): Value {
  if (given === null || given === "") return null;
  switch (field.type) {
    case "boolean":
      if (typeof given === "boolean") return given;
      if (given === "true" || given === "false") return given === "true";
      throw cannotRead("boolean", given);
    case "double":
      return readNumber(field, given);
    case "date":
    case "datetime":
      return readTime(field.type, given);
    case "id":
    case "reference":
      return readReference(field, given);
    default:
      return readText(field, given);
  }
}

function readText(field: Field, given: unknown): string {
  if (typeof given === "object") throw cannotRead("string", given);
  const text = String(given);
  if (field.values !== undefined && !field.values.includes(text)) {
    const message = `${field.label}: bad value for restricted picklist field: ${text}`;
    throw refuse("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name]);
  }
  const { length = 255 } = field;
  if (text.length > length) {
    const message = `${field.label}: data value too large: ${text} (max length=${length})`;
    throw refuse("STRING_TOO_LONG", message, [field.name]);
  }
  if (field.type === "email" && !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(text)) {
    throw refuse("INVALID_EMAIL_ADDRESS", `${field.label}: invalid email address: ${text}`, [field.name]);
  }
  return text;
}

function readNumber(field: Field, given: unknown): number {
  const number = typeof given === "string" ? Number(given) : given;
  if (typeof number !== "number" || !Number.isFinite(number)) throw cannotRead("double", given);
  const { precision = 18, scale = 0 } = field;
  if (Math.abs(number) >= 10 ** (precision - scale)) {
    const message = `${field.label}: value outside of valid range on numeric field: ${number}`;
    throw refuse("NUMBER_OUTSIDE_VALID_RANGE", message, [field.name]);
  }
  const unit = 10 ** scale;
  return Math.round(number * unit) / unit;
}

function readTime(type: "date" | "datetime", given: unknown): string {
  const pattern =
    type === "date" ? /^\d{4}-\d\d-\d\d$/ : /^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?$/;
  if (typeof given !== "string" || !pattern.test(given)) throw cannotRead(type, given);
  const at = Date.parse(given.replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  if (Number.isNaN(at)) throw cannotRead(type, given);
  return type === "date" ? given : new Date(at).toISOString();
}

function readReference(field: Field, given: unknown): string {
  const id = typeof given === "string" ? normalizeId(given) : null;
  if (id === null)
    throw refuse("MALFORMED_ID", `${field.label}: id value of incorrect type: ${given}`, [field.name]);
  return id;
}

function cannotRead(type: string, given: unknown) {
  const token = typeof given === "object" ? "START_OBJECT" : `VALUE_${typeof given}`.toUpperCase();
  const shown = typeof given === "object" ? JSON.stringify(given) : String(given);
  return refuse(
    "JSON_PARSER_ERROR",
    `Cannot deserialize instance of ${type} from ${token} value ${shown} or request may be missing a required field`,
  );
}
