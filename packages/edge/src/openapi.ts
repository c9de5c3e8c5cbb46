import swagger from "@fastify/swagger";
import type { FastifyInstance, FastifyPluginAsync, RouteOptions } from "fastify";
import { Type } from "typebox";
import type { EdgeError } from "./edge-errors.ts";
import type { ProblemTable } from "./problem.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Codes this route answers with besides those every such route can. For the API description. */
    problems?: readonly string[];
    /** The route takes a command under an `Idempotency-Key`. For the API description. */
    command?: true;
  }
}

export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  readonly servers?: readonly { readonly url: string; readonly description?: string }[];
  /** Tags of the system's own routes, with their descriptions. */
  readonly tags?: readonly { readonly name: string; readonly description: string }[];
}

type Json = Record<string, unknown>;

const edgeTags = [
  { name: "treaties", description: "What counterparties say became of hand-offs." },
  { name: "processes", description: "What became of commands." },
  { name: "status", description: "Whether the system is well." },
  { name: "journals", description: "Journals for subscribers." },
  { name: "audit", description: "The audit log of a tenant, as c2sp.org/tlog-tiles has it." },
  { name: "operations", description: "Outage drill, dead letters, metrics." },
];
const devTag = { name: "dev", description: "For development only; absent in production." };

const ProblemSchema = Type.Object(
  {
    type: Type.String({ format: "uri-reference" }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: "Stable; listed in docs/reference/errors.md." }),
    processId: Type.Optional(Type.String({ format: "uuid" })),
    expectedWaitSeconds: Type.Optional(Type.Integer()),
    traceId: Type.Optional(Type.String()),
    errors: Type.Optional(
      Type.Array(Type.Object({ pointer: Type.String({ format: "json-pointer" }), detail: Type.String() })),
    ),
  },
  { additionalProperties: true, description: "RFC 9457 problem document." },
);

/** Collects every route registered after this. Errors: a route's `config.problems` that names an unknown code stops the start. */
export async function describeRoutes(
  app: FastifyInstance,
  info: ApiInfo,
  table: ProblemTable,
  dev: boolean,
): Promise<void> {
  const byCode = new Map(table.errors.map((entry) => [entry.code, entry]));
  const routes = new Map<string, RouteOptions>();
  app.addHook("onRoute", (route) => {
    for (const code of route.config?.problems ?? []) {
      if (!byCode.has(code))
        throw new TypeError(`${route.url} names ${code}, which is not in the error catalogue.`);
    }
    const operationId = route.schema?.operationId;
    if (operationId !== undefined && route.method !== "HEAD") routes.set(operationId, route);
  });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: info.title,
        version: info.version,
        description: info.description ?? "Every error is an RFC 9457 problem document with a stable `code`.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" } as never,
      },
      servers: [...(info.servers ?? [{ url: "/", description: "This server" }])],
      tags: [...(info.tags ?? []), ...edgeTags, ...(dev ? [devTag] : [])],
      components: {
        schemas: { Problem: structuredClone(ProblemSchema) as never },
        securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      },
    },
    transformObject: (document) => {
      const api = ("openapiObject" in document ? document.openapiObject : {}) as Json;
      api.paths = withNamedRests((api.paths ?? {}) as Record<string, Record<string, Json>>);
      for (const path of Object.values(api.paths as Record<string, Record<string, Json>>)) {
        for (const operation of Object.values(path)) {
          const route = routes.get(String(operation.operationId));
          if (route !== undefined) complete(operation, route, byCode);
        }
      }
      const tags = api.tags as { name: string }[];
      const used = [...routes.values()].flatMap((route) => route.schema?.tags ?? []);
      for (const name of new Set(used)) if (!tags.some((tag) => tag.name === name)) tags.push({ name });
      return api;
    },
  });
}

