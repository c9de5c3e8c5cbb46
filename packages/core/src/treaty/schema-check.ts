import type { TSchema } from "typebox";
import { Compile, type XSchema } from "typebox/schema";

/** Says what is wrong with a value, briefly and without its content; null when nothing is. */
export type SchemaCheck = (value: unknown) => string | null;

/** Compiles a schema once. What the schema does not mention is passed over, as its author says. */
export function validatorOf(schema: TSchema): SchemaCheck {
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
