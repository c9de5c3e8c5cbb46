import { Failure } from "@entente/core/model";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import type { EdgeContext } from "./edge-context.ts";

const Well = Type.Object({ status: Type.String({ examples: ["ok"] }) }, { description: "Yes." });

/** `GET /healthz`: the process answers. `GET /readyz`: it can take commands; 503 while the store is away or the server closes. */
export function healthRoutes({ system, closing }: EdgeContext): FastifyPluginAsync {
  return async (app) => {
    app.route({
      method: "GET",
      url: "/healthz",
      exposeHeadRoute: true,
      config: { access: { public: true } },
      schema: {
        operationId: "readLiveness",
        summary: "Whether the process is alive",
        tags: ["status"],
        response: { 200: Well },
      },
      handler: async (_request, reply) => {
        reply.header("cache-control", "no-store");
        return { status: "ok" };
      },
    });
    app.route({
      method: "GET",
      url: "/readyz",
      exposeHeadRoute: true,
      config: { access: { public: true }, problems: ["not-ready"] },
      schema: {
        operationId: "readReadiness",
        summary: "Whether commands are taken",
        tags: ["status"],
        response: { 200: Well },
      },
      handler: async (_request, reply) => {
        if (closing()) throw new Failure("unavailable", "not-ready", "The server is shutting down.");
        await system.ready().catch((error: unknown) => {
          throw new Failure("unavailable", "not-ready", "The store does not answer.", { cause: error });
        });
        reply.header("cache-control", "no-store");
        return { status: "ok" };
      },
    });
  };
}
