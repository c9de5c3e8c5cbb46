import { isHandOffTreaty, ownErrorText, type SafeAct, type System, safeActs } from "@entente/core";
import { Failure, type HandOff, isId } from "@entente/core/model";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { type TSchema, Type } from "typebox";
import { identityOf } from "./auth.ts";
import { contextName, Why } from "./operator-act.ts";
import { isoTime } from "./process-answer.ts";
import { receivedCallbackRoutes } from "./received-callbacks.ts";
import { reconciliationRoutes } from "./reconciliations.ts";
import { recoveryRoutes } from "./recoveries.ts";
import {
  type Asked,
  asked,
  overContexts,
  shown,
  text,
  textOrNone,
  timeOf,
  timeOrNone,
} from "./treaty-lists.ts";

/** Treaties as operators see them: which there are and whether they are in force, what is under way, and what waits for a person. */
export function treatyRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Querystring: { day?: string } }>({
      method: "GET",
      url: "/ops/treaties",
      config: { access: { roles: ["operator", "auditor"] } },
      schema: {
        operationId: "listTreaties",
        summary: "Every treaty, and whether it is in force",
        tags: ["operations"],
        querystring: OfDay,
        response: {
          200: Type.Object(
            { treaties: Type.Array(TreatyShown), budgets: Type.Array(BudgetShown) },
            { description: "The registry, and what the tenant used in a day of what counterparties allow." },
          ),
        },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        reply.header("cache-control", "no-store");
        const { day } = request.query;
        const at = day === undefined ? system.clock.now() : Date.parse(day);
        const [treaties, budgets] = await Promise.all([
          shownTreaties(system),
          shownBudgets(system, tenant, at),
        ]);
        return { treaties, budgets };
      },
    });
    app.route(treatySwitch(system, "stop", "Send nothing more for a treaty; what it asks for waits"));
    app.route(treatySwitch(system, "resume", "Let a treaty go on"));
    await app.register(handOffRoute(system));
    await app.register(receivedCallbackRoutes(system));
    await app.register(caseRoutes(system));
    await app.register(recoveryRoutes(system));
    await app.register(reconciliationRoutes(system));
  };
}

const OfDay = Type.Object(
  {
    day: Type.Optional(
      Type.String({
        format: "date",
        description:
          "Of which day the budgets are, UTC, business time (default: today). Kept for five weeks.",
      }),
    ),
  },
  { additionalProperties: false },
);

const TreatyShown = Type.Object({
  name: text,
  version: text,
  context: text,
  kind: text,
  target: text,
  stopped: Type.Boolean(),
  code: textOrNone,
  by: textOrNone,
  why: textOrNone,
  feed: Type.Union([Type.Object({ state: text, heardAt: timeOrNone, readAllAt: timeOrNone }), Type.Null()]),
});

const BudgetShown = Type.Object({
  context: text,
  target: text,
  name: text,
  perDay: Type.Integer({ description: "Allowed in a day, UTC." }),
  used: Type.Integer(),
  share: Type.Number({ description: "`used` of `perDay`; 1 is all of it." }),
  warnAtShare: Type.Number({ description: "From this share on a case says so, once a day." }),
  callers: Type.Array(Type.Object({ treaty: text, operation: text, total: Type.Integer() }), {
    description: "Who used most, the largest first; at most ten.",
  }),
});

async function shownBudgets(system: System, tenant: string, at: number): Promise<object[]> {
  const owners = [...new Set(system.treaties.list().map(({ context }) => context))];
  const all = await Promise.all(
    owners.map(async (context) =>
      (await system.treaties.budgets(context, tenant, at)).map((use) =>
        shown(BudgetShown, { ...use, context }),
      ),
    ),
  );
  return all.flat();
}

async function shownTreaties(system: System): Promise<object[]> {
  const all = system.treaties.list();
  const owners = [...new Set(all.map(({ context }) => context))];
  const [states, feeds] = await Promise.all([
    Promise.all(owners.map((context) => system.treaties.states(context))),
    Promise.all(owners.map((context) => system.treaties.feeds(context))),
  ]);
  const stateOf = new Map(states.flat().map((state) => [state.treaty, state]));
  const feedOf = new Map(feeds.flat().map((feed) => [feed.treaty, feed]));
  return all.map(({ context, treaty: { name, version, kind, target } }) => {
    const state = stateOf.get(name);
    const feed = feedOf.get(name);
    return {
      name,
      version,
      context,
      kind,
      target,
      stopped: state?.stopped ?? false,
      code: state?.code ?? null,
      by: state?.by ?? null,
      why: state?.why ?? null,
      feed:
        feed === undefined
          ? null
          : { state: feed.state, heardAt: timeOf(feed.heardAt), readAllAt: timeOf(feed.readAllAt) },
    };
  });
}

