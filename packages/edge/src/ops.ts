import type { OperatorAct, ParkedSummary, System } from "@entente/core";
import { Failure, isId, type JsonObject } from "@entente/core/model";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import { cursorRoutes } from "./cursors.ts";
import type { EdgeContext } from "./edge-context.ts";
import { erasureRoute } from "./erasures.ts";
import { fitnessRoutes } from "./fitness.ts";
import { flowsRoute } from "./flows.ts";
import { contextName, Why } from "./operator-act.ts";
import { isoTime } from "./process-answer.ts";
import { processStatisticsRoute } from "./process-statistics.ts";
import { timelineRoute } from "./process-timeline.ts";
import { retentionRoutes } from "./retention.ts";
import { treatyRoutes } from "./treaties.ts";

/**
 * Outage drill, dead letters, cursors, treaties, timelines, statistics, flows, fitness,
 * retention. Operators act, auditors read; every act is recorded with who and why.
 */
export function opsRoutes(edge: EdgeContext): FastifyPluginAsync {
  const { system } = edge;
  return async (app) => {
    await app.register(timelineRoute(edge));
    await app.register(processStatisticsRoute(system));
    await app.register(flowsRoute(system));
    await app.register(fitnessRoutes(system));
    await app.register(pauseRoutes(system));
    await app.register(parkedRoutes(system));
    await app.register(cursorRoutes(system));
    await app.register(erasureRoute(system));
    await app.register(treatyRoutes(system));
    await app.register(retentionRoutes(system));
  };
}

function pauseRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    for (const act of ["pause", "resume"] as const) {
      app.route<{ Params: { name: string }; Body: { why?: string } }>({
        method: "POST",
        url: `/ops/contexts/:name/${act}`,
        config: {
          access: { roles: ["operator"] },
          problems: ["context-unknown", "commit-unknown"],
          bodyOptional: true,
        },
        schema: {
          operationId: `${act}Context`,
          summary: act === "pause" ? "Take a context off line" : "Bring a context back",
          tags: ["operations"],
          params: Type.Object({ name: contextName }),
          body: Type.Object({ why: Type.Optional(Why) }, { additionalProperties: false }),
          response: {
            200: Type.Object(
              { name: Type.String(), state: Type.Enum(["up", "paused", "down"]) },
              { description: "The context as it is now." },
            ),
          },
        },
        handler: async (request) => {
          const { sub, tenant } = identityOf(request);
          const { name } = request.params;
          const paused = act === "pause";
          await system.setPaused(name, paused, { tenantId: tenant, by: sub, why: request.body.why ?? "" });
          const context = system.status().contexts.find((one) => one.name === name);
          return { name, state: context?.state ?? (paused ? "paused" : "up") };
        },
      });
    }
  };
}

const ParkedSchema = Type.Object({
  context: Type.String(),
  consumer: Type.String(),
  entryId: Type.String({ format: "uuid" }),
  key: Type.String(),
  processId: Type.String({ format: "uuid" }),
  type: Type.String(),
  state: Type.String(),
  policy: Type.Enum(["step-aside", "hold-key"]),
  attempts: Type.Integer(),
  causeCode: Type.Union([Type.String(), Type.Null()]),
  causeText: Type.Union([Type.String(), Type.Null()]),
  parkedAt: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
  waiting: Type.Integer({ description: "Successors of the key that wait behind it." }),
});

const Done = Type.Object(
  { entryId: Type.String({ format: "uuid" }), act: Type.Enum(["redrive", "discard", "correct"]) },
  { description: "Recorded." },
);

interface ParkedAct {
  readonly context: string;
  readonly why: string;
  readonly data?: JsonObject;
}

function parkedRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Querystring: { context?: string; limit?: number } }>({
      method: "GET",
      url: "/ops/parked",
      config: { access: { roles: ["operator", "auditor"] }, problems: ["context-unknown"] },
      schema: {
        operationId: "listParked",
        summary: "Entries that could not be executed, oldest first per context",
        tags: ["operations"],
        querystring: Type.Object(
          {
            context: Type.Optional(contextName),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
          },
          { additionalProperties: false },
        ),
        response: { 200: Type.Object({ parked: Type.Array(ParkedSchema) }, { description: "What waits." }) },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        const { context, limit = 100 } = request.query;
        reply.header("cache-control", "no-store");
        return { parked: await list(system, tenant, context, limit) };
      },
    });
    app.route(
      parkedAct("redrive", 202, "Have it executed once more", (act, context) => system.redrive(context, act)),
    );
    app.route(
      parkedAct("discard", 200, "Give it up; its process fails openly", (act, context) =>
        system.discard(context, act),
      ),
    );
    app.route(
      parkedAct("correct", 202, "Have it executed with other data", (act, context, data) =>
        system.redrive(context, act, data),
      ),
    );
  };
}

function parkedAct(
  act: "redrive" | "discard" | "correct",
  status: number,
  summary: string,
  perform: (act: OperatorAct, context: string, data?: JsonObject) => Promise<void>,
) {
  const data = act === "correct" ? { data: Type.Object({}, { additionalProperties: true }) } : {};
  return {
    method: "POST" as const,
    url: `/ops/parked/:entryId/${act}`,
    config: {
      access: { roles: ["operator" as const] },
      problems: ["context-unknown", "not-parked", "commit-unknown"],
    },
    schema: {
      operationId: `${act}Parked`,
      summary,
      tags: ["operations"],
      params: Type.Object({ entryId: Type.String() }),
      body: Type.Object({ context: contextName, why: Why, ...data }, { additionalProperties: false }),
      response: { [status]: Done },
    },
    handler: async (request: FastifyRequest, reply: { code(status: number): unknown }) => {
      const { sub, tenant } = identityOf(request);
      const { entryId } = request.params as { entryId: string };
      const { context, why, data } = request.body as ParkedAct;
      if (!isId(entryId)) {
        throw new Failure("conflict", "not-parked", "No such entry is parked.", { fields: { entryId } });
      }
      await perform({ tenantId: tenant, entryId, by: sub, why }, context, data);
      reply.code(status);
      return { entryId, act };
    },
  };
}

/** The tenant's entries of one context or, context by context, of all. */
async function list(system: System, tenant: string, context: string | undefined, limit: number) {
  const names = context === undefined ? [...system.contexts.keys()] : [context];
  const found: object[] = [];
  for (const name of names) {
    if (found.length >= limit) break;
    const parked = await system.listParked(name, tenant, limit - found.length);
    found.push(...parked.map((one) => parkedAnswer(name, one)));
  }
  return found;
}

function parkedAnswer(context: string, parked: ParkedSummary): object {
  const { tenantId: _own, parkedAt, ...shown } = parked;
  return { context, ...shown, parkedAt: parkedAt === null ? null : isoTime(parkedAt) };
}
