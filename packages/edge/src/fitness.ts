import type { Fitness, Incident, ReviewItem, ScoredFunction, System } from "@entente/core";
import { Failure, isId } from "@entente/core/model";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import { Why } from "./operator-act.ts";
import { isoTime } from "./process-answer.ts";
import { shown, text, textOrNone, time, timeOf, timeOrNone, uuid } from "./treaty-lists.ts";

const number = Type.Union([Type.Number(), Type.Null()]);
const state = Type.Enum(["within-target", "past-target", "over-limit", "no-data", "no-target"]);

const Said = Type.Object({ value: Type.Number(), by: text, why: text, at: time });

const FunctionShown = Type.Object({
  name: text,
  says: text,
  formula: text,
  unit: Type.Enum(["ms", "share", "count", "days", "points", "per-second"]),
  better: Type.Enum(["lower", "higher"]),
  target: number,
  limit: number,
  value: Type.Union([Type.Number(), Type.Null()], { description: "Of the last seven days. Null: no data." }),
  state,
  trend: Type.Enum(["better", "worse", "steady", "unknown"], {
    description: "Against the last week that was written down.",
  }),
  evidence: Type.String({
    description: "Where the numbers behind it are: a path at this address, or a page of the docs.",
  }),
  decision: Type.String({ description: "The decision record to look at again when it is over its limit." }),
  saidForDays: Type.Union([Type.Number(), Type.Null()], {
    description: "How long what people say of it holds; null: the system measures it.",
  }),
  said: Type.Union([Said, Type.Null()], {
    description: "Who said it last, of a figure that only people know; null: nobody did, or it is measured.",
  }),
  weeks: Type.Array(Type.Object({ week: text, value: number, state: text }), {
    description: "As written down at the end of each week, by its Monday; oldest first.",
  }),
});

const IncidentShown = Type.Object({
  incidentId: uuid,
  symptom: Type.Enum(["processes-late", "processes-failing", "hand-offs-stuck"]),
  subject: Type.String({ description: "The process type or treaty." }),
  says: text,
  count: Type.Integer({ description: "Processes or hand-offs when it was detected." }),
  processIds: Type.Array(uuid, { description: "The earliest, 20 at most." }),
  runbook: text,
  since: Type.String({ format: "date-time", description: "Since when customers suffered." }),
  detectedAt: time,
  timeToDetectMs: Type.Number(),
  closedAt: timeOrNone,
  timeToResolveMs: Type.Union([Type.Number(), Type.Null()], {
    description: "From its beginning to its end.",
  }),
});

const ReviewShown = Type.Object({
  reviewId: uuid,
  figure: text,
  value: Type.Number(),
  limit: Type.Number(),
  decision: text,
  evidence: textOrNone,
  week: text,
  openedAt: time,
  closedAt: timeOrNone,
  closedBy: textOrNone,
  closedWhy: textOrNone,
});

const Listed = Type.Object(
  {
    open: Type.Optional(
      Type.Enum(["true", "false"], { description: "Only those that are, or are not (default: all)." }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  },
  { additionalProperties: false },
);

interface List {
  readonly open?: "true" | "false";
  readonly limit?: number;
}

/** What is asked of a list: null for those that are open and those that are not. */
function listOf({ open, limit = 100 }: List): { readonly open: boolean | null; readonly limit: number } {
  return { open: open === undefined ? null : open === "true", limit };
}

const readers = { roles: ["operator", "auditor"] } as const;

/** How the system fares: the scorecard, incidents, and decisions to be looked at again. All of it is the tenant's own. */
export function fitnessRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route({
      method: "GET",
      url: "/ops/fitness",
      config: { access: { roles: [...readers.roles] }, problems: ["fitness-not-kept"] },
      schema: {
        operationId: "readFitness",
        summary: "The fitness functions with target, present value and trend",
        tags: ["operations"],
        response: {
          200: Type.Object(
            { from: time, until: time, functions: Type.Array(FunctionShown) },
            { description: "`no-data` is never well." },
          ),
        },
      },
      handler: async (request, reply) => {
        const { from, until, functions } = await kept(system).scorecard(identityOf(request).tenant);
        reply.header("cache-control", "no-store");
        return { from: isoTime(from), until: isoTime(until), functions: functions.map(functionShown) };
      },
    });
    app.route<{ Params: { figure: string }; Body: { value: number; why: string } }>({
      method: "POST",
      url: "/ops/fitness/:figure/say",
      config: {
        access: { roles: [...readers.roles] },
        problems: ["fitness-not-kept", "figure-not-said", "commit-unknown"],
      },
      schema: {
        operationId: "sayFigure",
        summary: "Say a figure that only people know",
        description:
          "It is kept with who said it and why, and holds until somebody says otherwise or it is old.",
        tags: ["operations"],
        params: Type.Object({ figure: Type.String({ maxLength: 100 }) }),
        body: Type.Object(
          { value: Type.Number({ minimum: 0, maximum: 1e9 }), why: Why },
          { additionalProperties: false },
        ),
        response: { 202: Type.Object({ figure: text }, { description: "Stored, and shown in a moment." }) },
      },
      handler: async (request, reply) => {
        const { sub, tenant } = identityOf(request);
        const { figure } = request.params;
        await kept(system).say(tenant, { figure, by: sub, ...request.body });
        reply.code(202);
        return { figure };
      },
    });
    await app.register(incidentRoutes(system));
    await app.register(reviewRoutes(system));
  };
}

function incidentRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Querystring: List }>({
      method: "GET",
      url: "/ops/incidents",
      config: { access: { roles: [...readers.roles] }, problems: ["fitness-not-kept"] },
      schema: {
        operationId: "listIncidents",
        summary: "What customers suffer or suffered from, newest first",
        tags: ["operations"],
        querystring: Listed,
        response: {
          200: Type.Object({ incidents: Type.Array(IncidentShown) }, { description: "One per root." }),
        },
      },
      handler: async (request, reply) => {
        const { open, limit } = listOf(request.query);
        const found = await kept(system).incidents(identityOf(request).tenant, open, limit);
        reply.header("cache-control", "no-store");
        return { incidents: found.map(incidentShown) };
      },
    });
    app.route<{ Params: { id: string } }>({
      method: "GET",
      url: "/ops/incidents/:id",
      config: { access: { roles: [...readers.roles] }, problems: ["fitness-not-kept", "incident-unknown"] },
      schema: {
        operationId: "readIncident",
        summary: "One incident with its process ids and runbook",
        tags: ["operations"],
        params: Type.Object({ id: Type.String({ maxLength: 100 }) }),
        response: { 200: Type.Object(IncidentShown.properties, { description: "The incident." }) },
      },
      handler: async (request, reply) => {
        const { id } = request.params;
        const fitness = kept(system);
        const found = isId(id) ? await fitness.incident(identityOf(request).tenant, id) : null;
        if (found === null) throw new Failure("refused", "incident-unknown", "There is no such incident.");
        reply.header("cache-control", "no-store");
        return incidentShown(found);
      },
    });
  };
}

function reviewRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Querystring: List }>({
      method: "GET",
      url: "/ops/reviews",
      config: { access: { roles: [...readers.roles] }, problems: ["fitness-not-kept"] },
      schema: {
        operationId: "listReviews",
        summary: "Decisions to be looked at again because a figure passed its limit, newest first",
        tags: ["operations"],
        querystring: Listed,
        response: {
          200: Type.Object({ reviews: Type.Array(ReviewShown) }, { description: "Review items." }),
        },
      },
      handler: async (request, reply) => {
        const { open, limit } = listOf(request.query);
        const found = await kept(system).reviews(identityOf(request).tenant, open, limit);
        reply.header("cache-control", "no-store");
        return { reviews: found.map(reviewShown) };
      },
    });
    app.route<{ Params: { id: string }; Body: { why: string } }>({
      method: "POST",
      url: "/ops/reviews/:id/close",
      config: {
        access: { roles: ["operator"] },
        problems: ["fitness-not-kept", "review-not-open", "commit-unknown"],
      },
      schema: {
        operationId: "closeReview",
        summary: "Say that the decision was looked at again",
        tags: ["operations"],
        params: Type.Object({ id: Type.String({ maxLength: 100 }) }),
        body: Type.Object({ why: Why }, { additionalProperties: false }),
        response: {
          202: Type.Object({ reviewId: uuid }, { description: "Stored, and closed in a moment." }),
        },
      },
      handler: async (request, reply) => {
        const { sub, tenant } = identityOf(request);
        const { id } = request.params;
        await kept(system).closeReview(tenant, { reviewId: id, by: sub, why: request.body.why });
        reply.code(202);
        return { reviewId: id };
      },
    });
  };
}

function kept({ fitness }: System): Fitness {
  if (fitness !== null) return fitness;
  throw new Failure("refused", "fitness-not-kept", "This system does not keep how it fares.");
}

function functionShown({ definition, said, ...score }: ScoredFunction): object {
  return shown(FunctionShown, {
    saidForDays: null,
    ...definition,
    ...score,
    said: said === null ? null : { ...said, at: isoTime(said.at) },
  });
}

function incidentShown(incident: Incident): object {
  const { since, detectedAt, closedAt } = incident;
  return shown(IncidentShown, {
    ...incident,
    since: isoTime(since),
    detectedAt: isoTime(detectedAt),
    closedAt: timeOf(closedAt),
  });
}

function reviewShown(review: ReviewItem): object {
  const { openedAt, closedAt } = review;
  return shown(ReviewShown, { ...review, openedAt: isoTime(openedAt), closedAt: timeOf(closedAt) });
}
