import { hash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

export interface EtagOptions {
  /** How long the caller's own cache may answer without asking. */
  readonly maxAgeSeconds: number;
}

/**
 * Answers with the body and a strong ETag of its content, or 304 without a body when the caller has it already.
 * The handler returns the reply.
 */
export function sendWithEtag(
  request: FastifyRequest,
  reply: FastifyReply,
  body: object,
  options: EtagOptions,
): FastifyReply {
  const text = JSON.stringify(body);
  const etag = `"${hash("sha256", text, "base64url").slice(0, 22)}"`;
  reply
    .header("etag", etag)
    .header("cache-control", `private, max-age=${options.maxAgeSeconds}`)
    .header("vary", "authorization");
  const known = request.raw.headers["if-none-match"];
  if (known !== undefined && names(known, etag)) return reply.code(304).send();
  return reply.header("content-type", "application/json; charset=utf-8").send(text);
}

/** RFC 9110, 13.1.2: a list of tags or `*`; compared weakly. */
function names(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
