import { Failure } from "@entente/core/model";
import { errors, type JWTPayload, type JWTVerifyOptions, SignJWT } from "jose";
import { openTokenCache } from "./token-cache.ts";
import { openSignatureCheck, type TokenKey } from "./token-keys.ts";

export type Role = "customer" | "operator" | "auditor";

/** Who calls, as a verified token says. */
export interface Identity {
  readonly sub: string;
  readonly tenant: string;
  readonly role: Role;
  /** Accounts a customer may speak for; empty for other roles. */
  readonly accounts: ReadonlySet<string>;
  /** Epoch milliseconds, wall time. */
  readonly expiresAt: number;
}

export interface TokenSettings {
  readonly key: TokenKey;
  readonly issuer: string;
  readonly audience: string;
  /** Seconds that clocks may differ (default 5). */
  readonly toleranceSeconds?: number;
  /** Milliseconds a verified token is believed without another look at its key (default 5 minutes). */
  readonly believedMs?: number;
  /** Verified tokens remembered at most (default 10,000). */
  readonly remembered?: number;
  /** Wall time, epoch milliseconds. Tokens live by wall time: business time may be moved, a token's end may not. */
  readonly now?: () => number;
}

export interface TokenVerifier {
  /** The identity of a token verified before and still good. No promise, no cryptography: the path of nearly every request. */
  known(token: string): Identity | undefined;
  /** Errors: `token-invalid`, `token-expired` (refused); `token-keys-unavailable` (unavailable). */
  verify(token: string): Promise<Identity>;
}

/** Errors: `token-settings-unsafe` (refused) when these settings must not guard a server. */
export function openTokenVerifier(settings: TokenSettings, mode: "dev" | "production"): TokenVerifier {
  const now = settings.now ?? Date.now;
  const toleranceMs = (settings.toleranceSeconds ?? 5) * 1_000;
  const believedMs = settings.believedMs ?? 5 * 60_000;
  const check = openSignatureCheck(settings.key, mode);
  const cache = openTokenCache(settings.remembered ?? 10_000);
  const options = (): JWTVerifyOptions => ({
    issuer: settings.issuer,
    audience: settings.audience,
    clockTolerance: toleranceMs / 1_000,
    requiredClaims: ["sub", "exp"],
    currentDate: new Date(now()),
  });
  return {
    known: (token) => cache.get(token, now()),
    async verify(token) {
      let identity: Identity;
      try {
        identity = identityOf((await check(token, options())).payload);
      } catch (error) {
        throw tokenFailure(error);
      }
      cache.put(token, identity, Math.min(identity.expiresAt + toleranceMs, now() + believedMs));
      return identity;
    },
  };
}

/** Signs tokens with the dev secret. */
export function openTokenIssuer(settings: TokenSettings & { readonly key: { readonly kind: "secret" } }) {
  const now = settings.now ?? Date.now;
  return async (claims: TokenClaims, livesSeconds: number): Promise<{ token: string; expiresAt: number }> => {
    const issuedAt = Math.floor(now() / 1_000);
    const { sub, ...own } = claims;
    const token = await new SignJWT({ ...own })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setSubject(sub)
      .setIssuer(settings.issuer)
      .setAudience(settings.audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + livesSeconds)
      .sign(settings.key.secret);
    return { token, expiresAt: (issuedAt + livesSeconds) * 1_000 };
  };
}

export interface TokenClaims {
  readonly sub: string;
  readonly tenant: string;
  readonly role: Role;
  readonly accounts?: readonly string[];
}

/** Shape of `tenant` and of each account: safe in a path, a log line and a key. */
const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Identity providers write `auth0|…`, mail addresses and URNs into `sub`. */
const subject = /^[A-Za-z0-9][A-Za-z0-9._@:|+-]{0,127}$/;
/** Accounts in a token; more belong behind a role, not in a header. */
export const accountsAllowed = 256;

function identityOf(claims: JWTPayload): Identity {
  const { sub, tenant, role, accounts = [], exp } = claims as Record<string, unknown>;
  if (
    !matches(subject, sub) ||
    !matches(name, tenant) ||
    !isRole(role) ||
    !Array.isArray(accounts) ||
    accounts.length > accountsAllowed ||
    !accounts.every((account) => matches(name, account)) ||
    typeof exp !== "number"
  ) {
    throw new Failure("refused", "token-invalid", "The token's claims do not fit.");
  }
  return { sub, tenant, role, accounts: new Set(accounts as string[]), expiresAt: exp * 1_000 };
}

function matches(pattern: RegExp, value: unknown): value is string {
  return typeof value === "string" && pattern.test(value);
}

function isRole(value: unknown): value is Role {
  return value === "customer" || value === "operator" || value === "auditor";
}

function tokenFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof errors.JWTExpired) {
    return new Failure("refused", "token-expired", "The token is past its time. Get a new one.", {
      cause: error,
    });
  }
  return new Failure("refused", "token-invalid", "The token is not one of ours.", { cause: error });
}
