import { createHmac, createPublicKey, verify } from "node:crypto";
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Org } from "./org.ts";
import { bodyOf } from "./request-body.ts";
import { credentials, organizationId, type Session, type User, users } from "./sessions.ts";

/** A token request that is refused: 400 with these words. */
interface Refusal {
  readonly error: string;
  readonly description: string;
}

const invalidGrant = (description: string): Refusal => ({ error: "invalid_grant", description });

/** The token endpoint, revocation, and who the token's user is. */
export function oauthRoutes(current: () => Org): FastifyPluginAsync {
  return async (app) => {
    app.post("/services/oauth2/token", async (request, reply) => {
      const org = current();
      const form = formOf(request);
      const granted = grant(org, form, request);
      if ("error" in granted) {
        const { error, description } = granted;
        return reply.code(400).send({ error, error_description: description });
      }
      return tokenAnswer(org.sessions.issue(granted), originOf(request));
    });

    app.post("/services/oauth2/revoke", async (request, reply) => {
      const token = formOf(request).get("token");
      if (token === null) {
        const body = "error=unsupported_token_type&error_description=this token type is not supported";
        return reply.code(400).type("application/x-www-form-urlencoded").send(body);
      }
      current().sessions.revoke(token);
      return reply.code(200).send("");
    });

    app.get("/services/oauth2/userinfo", async (request, reply) => {
      const session = current().sessions.session(bearerOf(request) ?? "");
      if (session === null) return reply.code(403).type("text/plain").send("Bad_OAuth_Token");
      const { id, username, displayName } = session.user;
      return {
        sub: idUrl(originOf(request), id),
        user_id: id,
        organization_id: organizationId,
        preferred_username: username,
        name: displayName,
        email: username,
      };
    });

    app.get<{ Params: { org: string; user: string }; Querystring: { oauth_token?: string } }>(
      "/id/:org/:user",
      async (request, reply) => {
        const { org, user: userId } = request.params;
        const token = bearerOf(request) ?? request.query.oauth_token ?? "";
        const session = current().sessions.session(token);
        if (session === null) return reply.code(403).type("text/plain").send("Bad_OAuth_Token");
        if (org !== organizationId || userId !== session.user.id) {
          return reply.code(403).type("text/plain").send("Missing_OAuth_Token");
        }
        return identity(session, originOf(request));
      },
    );
  };
}

function grant(org: Org, form: URLSearchParams, request: FastifyRequest): User | Refusal {
  const [integration] = users;
  switch (form.get("grant_type")) {
    case "client_credentials":
      return clientRefusal(form, request) ?? integration;
    case "password":
      return clientRefusal(form, request) ?? passwordGrant(form);
    case "refresh_token": {
      const refused = clientRefusal(form, request, false);
      if (refused !== null) return refused;
      const user = org.sessions.refreshUser(form.get("refresh_token") ?? "");
      return user ?? invalidGrant("expired access/refresh token");
    }
    case "urn:ietf:params:oauth:grant-type:jwt-bearer":
      return jwtGrant(org, form.get("assertion") ?? "", originOf(request));
    default:
      return { error: "unsupported_grant_type", description: "grant type not supported" };
  }
}

/** The client by body or by Basic header. */
function clientRefusal(form: URLSearchParams, request: FastifyRequest, secretNeeded = true): Refusal | null {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  const [basicId, basicSecret] =
    basic === undefined ? [] : Buffer.from(basic, "base64").toString().split(":");
  const id = form.get("client_id") ?? basicId;
  const secret = form.get("client_secret") ?? basicSecret;
  if (id !== credentials.clientId) {
    return { error: "invalid_client_id", description: "client identifier invalid" };
  }
  if (secret === credentials.clientSecret || (secret === undefined && !secretNeeded)) return null;
  return { error: "invalid_client", description: "invalid client credentials" };
}

function passwordGrant(form: URLSearchParams): User | Refusal {
  const user = users.find(({ username }) => username === form.get("username"));
  // A security token may follow the password, as clients send it from untrusted networks.
  const known = form.get("password")?.startsWith(credentials.password) === true;
  return user !== undefined && known ? user : invalidGrant("authentication failure");
}

function jwtGrant(org: Org, assertion: string, origin: string): User | Refusal {
  const [header, claims, signature] = assertion.split(".");
  if (header === undefined || claims === undefined || signature === undefined)
    return invalidGrant("invalid assertion");
  const { alg } = decode(header);
  const { iss, sub, aud, exp } = decode(claims);
  if (alg !== "RS256") return invalidGrant("invalid assertion");
  if (iss !== credentials.clientId)
    return { error: "invalid_client_id", description: "client identifier invalid" };
  const signed = Buffer.from(`${header}.${claims}`);
  if (
    org.jwtPublicKey === null ||
    !verify("RSA-SHA256", signed, createPublicKey(org.jwtPublicKey), Buffer.from(signature, "base64url"))
  ) {
    return invalidGrant("invalid assertion");
  }
  const audiences = ["https://login.salesforce.com", "https://test.salesforce.com", origin];
  if (!audiences.includes(String(aud).replace(/\/(?:services\/oauth2\/token)?$/, ""))) {
    return invalidGrant("audience is invalid");
  }
  if (typeof exp !== "number" || exp * 1_000 <= org.now()) return invalidGrant("assertion has expired");
  const user = users.find(({ username }) => username === sub);
  return user ?? invalidGrant("user hasn't approved this consumer");
}

function decode(part: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8")) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** No refresh token: none of these flows brings one. */
function tokenAnswer({ token, user, issuedAt }: Session, origin: string): object {
  const id = idUrl(origin, user.id);
  const issued = String(Math.trunc(issuedAt));
  return {
    access_token: token,
    signature: createHmac("sha256", credentials.clientSecret)
      .update(id + issued)
      .digest("base64"),
    scope: "api refresh_token",
    instance_url: origin,
    id,
    token_type: "Bearer",
    issued_at: issued,
  };
}

function identity({ user }: Session, origin: string): object {
  const rest = `${origin}/services/data/v{version}/`;
  return {
    id: idUrl(origin, user.id),
    asserted_user: true,
    user_id: user.id,
    organization_id: organizationId,
    username: user.username,
    display_name: user.displayName,
    email: user.username,
    active: true,
    user_type: "STANDARD",
    language: "en_US",
    locale: "en_US",
    urls: { rest, sobjects: `${rest}sobjects/`, query: `${rest}query/` },
  };
}

export function idUrl(origin: string, userId: string): string {
  return `${origin}/id/${organizationId}/${userId}`;
}

/** The origin that the caller used, so that every URL answered leads back the same way, through a fault proxy too. */
export function originOf(request: FastifyRequest): string {
  return `http://${request.headers.host ?? "127.0.0.1"}`;
}

/** `Bearer` is what REST clients write, `OAuth` what streaming clients do. */
export function bearerOf(request: FastifyRequest): string | null {
  return /^(?:Bearer|OAuth) (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? null;
}

function formOf(request: FastifyRequest): URLSearchParams {
  return new URLSearchParams(bodyOf(request).text);
}