function treatySwitch(system: System, act: "stop" | "resume", summary: string) {
  return {
    method: "POST" as const,
    url: `/ops/treaties/:name/${act}`,
    config: { access: { roles: ["operator" as const] }, problems: ["treaty-unknown", "commit-unknown"] },
    schema: {
      operationId: `${act}Treaty`,
      summary,
      tags: ["operations"],
      params: Type.Object({ name: text }),
      body: Type.Object({ why: Why }, { additionalProperties: false }),
      response: {
        200: Type.Object(
          { name: text, stopped: Type.Boolean() },
          { description: "The treaty as it is now." },
        ),
      },
    },
    handler: async (request: FastifyRequest) => {
      const { sub, tenant } = identityOf(request);
      const { name } = request.params as { name: string };
      const { why } = request.body as { why: string };
      const stopped = act === "stop";
      await system.treaties.setStopped(name, stopped, { tenantId: tenant, by: sub, why });
      return { name, stopped };
    },
  };
}

const handOffStates = [
  "created",
  "sent",
  "accepted",
  "completed",
  "rejected",
  "unknown",
  "retry_wait",
  "blocked",
  "fallout",
  "cancelled",
] as const satisfies readonly HandOff["state"][];

const HandOffShown = Type.Object({
  context: text,
  handOffId: Type.String({ format: "uuid" }),
  treaty: text,
  target: text,
  purpose: text,
  state: Type.Enum([...handOffStates]),
  aggregateType: text,
  aggregateId: text,
  line: textOrNone,
  key: text,
  processId: Type.String({ format: "uuid" }),
  idempotencyKey: text,
  attempt: Type.Integer(),
  tries: Type.Integer(),
  rows: Type.Integer({ description: "Rows of a batch; 0 for a single act." }),
  rowsOpen: Type.Integer(),
  requestHash: Type.String({
    description: "First 16 bytes of SHA-256 over the canonical request, hexadecimal.",
  }),
  lastResponseHash: Type.Union([Type.String(), Type.Null()], {
    description: "First 16 bytes of SHA-256 over what they last said, hexadecimal.",
  }),
  externalReference: textOrNone,
  externalCode: textOrNone,
  lastErrorClass: textOrNone,
  lastErrorCode: textOrNone,
  lastErrorText: Type.Union([Type.String(), Type.Null()], {
    description:
      "What the treaty says the code means, or our own words about a call that failed; never theirs, which may hold what was asked.",
  }),
  nextTryAt: timeOrNone,
  deadlineAt: timeOrNone,
  createdAt: Type.String({ format: "date-time" }),
  updatedAt: Type.String({ format: "date-time" }),
});

function handOffRoute(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Querystring: Asked & { state?: HandOff["state"]; target?: string } }>({
      method: "GET",
      url: "/ops/hand-offs",
      config: { access: { roles: ["operator", "auditor"] }, problems: ["context-unknown"] },
      schema: {
        operationId: "listHandOffs",
        summary:
          "What counterparties were asked for, oldest first per context; those that are not settled, or those in one state",
        tags: ["operations"],
        querystring: asked({
          state: Type.Optional(Type.Enum([...handOffStates])),
          target: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
        }),
        response: {
          200: Type.Object({ handOffs: Type.Array(HandOffShown) }, { description: "Hand-offs." }),
        },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        const { context, state, target = null, limit = 100 } = request.query;
        const states =
          state === undefined
            ? handOffStates.filter((one) => one !== "completed" && one !== "cancelled" && one !== "rejected")
            : [state];
        reply.header("cache-control", "no-store");
        const textOf = errorTexts(system);
        const handOffs = await overContexts(system, context, limit, async (name, left) =>
          (await system.treaties.handOffs(name, tenant, states, target, left)).map((one) =>
            shown(HandOffShown, {
              ...one,
              context: name,
              lastErrorText: textOf(one),
              nextTryAt: timeOf(one.nextTryAt),
              deadlineAt: timeOf(one.deadlineAt),
              createdAt: isoTime(one.createdAt),
              updatedAt: isoTime(one.updatedAt),
            }),
          ),
        );
        return { handOffs };
      },
    });
  };
}

