import { Failure } from "@entente/core/model";
import type { FastifyInstance } from "fastify";
import { Compile, type XSchema } from "typebox/schema";
import { escapePointer } from "./json-body.ts";
import { type FieldError, Invalid } from "./problem.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The body may be left out; the handler then sees an empty object. */
    bodyOptional?: true;
  }
}

/** Errors told of one request; a broken client learns no more from the hundredth. */
const errorsTold = 8;

/**
 * Schemas are checked as JSON Schema 2020-12 and nothing is bent to fit: "5" is not a number, unknown members are not dropped.
 * Only query values, which are always text, become numbers where the schema wants one.
 */
export function checkBySchema(app: FastifyInstance): void {
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const validator = Compile(schema as XSchema);
    const numbers = httpPart === "querystring" ? numbersIn(schema) : [];
    return (value: unknown) => {
      if (numbers.length > 0) readNumbers(value, numbers);
      if (validator.Check(value)) return true;
      return { error: refusal(httpPart, validator.Errors(value)[1] as readonly SchemaError[]) };
    };
  });
  app.addHook("onRoute", (route) => {
    if (route.config?.bodyOptional !== true) return;
    route.preValidation = (request, _reply, done) => {
      // `null` was sent, and is not an object.
      if (request.body === undefined) request.body = {};
      done();
    };
  });
  // Response schemas are documentation and are held against answers by tests; at run time plain JSON is faster and says all.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: {
    readonly requiredProperties?: readonly string[];
    readonly additionalProperties?: readonly string[];
  };
  readonly message: string;
}

function refusal(httpPart: string | undefined, errors: readonly SchemaError[]): Failure {
  // A path that names nothing we could have is a path to nothing.
  if (httpPart === "params") return new Failure("refused", "route-unknown", "There is nothing at this path.");
  if (httpPart === "headers") return new Failure("refused", "request-malformed", "A header does not fit.");
  return new Invalid(httpPart === "body" ? "body-invalid" : "query-invalid", fieldErrors(errors));
}

function fieldErrors(errors: readonly SchemaError[]): FieldError[] {
  const told = errors.flatMap((error): FieldError[] => {
    const { requiredProperties, additionalProperties } = error.params;
    const at = (name: string) => `${error.instancePath}/${escapePointer(name)}`.slice(0, 200);
    if (requiredProperties !== undefined) {
      return requiredProperties.map((name) => ({ pointer: at(name), detail: "is required" }));
    }
    if (additionalProperties !== undefined) {
      return additionalProperties.map((name) => ({ pointer: at(name), detail: "is not known here" }));
    }
    if (error.keyword === "boolean") return [];
    return [{ pointer: error.instancePath.slice(0, 200), detail: error.message }];
  });
  return told.slice(0, errorsTold);
}

function numbersIn(schema: unknown): string[] {
  const properties = (schema as { properties?: Record<string, { type?: unknown }> }).properties ?? {};
  return Object.keys(properties).filter((name) =>
    ["integer", "number"].includes(String(properties[name]?.type)),
  );
}

function readNumbers(value: unknown, names: readonly string[]): void {
  const query = value as Record<string, unknown>;
  for (const name of names) {
    const text = query[name];
    if (typeof text === "string" && /^-?\d{1,15}$/.test(text)) query[name] = Number(text);
  }
}
