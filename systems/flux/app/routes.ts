import type { ProcessRecord, System } from "@entente/core";
import { Failure, journalStart, laneOf } from "@entente/core/model";
import { acceptCommand, type EdgeError, sendWithEtag, speakerFor } from "@entente/edge";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { Identifier } from "../contexts/gateway/contract/identifier.ts";
import { type TopUp, topUp } from "../contexts/gateway/contract/top-up.ts";
import { authorityText } from "../contexts/gateway/domain/authority-text.ts";
import { customerText } from "../contexts/gateway/domain/customer-text.ts";
import { payBackProcess, payBackText } from "../contexts/gateway/domain/pay-back-process.ts";
import { topUpProcess } from "../contexts/gateway/domain/top-up-process.ts";
import { undoTopUpProcess, undoTopUpText } from "../contexts/gateway/domain/undo-top-up-process.ts";
import { pendingUnits } from "../contexts/gateway/store/pending-units.ts";
import { hasUndecidedRequest } from "../contexts/gateway/store/requested-top-ups.ts";
import { type Balance, readBalance } from "../contexts/subscription/store/read-balance.ts";
import { customerRoutes } from "./customer-routes.ts";
import { type EntitlementFeed, followEntitlementFeed } from "./entitlement-feed.ts";
import { entitlementRoutes } from "./entitlement-routes.ts";
import { payBackRoutes } from "./pay-back-routes.ts";
import { quotaShareRoutes } from "./quota-share-routes.ts";
import type { Stage } from "./stage.ts";
import { stageRoutes } from "./stage-routes.ts";
import { openTurns } from "./turns.ts";
import { undoTopUpRoutes } from "./undo-top-up-routes.ts";

const Accepted = Type.Object(
  { processId: Type.String({ format: "uuid" }), state: Type.Enum(["queued"]) },
  { description: "Stored durably. Follow it at the Location." },
);

const BalanceAnswer = Type.Object(
  {
    quotaUnits: Type.Integer({ description: "Units the plan gives per cycle." }),
    usedUnits: Type.Integer({ description: "Units delivered in this cycle, whatever paid for them." }),
    pendingUnits: Type.Integer({
      description: "Units accepted and not yet decided; not part of the balance.",
    }),
    pendingAtLeast: Type.Boolean({
      description:
        "True in a long backlog: `pendingUnits` counts what was accepted lately, and more may be under way.",
    }),
    onDemandMinor: Type.Integer({
      description: "Charged beyond the quota in this cycle, in minor units of the currency.",
    }),
    currency: Type.String(),
    asOf: Type.String({ format: "date-time", description: "Business time of the last fact reflected here." }),
    syncing: Type.Boolean({
      description: "True while something of this account is, or may be, under way or not yet reflected.",
    }),
    entitlement: Type.Optional(
      Type.Object(
        {
          asOf: Type.String({ format: "date-time", description: "When its word was last followed." }),
          stale: Type.Boolean({
            description: "True: it may have changed the entitlement since without our hearing of it.",
          }),
        },
        { description: "Present when an authority for entitlements has the last word on the quota." },
      ),
    ),
  },
  { description: "The account's balance in the running cycle." },
);

/** Groups of the API description. */
export const fluxTags = [
  { name: "top-ups", description: "Units of Flux delivered to a condenser, paid from the quota first." },
  { name: "accounts", description: "What an account has, used and owes." },
  { name: "customers", description: "Who becomes a customer, and what customers need help with." },
];

/** Failures of Flux's own routes. */
export const fluxErrors: readonly EdgeError[] = [
  { code: "account-unknown", status: 404, meaning: "There is no such account." },
  { code: "debit-already-undone", status: 409, meaning: "The debit has already been undone." },
  { code: "debit-unknown", status: 409, meaning: "The debit of this top-up is not in the journal." },
  {
    code: "top-up-not-confirmed",
    status: 409,
    meaning: "The top-up is not confirmed: there is nothing to undo, or its own end comes first.",
  },
  {
    code: "top-up-kept-elsewhere",
    status: 409,
    meaning: "The authority for customers has this top-up as done. Undo it there.",
  },
  {
    code: "refund-not-possible",
    status: 409,
    meaning: "What was charged for the top-up cannot be given back from here.",
  },
  { code: "top-up-not-undone", status: 409, meaning: "The top-up was not undone: nothing is owed." },
  { code: "top-up-not-charged", status: 409, meaning: "Nothing was charged for the top-up." },
  {
    code: "charge-already-given-back",
    status: 409,
    meaning: "What was charged for the top-up has already been given back, by the provider or another way.",
  },
  {
    code: "refund-unsettled",
    status: 409,
    meaning: "The payment provider gives the charge back, or may have done so: its refund comes first.",
  },
];

