import type { IncomingMessage } from "node:http";
import { Failure, isFailure, type Position } from "@entente/core/model";
import websocket, { type WebSocket } from "@fastify/websocket";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { Type } from "typebox";
import { roleNotAllowed, tokenMissing } from "./auth.ts";
import type { EdgeContext } from "./edge-context.ts";
import { type StreamClose, streamCloses } from "./edge-errors.ts";
import { eventId, eventIdPattern, positionOf, processAnswer } from "./process-answer.ts";
import { followProcesses } from "./process-feed.ts";
import type { Identity, Role } from "./tokens.ts";

export const streamPath = "/processes/stream";
const roles: readonly Role[] = ["customer", "operator", "auditor"];
/** Bytes of a client's message: a token fits, a book does not. */
const messageBytes = 4 * 1024;
/** How long a client may take to answer our goodbye. */
const goodbyeMs = 1_000;

/** True for requests that may leave HTTP. All other `Upgrade` headers are ignored, as HTTP allows. */
export function isStreamUpgrade(request: IncomingMessage): boolean {
  const path = request.url?.split("?", 1)[0];
  return (
    request.method === "GET" && path === streamPath && request.headers.upgrade?.toLowerCase() === "websocket"
  );
}

/**
 * WebSocket `/processes/stream`: changes of all processes the caller may see.
 * The token comes in the `Authorization` header or as the first message `{"token": "…"}`, never in the URL, which ends up in logs.
 * We send `{"ready": true, "id"}` and then `{"id", …process}` per change and when one becomes late; `?since=<id>` goes on after
 * what was seen. Ids say where to go on from: of several that become late between two changes all have the same.
 * Closes: edge-errors.ts, streamCloses.
 */
export function processStreamRoute(edge: EdgeContext): FastifyPluginAsync {
  return async (app) => {
    await app.register(websocket, {
      options: { maxPayload: messageBytes },
      // Broken frames and lost connections: the socket closes itself, and closing cleans up.
      errorHandler: (_error, socket) => socket.terminate(),
      preClose(this: FastifyInstance, done: () => void) {
        for (const client of this.websocketServer.clients) close(client, "server-closing");
        done();
      },
    });
    app.route<{ Querystring: { since?: string } }>({
      method: "GET",
      url: streamPath,
      config: { access: { roles, tokenInFirstMessage: true }, problems: ["upgrade-required"] },
      schema: {
        operationId: "followProcesses",
        summary: "State changes of all the caller's processes over WebSocket",
        description:
          'Upgrade to WebSocket. The token comes in the `Authorization` header or as the first message `{"token": "…"}`. The server sends `{"ready": true, "id"}` and then `{"id", …}` with the process: per change, and when it becomes `delayed`.',
        tags: ["processes"],
        querystring: Type.Object(
          {
            since: Type.Optional(
              Type.String({ pattern: eventIdPattern, description: "Id of the last change seen." }),
            ),
          },
          { additionalProperties: false },
        ),
        response: { 101: Type.Null({ description: "Switching to WebSocket." }) },
      },
      wsHandler: (socket, request) => {
        const { since } = request.query;
        serve(edge, socket, request.identity, since === undefined ? null : positionOf(since));
      },
      handler: async () => {
        throw new Failure("refused", "upgrade-required", "This path speaks WebSocket only.");
      },
    });
  };
}

/** One connection, from its first message to its end. */
function serve(edge: EdgeContext, socket: WebSocket, known: Identity | null, since: Position | null): void {
  let alive = true;
  let tokenSeen = known !== null;
  let cleanUp = () => {};
  const patience = setTimeout(() => close(socket, "token-missing"), edge.limits.firstMessageMs).unref();

  socket.on("pong", () => {
    alive = true;
  });
  socket.on("close", () => {
    clearTimeout(patience);
    cleanUp();
  });
  socket.on("message", (data: Buffer, binary: boolean) => {
    if (tokenSeen || binary) return close(socket, "message-unexpected");
    tokenSeen = true;
    identify(edge, data).then(begin, (error: unknown) => close(socket, closeFor(error)));
  });
  if (known !== null) begin(known);

  function begin(identity: Identity): void {
    clearTimeout(patience);
    if (socket.readyState !== socket.OPEN) return;
    try {
      cleanUp = feed(identity);
    } catch (error) {
      close(socket, closeFor(error));
    }
  }

  function feed(identity: Identity): () => void {
    const release = edge.streams.add({
      kind: "websocket",
      identity,
      beat() {
        if (!alive) return socket.terminate();
        alive = false;
        socket.ping();
      },
      end: (why) => close(socket, why),
    });
    let catchingUp = true;
    const changes = followProcesses({
      system: edge.system,
      identity,
      accountOf: edge.accountOf,
      since,
      started: ({ xid, seq }) => socket.send(JSON.stringify({ ready: true, id: `${xid}.${seq}` })),
      tell(record, place) {
        const id = eventId(record, place);
        socket.send(JSON.stringify({ id, ...processAnswer(record, edge.textOf) }));
        // While catching up the page bounds what is unsent, and the next one waits for it.
        if (!catchingUp && socket.bufferedAmount > edge.limits.streamBufferBytes)
          close(socket, "stream-too-slow");
      },
      drained: () => new Promise((resolve) => socket.ping(undefined, undefined, () => resolve())),
    });
    changes.caughtUp.then(
      () => {
        catchingUp = false;
      },
      (error: unknown) => close(socket, closeFor(error)),
    );
    return () => {
      changes.stop();
      release();
    };
  }
}

/** The caller named by the first message. Errors: those of the token verifier; `token-missing`, `role-not-allowed` (refused). */
async function identify(edge: EdgeContext, data: Buffer): Promise<Identity> {
  let token: unknown;
  try {
    token = (JSON.parse(data.toString()) as { token?: unknown } | null)?.token;
  } catch {
    throw tokenMissing();
  }
  if (typeof token !== "string") throw tokenMissing();
  const identity = edge.verifier.known(token) ?? (await edge.verifier.verify(token));
  if (!roles.includes(identity.role)) throw roleNotAllowed(identity.role);
  return identity;
}

function closeFor(error: unknown): StreamClose {
  return isFailure(error) && error.code in streamCloses ? (error.code as StreamClose) : "unavailable";
}

/** Says goodbye with a reason, and does not wait long for the answer. */
function close(socket: WebSocket, why: StreamClose): void {
  if (socket.readyState !== socket.OPEN) return;
  socket.close(streamCloses[why], why);
  setTimeout(() => socket.terminate(), goodbyeMs).unref();
}
