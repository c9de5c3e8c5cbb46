import { type JsonSchema, keywordsOf, schemasIn } from "./json-schema.ts";

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isNumber = (value: unknown) => Number.isFinite(value);
const isText = (value: unknown) => typeof value === "string";
const isSchema = (value: unknown) =>
  typeof value === "boolean" || (typeof value === "object" && value !== null && !Array.isArray(value));
const isList = (value: unknown) => Array.isArray(value) && value.every(isSchema);
const isMap = (value: unknown) =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every(isSchema);

/** What a keyword's value has to be for its meaning to be certain. */
const shapes: Readonly<Record<string, (value: unknown) => boolean>> = {
  type: (value) => [value].flat().every(isText),
  enum: Array.isArray,
  minimum: isNumber,
  exclusiveMinimum: isNumber,
  maximum: isNumber,
  exclusiveMaximum: isNumber,
  multipleOf: (value) => isNumber(value) && (value as number) > 0,
  minLength: isCount,
  maxLength: isCount,
  minItems: isCount,
  maxItems: isCount,
  minProperties: isCount,
  maxProperties: isCount,
  pattern: isText,
  format: isText,
  $ref: isText,
  required: (value) => Array.isArray(value) && value.every(isText),
  uniqueItems: (value) => typeof value === "boolean",
  properties: isMap,
  patternProperties: isMap,
  additionalProperties: isSchema,
  additionalItems: isSchema,
  items: (value) => isSchema(value) || isList(value),
  prefixItems: isList,
  allOf: isList,
  anyOf: isList,
  oneOf: isList,
  not: isSchema,
};

/** The first keyword whose value makes no sense, in words; null when there is none. */
export function malformedIn(schema: JsonSchema): string | null {
  if (!isSchema(schema)) return "it is no schema";
  for (const one of schemasIn(schema)) {
    const words = keywordsOf(one);
    for (const [keyword, fits] of Object.entries(shapes)) {
      if (Object.hasOwn(words, keyword) && !fits(words[keyword])) {
        return `${keyword} is ${JSON.stringify(words[keyword])}`;
      }
    }
  }
  return null;
}
