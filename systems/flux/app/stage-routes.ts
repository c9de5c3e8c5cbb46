import type { System } from "@entente/core";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { readOpenInStageA } from "./open-in-stage-a.ts";
import { hasStageA, type Stage, stages } from "./stage.ts";

const count = (description: string) => Type.Integer({ description });

const StageAnswer = Type.Object(
  {
    stage: Type.Enum([...stages], { description: "What this program runs." }),
    openInStageA: Type.Union(
      [
        Type.Object({
          topUps: count("Top-ups accepted as requests whose processes have not ended."),
          requests: count("Requests whose record at the authority has not its outcome yet."),
          handOffs: count("Hand-offs of stage A's own treaties that are under way or wait for a person."),
          setAside: count("Entries of stage A that were set aside."),
          oldest: Type.Union([
            Type.Object({
              processId: Type.String({ format: "uuid" }),
              since: Type.String({ format: "date-time" }),
            }),
            Type.Null(),
          ]),
        }),
        Type.Null(),
      ],
      {
        description:
          "What was begun in stage A and is not over, of all tenants. Null in stage B, which did not start before it was nothing.",
      },
    ),
  },
  { description: "The stage, and what stands between the crossing and stage B." },
);

/** `GET /ops/stage`: how far the crossing from stage A to stage B has come. */
export function stageRoutes(system: System, stage: Stage): FastifyPluginAsync {
  return async (app) => {
    app.route({
      method: "GET",
      url: "/ops/stage",
      config: { access: { roles: ["operator", "auditor"] } },
      schema: {
        operationId: "readStage",
        summary: "The stage that runs, and what of stage A is still open",
        tags: ["operations"],
        response: { 200: StageAnswer },
      },
      handler: async (_request, reply) => {
        reply.header("cache-control", "no-store");
        if (!hasStageA(stage)) return { stage, openInStageA: null };
        const { oldest, ...open } = await readOpenInStageA((name) => {
          const context = system.contexts.get(name);
          if (context === undefined) throw new Error(`Flux has no context ${name}`);
          return context.database;
        });
        const shown =
          oldest === null
            ? null
            : { processId: oldest.processId, since: new Date(oldest.since).toISOString() };
        return { stage, openInStageA: { ...open, oldest: shown } };
      },
    });
  };
}
