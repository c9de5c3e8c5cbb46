import type { ServerResponse } from "node:http";
import type { ProcessRecord } from "@entente/core";
import { comparePositions, isId } from "@entente/core/model";
import type { FastifyPluginAsync } from "fastify";
import { identityOf } from "./auth.ts";
import type { EdgeContext } from "./edge-context.ts";
import { eventId, maySee, processAnswer } from "./process-answer.ts";
import { ProcessParams, processUnknown } from "./processes.ts";
import type { Identity } from "./tokens.ts";

/**
 * `GET /processes/{id}/events`: the present state at once, then every change and its becoming late, as server-sent events.
 * Guarantees: watching begins before the present state is read, so no change falls between; states never go backwards;
 * a client that returns with `Last-Event-ID` of the present state hears nothing twice.
 */
export function processEventsRoute(edge: EdgeContext): FastifyPluginAsync {
  return async (app) => {
    app.route<{ Params: { id: string } }>({
      method: "GET",
      url: "/processes/:id/events",
      config: {
        access: { roles: ["customer", "operator", "auditor"] },
        problems: ["process-unknown", "too-many-streams"],
      },
      schema: {
        operationId: "followProcess",
        summary: "State changes of one process as server-sent events",
        description:
          "Each event holds the process as `readProcess` gives it. Its id can be sent back as `Last-Event-ID`. The stream stays open until the client leaves or the token expires.",
        tags: ["processes"],
        params: ProcessParams,
        response: {
          200: {
            description: "The stream.",
            content: { "text/event-stream": { schema: { type: "string" } } },
          },
        },
      },
      handler: async (request, reply) => {
        const identity = identityOf(request);
        if (!isId(request.params.id)) throw processUnknown();
        const stream = await openEvents(edge, identity, request.params.id, reply.raw);
        // From here on Fastify has no part in the answer.
        reply.hijack();
        stream.start(request.raw.headers["last-event-id"]);
      },
    });
  };
}

/** Errors: `process-unknown` (refused), `too-many-streams`, `database-unavailable` (unavailable); nothing is left open then. */
async function openEvents(edge: EdgeContext, identity: Identity, processId: string, out: ServerResponse) {
  const { system, streams } = edge;
  let open = false;
  let closed = false;
  const early: ProcessRecord[] = [];
  /** What the client knows. */
  let sent: ProcessRecord | null = null;
  let unwatch = () => {};

  const release = streams.add({
    kind: "sse",
    identity,
    beat: () => write(": \n\n"),
    end(why) {
      write(`event: end\ndata: {"code":"${why}"}\n\n`);
      stop();
      if (out.headersSent) out.end();
    },
  });

  function stop(): void {
    open = false;
    closed = true;
    unwatch();
    release();
  }

  function write(text: string): void {
    if (!open) return;
    out.write(text);
    // A reader that does not read would have us keep its past for ever.
    if (out.writableLength > edge.limits.streamBufferBytes) out.destroy();
  }

  function sendState(record: ProcessRecord): void {
    write(`id: ${eventId(record)}\ndata: ${JSON.stringify(processAnswer(record, edge.textOf))}\n\n`);
  }

  function hear(record: ProcessRecord): void {
    if (!open) {
      early.push(record);
      return;
    }
    if (sent !== null && !isNews(record, sent)) return;
    sent = record;
    sendState(record);
  }

  try {
    const filter = { processIds: [processId], keys: [], tenants: [] };
    unwatch = await system.push.watch({ filter, changed: hear, late: hear });
    // Ended before it began: stop() could not know of this watch.
    if (closed) unwatch();
    const present = await system.processes.read(identity.tenant, processId);
    if (present === null || !maySee(identity, present, edge.accountOf)) throw processUnknown();
    return {
      start(lastEventId: string | string[] | undefined): void {
        if (closed || out.destroyed || out.closed) {
          stop();
          out.destroy();
          return;
        }
        out.once("close", stop);
        out.writeHead(200, {
          "content-type": "text/event-stream",
          "cache-control": "no-store",
          "x-accel-buffering": "no",
        });
        open = true;
        write("retry: 1000\n\n");
        if (eventId(present) !== lastEventId) sendState(present);
        sent = present;
        for (const record of early) hear(record);
      },
    };
  } catch (error) {
    stop();
    throw error;
  }
}

/** A later state, or the same one become late. */
function isNews(record: ProcessRecord, known: ProcessRecord): boolean {
  const order = comparePositions(record.change, known.change);
  return order > 0 || (order === 0 && record.delayed && !known.delayed);
}
