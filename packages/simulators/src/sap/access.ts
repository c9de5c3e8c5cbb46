/** Who may call: Basic authentication, the client, and for changes through OData the token of the session. */
import { timingSafeEqual } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Answer } from "../control/simulator-system.ts";
import { credentials } from "./description.ts";
import type { Simulation } from "./simulation.ts";

const realm = `SAP NetWeaver Application Server [ENT/${credentials.client}]`;

function page(status: number, title: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { "content-type": "text/html;charset=utf-8", ...headers },
    body: `<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`,
  };
}

export const accessAnswers = {
  unauthorized: (): Answer => page(401, "Logon failed", { "www-authenticate": `Basic realm="${realm}"` }),
  forbidden: (): Answer => ({
    status: 403,
    headers: { "content-type": "text/plain;charset=utf-8", "x-csrf-token": "Required" },
    body: "CSRF token validation failed",
  }),
  page,
};

/** Null when the caller may go on. A session's cookie is as good as the password, and ends with the session. */
export function checkLogon({ world, now }: Simulation, request: FastifyRequest): Answer | null {
  const client = clientOf(request);
  if (client !== null && client !== credentials.client) return accessAnswers.unauthorized();
  const { authorization, cookie } = request.headers;
  if (authorization === undefined) {
    return world().sessions.find(cookie, now()) === undefined ? accessAnswers.unauthorized() : null;
  }
  const expected = `${credentials.user}:${credentials.password}`;
  const given = /^Basic\s+([A-Za-z0-9+/=]+)$/i.exec(authorization)?.[1];
  const known = given !== undefined && isEqual(Buffer.from(given, "base64").toString("utf8"), expected);
  return known ? null : accessAnswers.unauthorized();
}

/** From the query, the header, or the cookie that the original sets for browsers. */
function clientOf(request: FastifyRequest): string | null {
  const query = request.query as Readonly<Record<string, unknown>>;
  const asked = query["sap-client"] ?? request.headers["sap-client"];
  return typeof asked === "string" && asked !== "" ? asked : null;
}

/** Null when a change through OData may go on. */
export function checkToken({ world, now }: Simulation, request: FastifyRequest): Answer | null {
  const session = world().sessions.find(request.headers.cookie, now());
  const given = request.headers["x-csrf-token"];
  return session !== undefined && typeof given === "string" && isEqual(given, session.csrfToken)
    ? null
    : accessAnswers.forbidden();
}

export function wantsToken(request: FastifyRequest): boolean {
  const header = request.headers["x-csrf-token"];
  return typeof header === "string" && header.toLowerCase() === "fetch";
}

/** Puts token and cookies of the session on an answer, whatever it says; opens a session where there is none. */
export function giveToken({ world, now }: Simulation, request: FastifyRequest, reply: FastifyReply): void {
  const { sessions } = world();
  const session = sessions.find(request.headers.cookie, now()) ?? sessions.open(now());
  reply.header("x-csrf-token", session.csrfToken);
  reply.header("set-cookie", [
    `sap-usercontext=sap-client=${credentials.client}; path=/`,
    `SAP_SESSIONID_ENT_100=${session.id}; path=/; HttpOnly`,
  ]);
}

function isEqual(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
