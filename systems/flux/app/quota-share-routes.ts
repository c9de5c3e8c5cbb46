import type { System } from "@entente/core";
import { acceptCommand, identityOf } from "@entente/edge";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { type MoveQuotaShare, moveQuotaShare } from "../contexts/subscription/contract/quota-keeper.ts";
import { quotaShareKey } from "../contexts/subscription/domain/quota-share.ts";
import { readQuotaShare } from "../contexts/subscription/store/quota-share.ts";

const Accepted = Type.Object(
  { processId: Type.String({ format: "uuid" }), state: Type.Enum(["queued"]) },
  {
    description:
      "Stored durably. Accounts follow one by one when the process is confirmed; follow it at the Location.",
  },
);
const ShareAnswer = Type.Object(
  {
    sharePercent: Type.Integer({
      description: "Share of the tenant's accounts whose quota is decided here. The rest is SAP's to decide.",
    }),
    movedAt: Type.Union([Type.String({ format: "date-time" }), Type.Null()], {
      description: "Business time; null: it was never moved, and every quota is decided here.",
    }),
  },
  { description: "Where quotas are decided." },
);

/** `GET` and `POST /quota-share`, for a system whose quota decisions move from SAP to here. */
export function quotaShareRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route({
      method: "GET",
      url: "/quota-share",
      config: { access: { roles: ["operator", "auditor"] } },
      schema: {
        operationId: "readQuotaShare",
        summary: "Share of the accounts whose quota is decided here",
        tags: ["accounts"],
        response: { 200: ShareAnswer },
      },
      handler: async (request, reply) => {
        const database = system.contexts.get("subscription")?.database;
        if (database === undefined) throw new Error("Flux has no subscription");
        const { tenant } = identityOf(request);
        const share = await readQuotaShare(database, tenant);
        return reply.header("cache-control", "no-store").send({
          sharePercent: share?.sharePercent ?? 100,
          movedAt: share === null ? null : new Date(share.movedAt).toISOString(),
        });
      },
    });

    app.route<{ Body: MoveQuotaShare }>({
      method: "POST",
      url: "/quota-share",
      config: { access: { roles: ["operator"] }, command: true },
      schema: {
        operationId: "moveQuotaShare",
        summary: "Move the share of the accounts whose quota is decided here",
        description:
          "Which accounts belong to a share is fixed by their names. It only rises; the first word may be any, and lends SAP the quota of the others. The same share said again tells every account once more.",
        tags: ["accounts"],
        body: moveQuotaShare.schema,
        response: { 202: Accepted },
      },
      handler: (request, reply) =>
        acceptCommand(request, reply, system, {
          type: moveQuotaShare.type,
          schemaVersion: moveQuotaShare.schemaVersion,
          target: "subscription",
          key: quotaShareKey,
          customerId: null,
          data: request.body,
        }),
    });
  };
}
