import type { CursorSummary, System } from "@entente/core";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import { contextName, Why } from "./operator-act.ts";

const Place = Type.Union([
  Type.Object({ xid: Type.String(), seq: Type.String() }, { description: "Transaction, then sequence." }),
  Type.Null(),
]);
const Generation = Type.Union([Type.String({ format: "uuid" }), Type.Null()]);

const CursorSchema = Type.Object({
  consumer: Type.String(),
  kind: Type.Enum(["decider", "projection", "process-view", "treaty", "audit", "statistics"]),
  journal: Type.String({ description: "The context whose journal it is." }),
  generation: Generation,
  currentGeneration: Generation,
  replaced: Type.Union([Type.Boolean(), Type.Null()], {
    description:
      "True: the consumer stands still until its cursor is reset. Null: the journal's database is away.",
  }),
  lowest: Place,
  highest: Place,
  consumed: Type.Integer({ description: "Entries passed so far." }),
});

const consumerName = Type.String({ minLength: 1, maxLength: 200 });

const Reset = Type.Object(
  {
    consumer: consumerName,
    journal: contextName,
    to: Type.Enum(["start", "end"], {
      description: "Read everything the journal holds, or only what comes from now on.",
    }),
    why: Why,
    acceptRepeats: Type.Optional(
      Type.Boolean({
        description:
          "A decider goes to the start only with this: it executes what it may have executed before.",
      }),
    ),
  },
  { additionalProperties: false },
);

interface ResetBody {
  readonly consumer: string;
  readonly journal: string;
  readonly to: "start" | "end";
  readonly why: string;
  readonly acceptRepeats?: boolean;
}

/** Where consumers stand, and the way out for one whose journal was replaced: docs/operations/journal-replaced.md. */
export function cursorRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Params: { context: string } }>({
      method: "GET",
      url: "/ops/contexts/:context/cursors",
      config: { access: { roles: ["operator", "auditor"] }, problems: ["context-unknown"] },
      schema: {
        operationId: "listCursors",
        summary: "Where a context's consumers stand in the journals they follow",
        tags: ["operations"],
        params: Type.Object({ context: contextName }),
        response: {
          200: Type.Object(
            { cursors: Type.Array(CursorSchema) },
            { description: "One per consumer and journal." },
          ),
        },
      },
      handler: async (request, reply) => {
        const cursors: readonly CursorSummary[] = await system.listCursors(request.params.context);
        reply.header("cache-control", "no-store");
        return { cursors };
      },
    });
    app.route<{ Params: { context: string }; Body: ResetBody }>({
      method: "POST",
      url: "/ops/contexts/:context/cursors/reset",
      config: {
        access: { roles: ["operator"] },
        problems: [
          "context-unknown",
          "cursor-unknown",
          "cursor-not-replaced",
          "repeats-not-accepted",
          "journal-ahead-of-server",
          "commit-unknown",
        ],
      },
      schema: {
        operationId: "resetCursor",
        summary: "Let a consumer go on in a journal that was replaced",
        tags: ["operations"],
        params: Type.Object({ context: contextName }),
        body: Reset,
        response: {
          200: Type.Object(
            {
              consumer: Type.String(),
              journal: Type.String(),
              to: Type.Enum(["start", "end"]),
              generationBefore: Type.String({ format: "uuid" }),
              generation: Type.String({ format: "uuid" }),
              rebuildAdvised: Type.Boolean({
                description: "A projection whose table still says what the journal before said.",
              }),
            },
            { description: "Recorded, and the consumer goes on." },
          ),
        },
      },
      handler: async (request) => {
        const { sub, tenant } = identityOf(request);
        return system.resetCursor(request.params.context, { ...request.body, tenantId: tenant, by: sub });
      },
    });
  };
}
