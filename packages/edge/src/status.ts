import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import type { EdgeContext } from "./edge-context.ts";

const StatusSchema = Type.Object(
  {
    maintenance: Type.Boolean({
      description: "Show the maintenance banner. Commands are accepted all the same.",
    }),
    backlog: Type.Integer({ description: "Commands accepted and not ended." }),
    expectedWaitSeconds: Type.Integer(),
    contexts: Type.Array(
      Type.Object({
        name: Type.String(),
        state: Type.Enum(["up", "paused", "down"]),
        lagMs: Type.Number({ description: "Age of the oldest entry not dealt with, milliseconds." }),
      }),
    ),
  },
  { description: "The system as a whole; nothing of any tenant." },
);

/** `GET /status`: for the app's banner. */
export function statusRoute({ system }: EdgeContext): FastifyPluginAsync {
  return async (app) => {
    app.route({
      method: "GET",
      url: "/status",
      exposeHeadRoute: true,
      config: { access: { public: true } },
      schema: {
        operationId: "readStatus",
        summary: "Whether the system is well, and how long commands wait",
        tags: ["status"],
        response: { 200: StatusSchema },
      },
      handler: async (_request, reply) => {
        reply.header("cache-control", "no-store");
        return system.status();
      },
    });
  };
}
