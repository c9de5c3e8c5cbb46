import type { System } from "@entente/core";
import type { FastifyPluginAsync } from "fastify";
import { type Static, Type } from "typebox";
import { Invalid } from "./problem.ts";
import { isoTime } from "./process-answer.ts";
import { accountsAllowed, openTokenIssuer, type TokenSettings } from "./tokens.ts";

const name = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" });

const TokenBody = Type.Object(
  {
    sub: Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._@:|+-]{0,127}$" }),
    tenant: name,
    role: Type.Enum(["customer", "operator", "auditor"]),
    accounts: Type.Optional(Type.Array(name, { maxItems: accountsAllowed })),
  },
  { additionalProperties: false },
);

const ClockBody = Type.Object(
  {
    now: Type.Optional(Type.String({ maxLength: 64, examples: ["2026-01-31T23:59:00Z"] })),
    advance: Type.Optional(Type.String({ maxLength: 64, examples: ["PT15M"] })),
  },
  { additionalProperties: false },
);

/** Business time stays within what journals can be partitioned for. */
const earliest = Date.UTC(2000, 0, 1);
const latest = Date.UTC(2200, 0, 1);

export interface DevOptions {
  readonly system: System;
  readonly tokens: TokenSettings;
  /** How long an issued token lives (default 12 hours). */
  readonly tokenSeconds?: number;
}

/** `POST /dev/token` and `POST /dev/clock`. Registered in dev mode only: elsewhere these paths do not exist. */
export function devRoutes({ system, tokens, tokenSeconds = 12 * 3_600 }: DevOptions): FastifyPluginAsync {
  return async (app) => {
    const { key } = tokens;
    if (key.kind === "secret") {
      const issue = openTokenIssuer({ ...tokens, key });
      app.route<{ Body: Static<typeof TokenBody> }>({
        method: "POST",
        url: "/dev/token",
        config: { access: { public: true } },
        schema: {
          operationId: "issueDevToken",
          summary: "A token for anybody (dev mode)",
          tags: ["dev"],
          body: TokenBody,
          response: {
            200: Type.Object(
              { token: Type.String(), expiresAt: Type.String({ format: "date-time" }) },
              { description: "The token." },
            ),
          },
        },
        handler: async (request, reply) => {
          const { token, expiresAt } = await issue(request.body, tokenSeconds);
          reply.header("cache-control", "no-store");
          return { token, expiresAt: isoTime(expiresAt) };
        },
      });
    }
    app.route<{ Body: Static<typeof ClockBody> }>({
      method: "POST",
      url: "/dev/clock",
      config: { access: { public: true } },
      schema: {
        operationId: "setDevClock",
        summary: "Set or advance business time (dev mode)",
        description: "Exactly one of `now` (an ISO 8601 instant) and `advance` (an ISO 8601 duration).",
        tags: ["dev"],
        body: ClockBody,
        response: {
          200: Type.Object({ now: Type.String({ format: "date-time" }) }, { description: "Business time." }),
        },
      },
      handler: async (request) => {
        await system.setClock(wantedTime(request.body, system.clock.now()));
        return { now: isoTime(system.clock.now()) };
      },
    });
  };
}

/** Errors: `body-invalid`. */
function wantedTime(body: Static<typeof ClockBody>, present: number): number {
  const { now, advance } = body;
  if ((now === undefined) === (advance === undefined))
    throw nonsense("", "must have exactly one of now and advance");
  const pointer = now === undefined ? "/advance" : "/now";
  const wanted = now === undefined ? advanced(present, advance ?? "") : instant(now);
  if (wanted === null) throw nonsense(pointer, "must be ISO 8601 and, to advance, not negative");
  if (wanted < earliest || wanted >= latest) throw nonsense(pointer, "must lead to a year from 2000 to 2199");
  return wanted;
}

function instant(text: string): number | null {
  try {
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    return null;
  }
}

/** In UTC, so that days and months can be advanced by, too. */
function advanced(present: number, text: string): number | null {
  try {
    const duration = Temporal.Duration.from(text);
    if (duration.sign < 0) return null;
    const from = Temporal.Instant.fromEpochMilliseconds(present).toZonedDateTimeISO("UTC");
    return from.add(duration).epochMilliseconds;
  } catch {
    return null;
  }
}

function nonsense(pointer: string, detail: string): Invalid {
  return new Invalid("body-invalid", [{ pointer, detail }]);
}
