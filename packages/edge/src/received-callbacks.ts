import {
  type CallbackRefusals,
  type CallbackStatus,
  callbackRefusals,
  callbackStatuses,
  isHandOffTreaty,
  type System,
} from "@entente/core";
import { Failure } from "@entente/core/model";
import type { FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { identityOf } from "./auth.ts";
import { isoTime } from "./process-answer.ts";
import { shown, text, textOrNone, time, uuid } from "./treaty-lists.ts";

/**
 * What counterparties sent, for those who look after it: messages that were proven to be theirs, and those that were refused. What a
 * message says stands in the journal, and nowhere here.
 */
export function receivedCallbackRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    await app.register(callbackListRoute(system));
    await app.register(refusalListRoute(system));
  };
}

const treatyName = Type.String({ minLength: 1, maxLength: 63 });
const limitAsked = Type.Integer({ minimum: 1, maximum: 1000, default: 100 });
const uuidOrNone = Type.Union([uuid, Type.Null()]);

const CallbackShown = Type.Object({
  context: text,
  treaty: text,
  entryId: Type.String({
    format: "uuid",
    description: "Of the journal entry that holds the message; `before` of the next page.",
  }),
  messageId: Type.String({ description: "Their name for the message." }),
  schemaVersion: Type.String({ description: "Version of the treaty that took it." }),
  receivedAt: time,
  state: Type.Enum([...callbackStatuses], {
    description:
      "What became of it. `received`: not decided yet. `waiting`: came early, its hand-off is not here. `applied`: moved its hand-off. `noted`: kept as evidence. `stale`: said nothing new. `impossible`: contradicts what is known; a case is open. `refused`: `code` says why. `unmatched`: waited in vain; a case is open.",
  }),
  code: Type.Union([Type.String(), Type.Null()], { description: "Why it is refused." }),
  reference: Type.String({ description: "What it speaks of: our key, or their name for it." }),
  payloadHash: Type.String({ description: "First 16 bytes of SHA-256 over it, hexadecimal." }),
  repeats: Type.Integer({ description: "How often it came again, without effect." }),
  reused: Type.Integer({
    description: "How many of `repeats` had other content under the same id, and were refused.",
  }),
  handOffId: Type.Union([uuid, Type.Null()], {
    description: "The hand-off it was found to speak of. Null: none of the tenant's, or not decided yet.",
  }),
  aggregateType: textOrNone,
  aggregateId: textOrNone,
  key: textOrNone,
  processId: uuidOrNone,
});

interface CallbackQuery {
  readonly treaty?: string;
  readonly state?: CallbackStatus;
  readonly handOff?: string;
  readonly before?: string;
  readonly limit?: number;
}

function callbackListRoute(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Querystring: CallbackQuery }>({
      method: "GET",
      url: "/ops/callbacks",
      config: { access: { roles: ["operator", "auditor"] }, problems: ["treaty-unknown"] },
      schema: {
        operationId: "listCallbacks",
        summary: "What counterparties sent and what became of it, newest first",
        tags: ["operations"],
        querystring: Type.Object(
          {
            treaty: Type.Optional(treatyName),
            state: Type.Optional(Type.Enum([...callbackStatuses])),
            handOff: Type.Optional(
              Type.String({ format: "uuid", description: "Only what speaks of this hand-off." }),
            ),
            before: Type.Optional(
              Type.String({ format: "uuid", description: "Those older than this one: its `entryId`." }),
            ),
            limit: Type.Optional(limitAsked),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object(
            { callbacks: Type.Array(CallbackShown) },
            { description: "Messages that were proven to be a counterparty's, each once." },
          ),
        },
      },
      handler: async (request, reply) => {
        const { tenant } = identityOf(request);
        const { treaty, state, handOff, before, limit = 100 } = request.query;
        const selection = {
          ...(treaty === undefined ? {} : { treaty }),
          ...(state === undefined ? {} : { status: state }),
          ...(handOff === undefined ? {} : { handOffId: handOff }),
          ...(before === undefined ? {} : { before }),
        };
        const found = await Promise.all(
          ownersOf(system, treaty).map(async (context) =>
            (await system.treaties.callbacks(context, tenant, limit, selection)).map((one) => ({
              ...one,
              context,
            })),
          ),
        );
        reply.header("cache-control", "no-store");
        // Ids of entries of all contexts rise with time: a page is the newest of all, and the next begins where it ends.
        const newest = found.flat().sort((a, b) => (a.entryId < b.entryId ? 1 : -1));
        return {
          callbacks: newest.slice(0, limit).map(({ status, errorCode, ...one }) =>
            shown(CallbackShown, {
              ...one,
              state: status,
              code: errorCode,
              receivedAt: isoTime(one.receivedAt),
            }),
          ),
        };
      },
    });
  };
}

