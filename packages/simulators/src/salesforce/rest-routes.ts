import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { CallbackQueue } from "../control/callback-queue.ts";
import { ApiError, errorBody, notFound } from "./api-error.ts";
import type { OutgoingEvent } from "./event-log.ts";
import { bearerOf, originOf } from "./oauth-routes.ts";
import { beginWriting, commit, type Org } from "./org.ts";
import { rejectionOf } from "./rejections.ts";
import { bodyOf, type RequestBody } from "./request-body.ts";
import type { RestAnswer, RestCall, Subrequest } from "./rest-call.ts";
import { findRoute, methodOf, readPath, versions } from "./rest-paths.ts";
import type { User } from "./sessions.ts";
import { SeveralMatches, type Writing } from "./writing.ts";

const methods = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"];

/** Everything below `/services/data`. */
export function restRoutes(current: () => Org, queue: CallbackQueue<OutgoingEvent>): FastifyPluginAsync {
  return async (app) => {
    // Which versions there are needs no token and counts for nothing.
    app.get("/services/data", async (_request, reply) => send(reply, { status: 200, body: versionList() }));
    app.get("/services/data/", async (_request, reply) => send(reply, { status: 200, body: versionList() }));
    app.route({
      method: methods,
      url: "/services/data/*",
      // A request counts as being worked on while something makes it slow, so it is admitted before that.
      preHandler: async (request, reply) => {
        const org = current();
        try {
          const session = authenticated(org, request);
          org.limits.admit();
          org.sessions.accepted();
          request.sessionUser = session.user;
          reply.raw.once("close", org.limits.working());
        } catch (error) {
          return send(reply, refused(error), org);
        }
      },
      handler: async (request, reply) => send(reply, answer(current(), request, queue), current()),
    });
  };
}

declare module "fastify" {
  interface FastifyRequest {
    /** Whose token a REST request came with. */
    sessionUser?: User;
  }
}

function authenticated(org: Org, request: FastifyRequest): { readonly user: User } {
  const session = org.sessions.session(bearerOf(request) ?? "");
  if (session !== null) return session;
  throw new ApiError(401, { errorCode: "INVALID_SESSION_ID", message: "Session expired or invalid" });
}

function answer(org: Org, request: FastifyRequest, queue: CallbackQueue<OutgoingEvent>): RestAnswer {
  const { base, version } = readPath(request.url) ?? { base: "", version: "" };
  const user = request.sessionUser as User;
  const client = /client\s*=\s*([^,\s]+)/i.exec(String(request.headers["sforce-call-options"] ?? ""))?.[1];
  const changeOrigin = `com/salesforce/api/rest/${version}${client === undefined ? "" : `;client=${client}`}`;
  const { reason } = request.call.under("rejection") ?? {};
  const rejection = reason === undefined ? null : rejectionOf(reason);

  const begin = (): Writing => beginWriting(org, user.id, rejection);

  /** With `shared` the caller commits; without it this one does. */
  function handle(
    method: string,
    url: string,
    headers: RestCall["headers"],
    body: RequestBody,
    shared: Writing | null,
  ): RestAnswer {
    const writing = shared ?? begin();
    const { transaction, publications } = writing;
    const savepoint = transaction.savepoint();
    const published = publications.length;
    try {
      const path = readPath(url);
      if (path === null) throw notFound();
      const query = new URLSearchParams(url.split("?")[1] ?? "");
      const { route, params } = findRoute(path, methodOf(method, url));
      const { base } = path;
      const origin = originOf(request);
      const call: RestCall = {
        org,
        method,
        params,
        query,
        headers,
        body,
        origin,
        base,
        user,
        writing,
        subrequest,
        later,
      };
      const answered = route.handle(call);
      if (shared === null) commit(org, writing, changeOrigin, request.call, queue);
      return answered;
    } catch (error) {
      transaction.rollBack(savepoint);
      publications.splice(published);
      return refused(error);
    }
  }

  function later(ms: number, work: Parameters<RestCall["later"]>[1]): void {
    org.after(ms, () =>
      work((write) => {
        const writing = begin();
        write(writing);
        commit(org, writing, changeOrigin, request.call, queue);
      }),
    );
  }

  function subrequest({ method, url, headers, body }: Subrequest, writing: Writing | null): RestAnswer {
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const given = { mediaType: "application/json", text: JSON.stringify(body ?? null), json: body };
    return handle(method, url.startsWith("/services/") ? url : base + url, lower, given, writing);
  }

  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      value === undefined ? undefined : String(value),
    ]),
  );
  return handle(request.method, request.url, headers, bodyOf(request), null);
}

/** Anything but ApiError is a defect of the simulator and goes on. */
function refused(error: unknown): RestAnswer {
  if (error instanceof SeveralMatches) {
    const urls = error.rows.map(
      ({ object, id }) => `/services/data/v${versions.newest}.0/sobjects/${object.name}/${id}`,
    );
    return { status: 300, body: urls };
  }
  if (!(error instanceof ApiError)) throw error;
  return { status: error.status, body: errorBody(error) };
}

function send(reply: FastifyReply, { status, headers = {}, body }: RestAnswer, org?: Org): FastifyReply {
  reply.code(status).headers(headers);
  if (org !== undefined) reply.header("sforce-limit-info", org.limits.usage());
  if (body === undefined) return reply.send();
  if (reply.hasHeader("content-type")) return reply.send(body);
  return reply.header("content-type", "application/json;charset=UTF-8").send(JSON.stringify(body));
}

/** Three releases a year: 66.0 is Spring '26. */
function versionList(): readonly object[] {
  const { oldest, newest } = versions;
  return Array.from({ length: newest - oldest + 1 }, (_, i) => {
    const version = oldest + i;
    const [season, first] = (
      [
        ["Spring", 60],
        ["Summer", 61],
        ["Winter", 59],
      ] as const
    )[version % 3] ?? ["Spring", 60];
    const year = 24 + Math.floor((version - first) / 3);
    return { label: `${season} '${year}`, url: `/services/data/v${version}.0`, version: `${version}.0` };
  });
}