/** A router calls the rest of a path `*`, which OpenAPI takes for no name: here it is `rest`. */
function withNamedRests(paths: Record<string, Record<string, Json>>): Record<string, Record<string, Json>> {
  const named = Object.entries(paths).map(([path, operations]) => {
    if (!path.endsWith("/{*}")) return [path, operations] as const;
    for (const { parameters = [] } of Object.values(operations) as { parameters?: Json[] }[])
      for (const parameter of parameters) if (parameter.name === "*") parameter.name = "rest";
    return [path.replace("{*}", "{rest}"), operations] as const;
  });
  return Object.fromEntries(named);
}

/** Adds what every route of its kind has: security, the idempotency key, the problems. */
function complete(operation: Json, route: RouteOptions, byCode: ReadonlyMap<string, EdgeError>): void {
  const { access, command, bodyOptional } = route.config ?? {};
  operation.security = access !== undefined && "roles" in access ? [{ bearer: [] }] : [];
  if (access !== undefined && "roles" in access) operation["x-roles"] = access.roles;
  if (bodyOptional === true) (operation.requestBody as Json).required = false;
  if (command === true) {
    operation.parameters = [...((operation.parameters as Json[] | undefined) ?? []), idempotencyKey];
  }
  const responses = operation.responses as Record<string, Json>;
  for (const [status, errors] of byStatus(codesOf(route), byCode)) {
    responses[status] ??= problemResponse(errors);
  }
}

const idempotencyKey = {
  name: "Idempotency-Key",
  in: "header",
  required: true,
  description:
    "Names this request. Sent again with the same key and body it is answered the same and acts once.",
  schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" },
};

function codesOf(route: RouteOptions): string[] {
  const { access, command, problems = [] } = route.config ?? {};
  const codes = ["internal-error", "database-unavailable", "headers-too-large", ...problems];
  if (access !== undefined && "roles" in access) {
    codes.push(
      "token-missing",
      "token-invalid",
      "token-expired",
      "role-not-allowed",
      "token-keys-unavailable",
    );
  }
  if (command === true) {
    codes.push("idempotency-key-missing", "idempotency-key-invalid", "idempotency-key-reused");
    codes.push("backlog-full", "intake-full", "intake-closed", "acceptance-unknown");
  }
  if (route.schema?.body !== undefined) {
    codes.push("body-not-json", "body-too-large", "content-type-unsupported", "request-timeout");
    codes.push("body-invalid", "body-too-deep", "body-duplicate-key", "body-unsafe-key");
  }
  if (route.schema?.querystring !== undefined) codes.push("query-invalid");
  if (route.schema?.params !== undefined) codes.push("url-malformed", "route-unknown");
  return codes;
}

function byStatus(
  codes: readonly string[],
  byCode: ReadonlyMap<string, EdgeError>,
): Map<string, EdgeError[]> {
  const grouped = new Map<string, EdgeError[]>();
  for (const code of new Set(codes)) {
    const entry = byCode.get(code);
    if (entry === undefined) continue;
    const status = String(entry.status);
    grouped.set(status, [...(grouped.get(status) ?? []), entry]);
  }
  return grouped;
}

function problemResponse(errors: readonly EdgeError[]): Json {
  return {
    description: errors.map(({ code, meaning }) => `\`${code}\`: ${meaning}`).join(" "),
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  };
}

/** `GET /openapi.json`. Made once, at the first question. */
export function openapiRoute(): FastifyPluginAsync {
  let text: string | null = null;
  return async (app) => {
    app.route({
      method: "GET",
      url: "/openapi.json",
      config: { access: { public: true } },
      schema: {
        operationId: "readApiDescription",
        summary: "This description",
        tags: ["status"],
        response: { 200: Type.Object({}, { additionalProperties: true, description: "OpenAPI 3.1." }) },
      },
      handler: async (_request, reply) => {
        text ??= JSON.stringify(app.swagger());
        return reply.header("content-type", "application/json; charset=utf-8").send(text);
      },
    });
  };
}
