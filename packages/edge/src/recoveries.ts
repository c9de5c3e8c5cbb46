import { type Recovery, type RecoveryState, recoveryAllowed, type System } from "@entente/core";
import { Failure, type HandOff, isId } from "@entente/core/model";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import { contextName, Why } from "./operator-act.ts";
import { isoTime } from "./process-answer.ts";
import {
  type Asked,
  asked,
  overContexts,
  shown,
  text,
  textOrNone,
  time,
  timeOf,
  timeOrNone,
  uuid,
} from "./treaty-lists.ts";

/**
 * Recoveries: many hand-offs in fallout sent anew, by two people. One looks what it would touch and asks for it, another approves or rejects
 * it. Every step is an entry of the journal with who and why.
 */
export function recoveryRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    await app.register(lookRoutes(system));
    await app.register(askRoutes(system));
    app.route(decision(system, "approve", "Approve another person's recovery: its hand-offs are sent anew"));
    app.route(decision(system, "reject", "End a recovery that nobody approved; nothing is sent"));
  };
}

const sampleAllowed = 20;
const treatyName = Type.String({ minLength: 1, maxLength: 63 });
const code = Type.String({
  minLength: 1,
  maxLength: 100,
  description: "Only what ended with this code: `lastErrorCode`, or else `externalCode`, of a hand-off.",
});

const recoveryStates = ["open", "approved", "rejected", "expired"] as const satisfies RecoveryState[];

const RecoveryShown = Type.Object({
  context: text,
  requestId: uuid,
  treaty: text,
  state: Type.Enum([...recoveryStates], { description: "`expired`: nobody decided within a day." }),
  handOffs: Type.Integer(),
  askedBy: text,
  askedWhy: text,
  askedAt: time,
  decidedBy: textOrNone,
  decidedWhy: textOrNone,
  decidedAt: timeOrNone,
});

const sampleProperties = {
  handOffId: uuid,
  state: text,
  aggregateType: text,
  aggregateId: text,
  line: textOrNone,
  attempt: Type.Integer(),
  rows: Type.Integer({ description: "Rows of a batch; 0 for a single act." }),
  externalReference: textOrNone,
  lastErrorClass: textOrNone,
  lastErrorCode: textOrNone,
  createdAt: time,
};
const SampleShown = Type.Object(sampleProperties);

function lookRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Querystring: { treaty: string; code?: string } }>({
      method: "GET",
      url: "/ops/recoveries/preview",
      config: { access: { roles: ["operator", "auditor"] }, problems: ["treaty-unknown"] },
      schema: {
        operationId: "previewRecovery",
        summary: "What a recovery of a treaty would touch, and what it must not",
        tags: ["operations"],
        querystring: Type.Object(
          { treaty: treatyName, code: Type.Optional(code) },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object(
            {
              treaty: text,
              candidates: Type.Integer({ description: "May be sent anew." }),
              allowed: Type.Integer({ description: "One recovery touches no more." }),
              notSafe: Type.Object(
                { inDoubt: Type.Integer(), happened: Type.Integer(), withdrawn: Type.Integer() },
                {
                  description:
                    "In fallout or rejected, and left alone: they may have happened, or nobody wants them.",
                },
              ),
              sample: Type.Array(SampleShown, { description: `The oldest, ${sampleAllowed} at most.` }),
            },
            { description: "The blast radius." },
          ),
        },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        const { treaty, code: ended = null } = request.query;
        const { treaties } = system;
        const { handOffIds, ...preview } = await treaties.previewRecovery(
          treaty,
          tenant,
          ended,
          sampleAllowed,
        );
        const context = treaties.list().find((one) => one.treaty.name === treaty)?.context ?? "";
        const found = await treaties.handOffsNamed(context, tenant, handOffIds);
        reply.header("cache-control", "no-store");
        const sample = found.map(shownSample);
        return { treaty, ...preview, sample };
      },
    });
    app.route<{ Querystring: Asked & { state?: RecoveryState; before?: string } }>({
      method: "GET",
      url: "/ops/recoveries",
      config: { access: { roles: ["operator", "auditor"] }, problems: ["context-unknown"] },
      schema: {
        operationId: "listRecoveries",
        summary: "Recoveries, newest first per context",
        tags: ["operations"],
        querystring: asked({
          state: Type.Optional(Type.Enum([...recoveryStates])),
          before: Type.Optional(Type.String({ format: "uuid", description: "Those older than this one." })),
        }),
        response: {
          200: Type.Object({ recoveries: Type.Array(RecoveryShown) }, { description: "Recoveries." }),
        },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        const { context, state = null, before = null, limit = 100 } = request.query;
        reply.header("cache-control", "no-store");
        const recoveries = await overContexts(system, context, limit, async (name, left) =>
          (await system.treaties.recoveries(name, tenant, state, before, left)).map((one) =>
            shownRecovery(name, one),
          ),
        );
        return { recoveries };
      },
    });
    app.route<{ Params: { requestId: string }; Querystring: { context: string } }>({
      method: "GET",
      url: "/ops/recoveries/:requestId",
      config: {
        access: { roles: ["operator", "auditor"] },
        problems: ["context-unknown", "recovery-unknown"],
      },
      schema: {
        operationId: "readRecovery",
        summary: "One recovery, and how far it has come",
        tags: ["operations"],
        params: Type.Object({ requestId: text }),
        querystring: Type.Object({ context: contextName }, { additionalProperties: false }),
        response: {
          200: Type.Object(
            {
              ...RecoveryShown.properties,
              handOffIds: Type.Array(uuid),
              states: Type.Record(Type.String(), Type.Integer(), {
                description: "How many of its hand-offs are in each state now.",
              }),
              untouched: Type.Integer({ description: "As they were when it was asked for." }),
            },
            { description: "The recovery." },
          ),
        },
      },
      handler: async (request, reply) => {
        const { context } = request.query;
        reply.header("cache-control", "no-store");
        return shownProgress(system, context, identityOf(request).tenant, request.params.requestId);
      },
    });
  };
}