const RefusalShown = Type.Object({
  context: text,
  treaty: text,
  code: Type.Enum(
    callbackRefusals.filter((code) => code !== "callback-id-reused"),
    { description: "Why; the page of errors says what to do." },
  ),
  day: Type.String({ format: "date", description: "UTC; `before` of the next page." }),
  total: Type.Integer({ description: "How many came on that day." }),
  lastAt: Type.String({ format: "date-time", description: "When the last of them came." }),
});

function refusalListRoute(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Querystring: { treaty?: string; before?: string; limit?: number } }>({
      method: "GET",
      url: "/ops/callbacks/refused",
      config: { access: { roles: ["operator", "auditor"] }, problems: ["treaty-unknown"] },
      schema: {
        operationId: "listRefusedCallbacks",
        summary:
          "Messages that were not proven to be a counterparty's: counted by treaty, reason and day, newest first",
        description:
          "Nobody knows whose they are: they are of no tenant, and nothing that they say is kept. A proven message that is refused stands in `/ops/callbacks`, for its tenant alone.",
        tags: ["operations"],
        querystring: Type.Object(
          {
            treaty: Type.Optional(treatyName),
            before: Type.Optional(
              Type.String({
                format: "date",
                // The calendar of the database has no year 0.
                pattern: "^[12]",
                description: "Those of days before this one.",
              }),
            ),
            limit: Type.Optional(limitAsked),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object(
            { refused: Type.Array(RefusalShown) },
            { description: "`limit` counts, and the rest of the last day." },
          ),
        },
      },
      handler: async (request, reply) => {
        const { treaty, before = null, limit = 100 } = request.query;
        const found = await Promise.all(
          ownersOf(system, treaty).map(async (context) =>
            (await system.treaties.refusals(context, limit, treaty ?? null, before)).map((one) => ({
              ...one,
              context,
            })),
          ),
        );
        reply.header("cache-control", "no-store");
        return {
          refused: wholeDays(found.flat(), limit).map((one) =>
            shown(RefusalShown, { ...one, lastAt: isoTime(one.lastAt) }),
          ),
        };
      },
    });
  };
}

/** The newest, up to the end of the day in which there are enough: a day is enough to go on from. */
function wholeDays<One extends CallbackRefusals>(found: readonly One[], limit: number): readonly One[] {
  const newest = found.toSorted((a, b) => (a.day === b.day ? b.lastAt - a.lastAt : a.day < b.day ? 1 : -1));
  const lastDay = newest[limit - 1]?.day;
  return lastDay === undefined ? newest : newest.filter(({ day }) => day >= lastDay);
}

/** Contexts whose treaties callbacks may speak of: the one of this treaty, or all. Errors: `treaty-unknown`. */
function ownersOf(system: System, treaty: string | undefined): readonly string[] {
  const owners = system.treaties
    .list()
    .filter((one) => isHandOffTreaty(one.treaty) && (treaty === undefined || one.treaty.name === treaty))
    .map(({ context }) => context);
  if (treaty !== undefined && owners.length === 0)
    throw new Failure("refused", "treaty-unknown", `There is no treaty "${treaty}" in this system.`, {
      fields: { treaty },
    });
  return [...new Set(owners)];
}
