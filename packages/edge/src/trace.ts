import type { FastifyRequest } from "fastify";

const version0 = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;
const noTrace = "0".repeat(32);
const noParent = "0".repeat(16);

/**
 * The caller's W3C trace context, or null when there is none or it is not valid.
 * None is invented: a trace id that nobody recorded a span for leads nowhere, and `processId` already ties things together.
 */
export function traceparentOf(request: FastifyRequest): string | null {
  const header = request.raw.headers.traceparent;
  if (typeof header !== "string") return null;
  const match = version0.exec(header);
  return match !== null && match[1] !== noTrace && match[2] !== noParent ? header : null;
}

/** The trace id inside a valid traceparent. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}
