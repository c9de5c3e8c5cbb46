import type { ServingLag, System } from "@entente/core";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import { isoTime } from "./process-answer.ts";
import { text, time } from "./treaty-lists.ts";

const FlowsShown = Type.Object(
  {
    at: time,
    minutes: Type.Integer(),
    flows: Type.Array(
      Type.Object({
        type: text,
        started: Type.Integer({ description: "Accepted in the last `minutes`." }),
        inFlight: Type.Integer({ description: "Of those, neither confirmed nor failed." }),
        p90Ms: Type.Union([Type.Number(), Type.Null()], {
          description:
            "What nine of ten customers have waited: until confirmed or, while in flight, until now at least. Null: nobody.",
        }),
        behind: Type.Array(
          Type.Object({
            kind: Type.Enum(["consumer", "treaty"]),
            context: text,
            name: text,
            journal: Type.Union([Type.String(), Type.Null()], {
              description: "Context whose journal a consumer reads.",
            }),
            waitedFor: Type.Boolean({ description: "Customers of this flow wait for it." }),
            lagMs: Type.Union([Type.Number(), Type.Null()], {
              description:
                "Age of the oldest entry of this flow that is not dealt with, or of the oldest hand-off without a result. Null: not known.",
            }),
            open: Type.Union([Type.Integer(), Type.Null()], { description: "Hand-offs without a result." }),
          }),
          { description: "All that serve the flow, as the contexts declare it." },
        ),
      }),
    ),
  },
  { description: "What customers wait, beside how far those are behind that serve them." },
);

const Asked = Type.Object(
  { minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_440, default: 15 })) },
  { additionalProperties: false },
);

/** `GET /ops/flows`: whether it is slow for customers, and who is behind. */
export function flowsRoute(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Querystring: { minutes?: number } }>({
      method: "GET",
      url: "/ops/flows",
      config: { access: { roles: ["operator", "auditor"] } },
      schema: {
        operationId: "listFlows",
        summary: "What customers wait by type of process, beside the lag of those that serve it",
        tags: ["operations"],
        querystring: Asked,
        response: { 200: FlowsShown },
      },
      handler: async (request, reply) => {
        const { minutes = 15 } = request.query;
        const flows = await system.flows.read(identityOf(request).tenant, minutes * 60_000);
        reply.header("cache-control", "no-store");
        return {
          at: isoTime(system.clock.now()),
          minutes,
          flows: flows.map(({ lags, p90Ms, ...flow }) => ({
            ...flow,
            p90Ms: p90Ms === null ? null : Math.round(p90Ms),
            behind: lags.map(lagShown),
          })),
        };
      },
    });
  };
}

function lagShown({ serving, lagMs, open }: ServingLag): object {
  const { kind, context, name } = serving;
  return {
    kind,
    context,
    name,
    journal: serving.kind === "consumer" ? serving.journal : null,
    waitedFor: serving.kind === "consumer" || serving.isWaitedFor,
    lagMs: lagMs === null ? null : Math.round(lagMs),
    open,
  };
}
