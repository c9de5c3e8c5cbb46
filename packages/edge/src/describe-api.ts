import type { ContextDefinition, System } from "@entente/core";
import type { FastifyPluginAsync } from "fastify";
import type { EdgeError } from "./edge-errors.ts";
import type { ApiInfo } from "./openapi.ts";
import { buildEdge } from "./server.ts";

export interface ApiToDescribe extends ApiInfo {
  readonly errors?: readonly EdgeError[];
  /** The system's contexts as they are declared: all that routes may know of it before they are called. */
  readonly contexts: readonly ContextDefinition[];
  /** The system's own routes, as they are given to buildEdge. */
  readonly routes: (system: System) => readonly FastifyPluginAsync[];
}

/**
 * The OpenAPI 3.1 document that the edge of a system answers in production, without running it: nothing listens, no database is asked.
 * Routes may not ask the system for anything before they are called, except which contexts there are.
 */
export async function describeApi({ routes, contexts, ...info }: ApiToDescribe): Promise<object> {
  const system = nobody(contexts);
  const edge = await buildEdge({
    ...info,
    system,
    mode: "production",
    // Keys are fetched when the first token comes, and none will.
    tokens: { key: { kind: "jwks", url: "https://issuer.invalid/keys" }, issuer: "-", audience: "-" },
    routes: routes(system),
  });
  try {
    return (edge.app as unknown as { swagger(): object }).swagger();
  } finally {
    await edge.close();
  }
}

/** Stands where the system would: whoever asks it before a request came has made a mistake. */
function nobody(contexts: readonly ContextDefinition[]): System {
  return new Proxy({} as System, {
    get(_, name) {
      if (name === "contexts")
        return new Map(contexts.map((definition) => [definition.name, { definition }]));
      throw new TypeError(`A description of the API asked the system for ${String(name)}.`);
    },
  });
}
