import type { FastifyInstance } from "fastify";
import type { EdgeLimits } from "./limits.ts";
import type { Streams } from "./streams.ts";

/**
 * Ends the server in order: no new connections, streams say goodbye, requests in flight finish, and whoever has not finished
 * within `closeWithinMs` is cut off. Returns a function that says whether closing has begun.
 */
export function closeGracefully(app: FastifyInstance, streams: Streams, limits: EdgeLimits): () => boolean {
  let closing = false;
  let sweeping: NodeJS.Timeout | undefined;
  let patience: NodeJS.Timeout | undefined;
  app.addHook("preClose", (done) => {
    closing = true;
    streams.endAll();
    // A connection that finishes its last request after the server stopped listening would otherwise idle until its timeout.
    sweeping = setInterval(() => app.server.closeIdleConnections(), 20);
    patience = setTimeout(() => app.server.closeAllConnections(), limits.closeWithinMs);
    done();
  });
  app.addHook("onClose", (_app, done) => {
    clearInterval(sweeping);
    clearTimeout(patience);
    done();
  });
  return () => closing;
}
