import type { System } from "@entente/core";
import { Failure } from "@entente/core/model";
import { acceptCommand, speakerFor } from "@entente/edge";
import type { FastifyPluginAsync } from "fastify";
import { type Static, Type } from "typebox";
import { type Entitlement, entitlementStatuses } from "../contexts/entitlement/contract/entitlement.ts";
import { type Standing, standings } from "../contexts/entitlement/contract/note-customer.ts";
import { orderPlan } from "../contexts/entitlement/contract/order-plan.ts";
import { readEntitlements } from "../contexts/entitlement/store/read-entitlement.ts";
import { Identifier } from "../contexts/gateway/contract/identifier.ts";
import { nowTreaty } from "./entitlement-copy.ts";
import { readEntitlementFeed } from "./entitlement-feed.ts";

const Time = Type.String({ format: "date-time" });
const EntitlementAnswer = Type.Object(
  {
    accountId: Type.String(),
    standing: Type.Enum([...standings], { description: "What the customer is to us. `none`: nobody says." }),
    entitlements: Type.Array(
      Type.Object({
        entitlementId: Type.String(),
        planId: Type.String(),
        monthlyQuotaUnits: Type.Integer({ description: "Units per cycle." }),
        status: Type.Enum([...entitlementStatuses]),
        version: Type.Integer(),
        validFrom: Time,
        validTo: Type.Union([Time, Type.Null()]),
      }),
      { description: "Newest first; those that have ended, too." },
    ),
    asOf: Type.Union([Time, Type.Null()], {
      description: "Until then everything the authority had to say is reflected here; null: not known.",
    }),
    ageMs: Type.Union([Type.Integer(), Type.Null()], { description: "Since `asOf`." }),
    stale: Type.Boolean({
      description: "True: the authority may have changed it since `asOf` without our hearing of it.",
    }),
    syncing: Type.Boolean({ description: "True while news of this account is not yet reflected." }),
  },
  { description: "What the account is entitled to, and how old that knowledge is." },
);
type EntitlementAnswer = Static<typeof EntitlementAnswer>;

const Accepted = Type.Object(
  { processId: Type.String({ format: "uuid" }), state: Type.Enum(["queued"]) },
  { description: "Stored durably. It is in force when the process is confirmed; follow it at the Location." },
);

/** `GET /accounts/{id}/entitlement` and `POST /accounts/{id}/plan-orders`, for a system that has an authority for entitlements. */
export function entitlementRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Params: { id: string }; Querystring: { fresh?: "true" | "false" } }>({
      method: "GET",
      url: "/accounts/:id/entitlement",
      config: {
        access: { roles: ["customer", "operator", "auditor"] },
        problems: ["account-not-allowed", "account-unknown"],
      },
      schema: {
        operationId: "readEntitlement",
        summary: "What an account is entitled to",
        description:
          "Answered from a copy that follows the authority. `fresh=true` asks the authority first, at most three seconds.",
        tags: ["accounts"],
        params: Type.Object({ id: Identifier }),
        querystring: Type.Object({ fresh: Type.Optional(Type.Enum(["true", "false"])) }),
        response: { 200: EntitlementAnswer },
      },
      handler: async (request, reply) => {
        const { id } = request.params;
        const { tenant } = speakerFor(request, id);
        const known = await entitlementAnswer(system, tenant, id);
        const isAsked = request.query.fresh === "true";
        if (!isAsked) system.treaties.answeredHere(nowTreaty, tenant);
        const answer = isAsked ? await asked(system, tenant, id, known) : known;
        // Its age is in it: a kept copy would lie.
        return reply.header("cache-control", "no-store").send(answer);
      },
    });

    app.route<{ Params: { id: string }; Body: { planId: string } }>({
      method: "POST",
      url: "/accounts/:id/plan-orders",
      config: {
        access: { roles: ["customer", "operator"] },
        command: true,
        problems: ["account-not-allowed"],
      },
      schema: {
        operationId: "orderPlan",
        summary: "Order another plan",
        description: "It is written at the authority first; nothing is in force before that.",
        tags: ["accounts"],
        params: Type.Object({ id: Identifier }),
        body: Type.Object({ planId: Identifier }, { additionalProperties: false }),
        response: { 202: Accepted },
      },
      handler: (request, reply) => {
        const { id } = request.params;
        speakerFor(request, id);
        return acceptCommand(request, reply, system, {
          type: orderPlan.type,
          schemaVersion: orderPlan.schemaVersion,
          target: "entitlement",
          key: id,
          customerId: null,
          data: { accountId: id, planId: request.body.planId },
        });
      },
    });
  };
}

/** From the projection. Age first: what is heard between the two reads makes the answer newer than it says, never older. */
async function entitlementAnswer(
  system: System,
  tenantId: string,
  accountId: string,
): Promise<EntitlementAnswer> {
  const context = system.contexts.get("entitlement");
  if (context === undefined) throw new Error("Flux has no context entitlement");
  const { asOf, ageMs, isCurrent } = await readEntitlementFeed(system);
  const known = await readEntitlements(context.database, tenantId, accountId);
  if (known === null) throw new Failure("refused", "account-unknown", "There is no such account.");
  return {
    ...body(accountId, known.standing, known.entitlements),
    asOf: asOf === null ? null : new Date(asOf).toISOString(),
    ageMs,
    stale: !isCurrent,
    syncing: known.behind,
  };
}

/** What the authority says now; the projection's answer, marked stale, when it cannot be asked. */
async function asked(
  system: System,
  tenantId: string,
  accountId: string,
  known: EntitlementAnswer,
): Promise<EntitlementAnswer> {
  const said = await system.treaties.ask(nowTreaty, tenantId, { accountId });
  if (said.outcome === "refused" || said.outcome === "unavailable") return { ...known, stale: true };
  // An old answer is worth less than a copy that has heard something since.
  if (said.outcome === "stale" && known.asOf !== null && Date.parse(known.asOf) >= said.at)
    return { ...known, stale: true };
  const { entitlements } = said.answer as unknown as { readonly entitlements: readonly Entitlement[] };
  return {
    ...body(accountId, known.standing, entitlements),
    asOf: new Date(said.at).toISOString(),
    ageMs: Math.max(0, Math.round(system.clock.now() - said.at)),
    stale: said.outcome === "stale",
    syncing: known.syncing,
  };
}

function body(accountId: string, standing: Standing, entitlements: readonly Entitlement[]) {
  return {
    accountId,
    standing,
    entitlements: entitlements.map(({ accountId: _account, validFrom, validTo, ...entitlement }) => ({
      ...entitlement,
      validFrom: new Date(validFrom).toISOString(),
      validTo: validTo === null ? null : new Date(validTo).toISOString(),
    })),
  };
}