/** Flux's face to its customers: `POST /top-ups` and `GET /accounts/{id}/balance`. */
export function fluxRoutes(system: System, stage: Stage = "B"): FastifyPluginAsync {
  const inTurn = openTurns();
  const entitlementFeed = followEntitlementFeed(system);
  return async (app) => {
    await app.register(stageRoutes(system, stage));
    await app.register(undoTopUpRoutes(system));
    await app.register(payBackRoutes(system));
    if (system.contexts.has("entitlement")) {
      await app.register(entitlementRoutes(system));
      await app.register(customerRoutes(system));
    }
    if (isQuotaMoving(system)) await app.register(quotaShareRoutes(system));
    app.route<{ Body: TopUp }>({
      method: "POST",
      url: "/top-ups",
      config: {
        access: { roles: ["customer", "operator"] },
        command: true,
        problems: ["account-not-allowed"],
      },
      schema: {
        operationId: "topUp",
        summary: "Ask for units to be delivered to a condenser",
        tags: ["top-ups"],
        body: topUp.schema,
        response: { 202: Accepted },
      },
      handler: (request, reply) => {
        const { accountId } = request.body;
        const { tenant } = speakerFor(request, accountId);
        const accept = (target: string) =>
          acceptCommand(request, reply, system, {
            type: topUp.type,
            schemaVersion: topUp.schemaVersion,
            target,
            key: accountId,
            customerId: null,
            data: request.body,
          });
        if (stage === "B") return accept("subscription");
        // A top-up is a request first; the subscription hears of it when the authority has it.
        if (stage === "A") return accept("request");
        const { database } = contextOf(system, "gateway");
        return inTurn(`${tenant}\u0000${accountId}`, async () =>
          accept((await hasUndecidedRequest(database, tenant, accountId)) ? "request" : "subscription"),
        );
      },
    });

    app.route<{ Params: { id: string } }>({
      method: "GET",
      url: "/accounts/:id/balance",
      config: {
        access: { roles: ["customer", "operator", "auditor"] },
        problems: ["account-not-allowed", "account-unknown"],
      },
      schema: {
        operationId: "readBalance",
        summary: "Balance of an account in its running cycle",
        tags: ["accounts"],
        params: Type.Object({ id: Identifier }),
        response: { 200: BalanceAnswer },
      },
      handler: async (request, reply) => {
        const { id } = request.params;
        const { tenant } = speakerFor(request, id);
        return sendWithEtag(request, reply, await balanceAnswer(system, tenant, id, entitlementFeed), {
          maxAgeSeconds: 1,
        });
      },
    });
  };
}

async function balanceAnswer(
  system: System,
  tenantId: string,
  accountId: string,
  entitlementFeed: () => Promise<EntitlementFeed>,
): Promise<object> {
  const subscription = contextOf(system, "subscription");
  // Pending first: a top-up decided between the two reads then shows as pending and delivered at worst, never as neither.
  const decidedUpTo =
    system.contexts.has("request") || isQuotaMoving(system)
      ? // Accepted is not decided there, however far anybody has read: only what has an outcome is not pending.
        journalStart
      : system.consumedUpTo("subscription", "account", "gateway", laneOf(tenantId, accountId));
  const pending = await pendingUnits(contextOf(system, "gateway").database, tenantId, accountId, decidedUpTo);
  const balance = await readBalance(subscription.database, tenantId, accountId);
  if (balance === null) throw new Failure("refused", "account-unknown", "There is no such account.");
  return {
    quotaUnits: balance.quotaUnits,
    usedUnits: balance.usedUnits,
    pendingUnits: pending.units,
    pendingAtLeast: pending.atLeast,
    onDemandMinor: balance.onDemandMinor,
    currency: balance.currency,
    asOf: new Date(balance.asOf).toISOString(),
    syncing: balance.behind || pending.units > 0 || pending.atLeast,
    ...(balance.entitlement === null
      ? {}
      : { entitlement: await entitlementShown(system, balance.entitlement, entitlementFeed) }),
  };
}

/** An authority's word is fresh for its time, and after it for as long as the authority is heard: who is followed and silent has changed nothing. */
async function entitlementShown(
  system: System,
  { asOf, freshUntil }: NonNullable<Balance["entitlement"]>,
  entitlementFeed: () => Promise<EntitlementFeed>,
): Promise<object> {
  const isPast = freshUntil !== null && system.clock.now() > freshUntil;
  const stale = isPast && !(system.contexts.has("entitlement") && (await entitlementFeed()).isCurrent);
  return { asOf: new Date(asOf).toISOString(), stale };
}

/** SAP decides some quotas, so that a top-up that was read is not yet one that was decided. */
function isQuotaMoving(system: System): boolean {
  const treaties = system.contexts.get("subscription")?.definition.treaties ?? [];
  return treaties.some(({ name }) => name === "sap-quota");
}

function contextOf(system: System, name: string) {
  const context = system.contexts.get(name);
  if (context === undefined) throw new Error(`Flux has no context ${name}`);
  return context;
}

/** What the customer reads about a process. */
export function textOf(
  system: System,
): (record: ProcessRecord) => { readonly title?: string; readonly text: string } {
  return (record) => {
    const { processId, acceptedAt, delayed } = record;
    const expectedWaitSeconds = record.state === "queued" ? system.backlog().expectedWaitSeconds : null;
    const context = { processId, acceptedAt, delayed, expectedWaitSeconds };
    if (record.type === topUpProcess.type) return customerText(record, context);
    if (record.type === undoTopUpProcess.type) return undoTopUpText(record, context);
    if (record.type === payBackProcess.type) return payBackText(record, context);
    return authorityText(record.type, record, context) ?? { text: `${record.type}: ${record.state}` };
  };
}