interface AskBody {
  readonly treaty: string;
  readonly why: string;
  readonly handOffIds?: readonly string[];
  readonly code?: string;
}

function askRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Body: AskBody }>({
      method: "POST",
      url: "/ops/recoveries",
      config: {
        access: { roles: ["operator"] },
        problems: [
          "treaty-unknown",
          "recovery-empty",
          "recovery-too-large",
          "hand-off-not-in-fallout",
          "commit-unknown",
        ],
      },
      schema: {
        operationId: "askRecovery",
        summary:
          "Ask for a recovery of hand-offs that are named, or of all that the preview counts; another person approves it",
        tags: ["operations"],
        body: Type.Object(
          {
            treaty: treatyName,
            why: Why,
            handOffIds: Type.Optional(Type.Array(uuid, { minItems: 1, maxItems: 1000 })),
            code: Type.Optional(code),
          },
          { additionalProperties: false },
        ),
        response: {
          201: Type.Object(
            { requestId: uuid, context: text, handOffs: Type.Integer() },
            { description: "Recorded. Nothing is sent before somebody else approves it." },
          ),
        },
      },
      handler: async (request, reply) => {
        const { sub, tenant } = identityOf(request);
        const { treaty, why, handOffIds: named, code: ended = null } = request.body;
        const { treaties } = system;
        // One more than allowed is enough to be told that it is too much.
        const handOffIds =
          named ?? (await treaties.previewRecovery(treaty, tenant, ended, recoveryAllowed + 1)).handOffIds;
        const asked = await treaties.askRecovery({ treaty, tenantId: tenant, handOffIds, by: sub, why });
        const context = treaties.list().find((one) => one.treaty.name === treaty)?.context ?? "";
        return reply.code(201).send({ ...asked, context });
      },
    });
  };
}

function decision(system: System, what: "approve" | "reject", summary: string) {
  const second = what === "approve" ? ["second-person-needed", "recovery-stale"] : [];
  return {
    method: "POST" as const,
    url: `/ops/recoveries/:requestId/${what}`,
    config: {
      access: { roles: ["operator" as const] },
      problems: ["context-unknown", "recovery-not-open", ...second, "commit-unknown"],
    },
    schema: {
      operationId: `${what}Recovery`,
      summary,
      tags: ["operations"],
      params: Type.Object({ requestId: text }),
      body: Type.Object({ context: contextName, why: Why }, { additionalProperties: false }),
      response: {
        200: Type.Object(
          { requestId: uuid, done: text, handOffs: Type.Integer({ description: "Sent anew." }) },
          { description: "Recorded." },
        ),
      },
    },
    handler: async (request: FastifyRequest) => {
      const { sub, tenant } = identityOf(request);
      const { requestId } = request.params as { requestId: string };
      const { context, why } = request.body as { context: string; why: string };
      if (!isId(requestId)) {
        throw new Failure("conflict", "recovery-not-open", "No such recovery waits for a decision.", {
          fields: { requestId },
        });
      }
      const said = { tenantId: tenant, requestId, by: sub, why };
      if (what === "reject") {
        await system.treaties.rejectRecovery(context, said);
        return { requestId, done: what, handOffs: 0 };
      }
      return { requestId, done: what, handOffs: await system.treaties.approveRecovery(context, said) };
    },
  };
}

async function shownProgress(
  system: System,
  context: string,
  tenantId: string,
  requestId: string,
): Promise<object> {
  const found = isId(requestId) ? await system.treaties.recovery(context, tenantId, requestId) : null;
  if (found === null) {
    throw new Failure("refused", "recovery-unknown", "You have no such recovery.", { fields: { requestId } });
  }
  const { handOffIds, states, untouched } = found;
  return { ...shownRecovery(context, found), handOffIds, states, untouched };
}

function shownRecovery(context: string, one: Recovery): Record<string, unknown> {
  const { askedAt, decidedAt } = one;
  return shown(RecoveryShown, { ...one, context, askedAt: isoTime(askedAt), decidedAt: timeOf(decidedAt) });
}

function shownSample(one: HandOff): Record<string, unknown> {
  return shown(SampleShown, { ...one, createdAt: isoTime(one.createdAt) });
}
