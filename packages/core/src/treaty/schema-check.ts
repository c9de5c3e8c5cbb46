import type { TSchema } from "typebox";
import { Compile, type XSchema } from "typebox/schema";

/** Says what is wrong with a value, briefly and without its content; null when nothing is. */
export type SchemaCheck = (value: unknown) => string | null;

const compiled = new WeakMap<TSchema, SchemaCheck>();

/** Compiles a schema, once for each. What the schema does not mention is passed over, as its author says. */
export function validatorOf(schema: TSchema): SchemaCheck {
  const known = compiled.get(schema) ?? compile(schema);
  compiled.set(schema, known);
  return known;
}

function compile(schema: TSchema): SchemaCheck {
  const validator = Compile(schema as XSchema);
  return (value) => {
    if (validator.Check(value)) return null;
    const [, errors] = validator.Errors(value) as [
      boolean,
      readonly { instancePath?: string; keyword?: string }[],
    ];
    const [first] = errors;
    return first === undefined
      ? "does not fit"
      : `${first.instancePath || "/"} ${first.keyword ?? "does not fit"}`;
  };
}
