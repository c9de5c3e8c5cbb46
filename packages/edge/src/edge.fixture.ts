import type { System } from "@entente/core";
import { Failure } from "@entente/core/model";
import type { FastifyPluginAsync } from "fastify";
import { pino } from "pino";
import { Type } from "typebox";
import { speakerFor } from "./auth.ts";
import type { EdgeError } from "./edge-errors.ts";
import { sendWithEtag } from "./etag.ts";
import { type FakeSystem, fakeSystem } from "./fake-system.fixture.ts";
import { acceptCommand } from "./idempotency.ts";
import { buildEdge, type Edge, type EdgeOptions } from "./server.ts";
import { openTokenIssuer, type TokenClaims, type TokenSettings } from "./tokens.ts";

export const secretTokens = {
  key: { kind: "secret", secret: Buffer.alloc(32, 7) },
  issuer: "entente-test",
  audience: "flux",
} as const satisfies TokenSettings;

const identifier = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" });

export const TopUp = Type.Object(
  { accountId: identifier, condenserId: identifier, units: Type.Integer({ minimum: 1, maximum: 10_000 }) },
  { additionalProperties: false },
);

export const ownErrors: readonly EdgeError[] = [
  { code: "account-unknown", status: 404, meaning: "There is no such account." },
];

/** Routes as a system's app registers them. */
export function topUpRoutes(system: System): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Body: { accountId: string; condenserId: string; units: number } }>({
      method: "POST",
      url: "/top-ups",
      config: {
        access: { roles: ["customer", "operator"] },
        command: true,
        problems: ["account-not-allowed"],
      },
      schema: {
        operationId: "topUp",
        summary: "Deliver units to a condenser",
        tags: ["top-ups"],
        body: TopUp,
        response: {
          202: Type.Object(
            { processId: Type.String({ format: "uuid" }), state: Type.Enum(["queued"]) },
            { description: "Accepted and on disk." },
          ),
        },
      },
      handler: async (request, reply) => {
        const { accountId } = request.body;
        speakerFor(request, accountId);
        return acceptCommand(request, reply, system, {
          type: "flux.top-up",
          schemaVersion: "1.0.0",
          target: "subscription",
          key: accountId,
          customerId: null,
          data: request.body,
        });
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
        summary: "Balance of an account",
        tags: ["top-ups"],
        params: Type.Object({ id: identifier }),
        response: { 200: Type.Object({ quotaUnits: Type.Integer() }, { description: "The balance." }) },
      },
      handler: async (request, reply) => {
        const { id } = request.params;
        speakerFor(request, id);
        if (id === "acct-none") throw new Failure("refused", "account-unknown", "There is no such account.");
        return sendWithEtag(request, reply, { quotaUnits: 5, account: id }, { maxAgeSeconds: 2 });
      },
    });
  };
}

export interface TestEdge extends Edge, AsyncDisposable {
  readonly system: FakeSystem;
  readonly url: string;
  readonly port: number;
  /** Log lines, as objects. */
  readonly log: Record<string, unknown>[];
  tokenFor(claims?: Partial<TokenClaims>, livesSeconds?: number): Promise<string>;
}

/** An edge over a fake system, listening on a free port of the loopback address. */
export async function startEdge(
  options: Partial<EdgeOptions> & { readonly system?: FakeSystem } = {},
): Promise<TestEdge> {
  const system = options.system ?? fakeSystem();
  const log: Record<string, unknown>[] = [];
  const logger = pino({ level: "debug" }, { write: (line: string) => void log.push(JSON.parse(line)) });
  const edge = await buildEdge({
    mode: "dev",
    tokens: secretTokens,
    title: "Flux",
    version: "0.1.0",
    tags: [{ name: "top-ups", description: "Refills." }],
    errors: ownErrors,
    logger,
    ...options,
    routes: options.routes ?? [topUpRoutes(system)],
    system,
  });
  const url = await edge.listen({ port: 0 });
  const issue = openTokenIssuer(secretTokens);
  return {
    ...edge,
    system,
    url,
    port: Number(new URL(url).port),
    log,
    tokenFor: async (claims = {}, livesSeconds = 600) =>
      (await issue({ ...customer, ...claims }, livesSeconds)).token,
    [Symbol.asyncDispose]: () => edge.close(),
  };
}

export const customer: TokenClaims = {
  sub: "ada",
  tenant: "demo",
  role: "customer",
  accounts: ["acct-0001"],
};
export const operator: TokenClaims = { sub: "olga", tenant: "demo", role: "operator", accounts: [] };
export const auditor: TokenClaims = { sub: "axel", tenant: "demo", role: "auditor", accounts: [] };
export const aTopUp = { accountId: "acct-0001", condenserId: "car-0001", units: 5 };
