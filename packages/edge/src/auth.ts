import { Failure } from "@entente/core/model";
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from "fastify";
import type { Identity, Role, TokenVerifier } from "./tokens.ts";

/** Who may call a route. There is no default: a route that does not say stops the server from starting. */
export type Access =
  | { readonly public: true }
  | {
      readonly roles: readonly Role[];
      /** WebSocket only: without an `Authorization` header the token comes as the first message. */
      readonly tokenInFirstMessage?: true;
    };

declare module "fastify" {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Set before the handler of every route that is not public. */
    identity: Identity | null;
  }
}

/** Puts a guard before every route, by what the route says of itself. */
export function guardRoutes(app: FastifyInstance, verifier: TokenVerifier): void {
  app.decorateRequest("identity", null);
  app.addHook("onRoute", (route) => {
    const access = route.config?.access;
    if (access === undefined) {
      const text = `${String(route.method)} ${route.url} does not say who may call it (config.access).`;
      throw new Failure("defect", "route-without-access", text);
    }
    if ("public" in access) return;
    const later = route.onRequest === undefined ? [] : [route.onRequest].flat();
    route.onRequest = [guard(access, verifier), ...later];
  });
}

type Guarded = Exclude<Access, { public: true }>;

function guard(access: Guarded, verifier: TokenVerifier): onRequestHookHandler {
  const mayWait = access.tokenInFirstMessage === true;
  return (request, _reply, done) => {
    const header = request.raw.headers.authorization;
    if (header === undefined && mayWait) return done();
    const token = tokenIn(header);
    if (token === null) return done(tokenMissing());
    const known = verifier.known(token);
    if (known !== undefined) return done(admit(request, access, known));
    verifier.verify(token).then((identity) => done(admit(request, access, identity)), done);
  };
}

/** Sets the identity, or says why not. */
function admit(request: FastifyRequest, access: Guarded, identity: Identity): Failure | undefined {
  if (!access.roles.includes(identity.role)) return roleNotAllowed(identity.role);
  request.identity = identity;
  return undefined;
}

function tokenIn(header: string | undefined): string | null {
  if (header === undefined || header.length < 8 || header.slice(0, 7).toLowerCase() !== "bearer ")
    return null;
  return header.slice(7).trim();
}

export function tokenMissing(): Failure {
  return new Failure("refused", "token-missing", "Send `Authorization: Bearer` with a token.");
}

export function roleNotAllowed(role: Role): Failure {
  return new Failure("refused", "role-not-allowed", `The role ${role} may not do this.`);
}

/** The caller of a route that is not public. */
export function identityOf(request: FastifyRequest): Identity {
  if (request.identity === null) throw tokenMissing();
  return request.identity;
}

/**
 * The caller, who must be allowed to speak for the account: a customer for those the token names, others for their whole tenant.
 * Errors: `account-not-allowed` (refused).
 */
export function speakerFor(request: FastifyRequest, account: string): Identity {
  const identity = identityOf(request);
  if (identity.role === "customer" && !identity.accounts.has(account)) {
    throw new Failure("refused", "account-not-allowed", "The token does not speak for this account.");
  }
  return identity;
}