/** Says what went wrong with a hand-off in our words; null for one whose treaty is not there any more. */
function errorTexts(system: System): (handOff: HandOff) => string | null {
  const acting = system.treaties
    .list()
    .map(({ treaty }) => treaty)
    .filter(isHandOffTreaty);
  const byName = new Map(acting.map((treaty) => [treaty.name, treaty]));
  return (handOff) => {
    const treaty = byName.get(handOff.treaty);
    return treaty === undefined ? null : ownErrorText(treaty, handOff);
  };
}

const acts = [...new Set(Object.values(safeActs).flat())];

const CaseShown = Type.Object({
  context: text,
  caseId: Type.String({ format: "uuid" }),
  handOffId: textOrNone,
  treaty: text,
  target: text,
  kind: text,
  code: textOrNone,
  says: text,
  owner: text,
  openedAt: Type.String({ format: "date-time" }),
  claimedBy: textOrNone,
  closedBy: textOrNone,
  closedAt: timeOrNone,
  closedWhy: textOrNone,
  acts: Type.Array(Type.Enum(acts), { description: "What may be done about it." }),
});

function caseRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Querystring: Asked }>({
      method: "GET",
      url: "/ops/cases",
      config: { access: { roles: ["operator", "auditor"] }, problems: ["context-unknown"] },
      schema: {
        operationId: "listCases",
        summary: "What only a person can clear, and what may be done about each",
        tags: ["operations"],
        querystring: asked({}),
        response: { 200: Type.Object({ cases: Type.Array(CaseShown) }, { description: "Cases." }) },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        const { context, limit = 100 } = request.query;
        reply.header("cache-control", "no-store");
        const cases = await overContexts(system, context, limit, async (name, left) =>
          (await system.treaties.cases(name, tenant, left)).map((one) =>
            shown(CaseShown, {
              ...one,
              context: name,
              openedAt: isoTime(one.openedAt),
              closedAt: timeOf(one.closedAt),
            }),
          ),
        );
        return { cases };
      },
    });
    app.route(
      caseAct("claim", "Take a case over", {}, (context, act) => system.treaties.claimCase(context, act)),
    );
    app.route(
      caseAct("decide", "Do one of the case's safe acts", { act: Type.Enum(acts) }, (context, act, chosen) =>
        system.treaties.decideCase(context, { ...act, act: chosen as SafeAct }),
      ),
    );
    app.route(
      caseAct("close", "Close a case with a reason", {}, (context, act) =>
        system.treaties.closeCase(context, act),
      ),
    );
  };
}

interface ActOnCase {
  readonly tenantId: string;
  readonly caseId: string;
  readonly by: string;
  readonly why: string;
}

function caseAct(
  what: "claim" | "decide" | "close",
  summary: string,
  more: Readonly<Record<string, TSchema>>,
  perform: (context: string, act: ActOnCase, chosen?: string) => Promise<void>,
) {
  return {
    method: "POST" as const,
    url: `/ops/cases/:caseId/${what}`,
    config: {
      access: { roles: ["operator" as const] },
      problems: ["context-unknown", "case-not-open", "act-not-safe", "commit-unknown"],
    },
    schema: {
      operationId: `${what}Case`,
      summary,
      tags: ["operations"],
      params: Type.Object({ caseId: text }),
      body: Type.Object({ context: contextName, why: Why, ...more }, { additionalProperties: false }),
      response: { 200: Type.Object({ caseId: text, done: text }, { description: "Recorded." }) },
    },
    handler: async (request: FastifyRequest) => {
      const { sub, tenant } = identityOf(request);
      const { caseId } = request.params as { caseId: string };
      const { context, why, act } = request.body as { context: string; why: string; act?: string };
      if (!isId(caseId))
        throw new Failure("conflict", "case-not-open", "No such case is open.", { fields: { caseId } });
      await perform(context, { tenantId: tenant, caseId, by: sub, why }, act);
      return { caseId, done: act ?? what };
    },
  };
}
