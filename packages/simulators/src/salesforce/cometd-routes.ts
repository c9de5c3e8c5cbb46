import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { OutageMode } from "../control/control.ts";
import { channelsOf } from "./change-events.ts";
import { bearerOf } from "./oauth-routes.ts";
import type { Org } from "./org.ts";
import { bodyOf } from "./request-body.ts";
import type { BayeuxMessage, StreamingClient, StreamingClients } from "./streaming-clients.ts";

/** How long a poll waits for something to tell, by the machine's clock. */
const pollMs = 110_000;

const retry = { reconnect: "retry", interval: 0, timeout: pollMs } as const;

/** What streaming needs of the simulator around it. */
export interface Streaming {
  org(): Org;
  clients(): StreamingClients;
  outage(): OutageMode;
  /** Breaks the request's connection when an outage or a reset comes; over when the connection closes. */
  endWithOutage(request: FastifyRequest): void;
}

/** The Bayeux protocol over long polling: what faye and CometD clients speak. */
export function cometdRoutes(streaming: Streaming): FastifyPluginAsync {
  return async (app) => {
    // Clients also try WebSocket on this address; they are to stay with long polling.
    app.get("/cometd/:version", async (_request, reply) =>
      reply.code(400).send({ error: "long polling only" }),
    );
    app.post("/cometd/:version", async (request, reply) => {
      const { json } = bodyOf(request);
      const messages = [json].flat() as readonly unknown[];
      if (json === undefined || !messages.every(isMessage)) return reply.code(400).send([]);
      if (request.headers.cookie === undefined) {
        reply.header("set-cookie", `BAYEUX_BROWSER=${request.id}; Path=/; HttpOnly`);
      }
      await answer(streaming, request, reply, messages as readonly BayeuxMessage[]);
      return reply;
    });
  };
}

function isMessage(value: unknown): value is BayeuxMessage {
  return typeof value === "object" && value !== null && typeof (value as BayeuxMessage).channel === "string";
}

async function answer(
  streaming: Streaming,
  request: FastifyRequest,
  reply: FastifyReply,
  messages: readonly BayeuxMessage[],
): Promise<void> {
  const token = bearerOf(request) ?? "";
  const replies: BayeuxMessage[] = [];
  const connects: BayeuxMessage[] = [];
  for (const message of messages) {
    if (message.channel === "/meta/connect") connects.push(message);
    else replies.push(reactTo(streaming, token, message));
  }
  for (const message of connects) {
    // Beside other messages a poll must not wait: their answers would wait with it.
    const atOnce = messages.length > 1 || timeoutOf(message) === 0;
    const polled = await connect(streaming, token, message, request, reply, atOnce);
    if (polled === null) {
      reply.hijack();
      request.raw.socket.destroy();
      return;
    }
    replies.push(...polled);
  }
  reply.header("content-type", "application/json;charset=UTF-8").send(JSON.stringify(replies));
}

function timeoutOf(message: BayeuxMessage): unknown {
  return (message.advice as { timeout?: unknown } | undefined)?.timeout;
}

function reactTo(streaming: Streaming, token: string, message: BayeuxMessage): BayeuxMessage {
  const { channel } = message;
  if (channel === "/meta/handshake") return handshake(streaming, token, message);
  const client = streaming.clients().find(message.clientId);
  if (client === undefined) return unknownClient(message);
  switch (channel) {
    case "/meta/subscribe":
      return subscribe(streaming, client, message);
    case "/meta/unsubscribe":
      client.channels.delete(String(message.subscription));
      return succeeded(message, { subscription: message.subscription });
    case "/meta/disconnect":
      streaming.clients().close(client);
      return succeeded(message);
    default:
      return failed(message, "403::Publishing is not allowed on this channel");
  }
}

function handshake({ org, clients }: Streaming, token: string, message: BayeuxMessage): BayeuxMessage {
  const advice = { reconnect: "none" };
  if (org().sessions.session(token) === null) {
    const sfdc = { failureReason: "401::Authentication invalid" };
    return failed(message, "403::Handshake denied", { advice, ext: { sfdc, replay: true } });
  }
  if (clients().count() >= org().limits.settings().streamingClients) {
    const sfdc = { failureReason: "403::Organization concurrent user limit exceeded" };
    return failed(message, "403::Handshake denied", { advice, ext: { sfdc, replay: true } });
  }
  const client = clients().open(token);
  clients().mayStayAway(client);
  return {
    ...succeeded(message),
    version: "1.0",
    minimumVersion: "1.0",
    clientId: client.id,
    supportedConnectionTypes: ["long-polling"],
    ext: { replay: true, "payload.format": true },
    advice: retry,
  };
}

function subscribe(
  { org, clients }: Streaming,
  client: StreamingClient,
  message: BayeuxMessage,
): BayeuxMessage {
  const { subscription } = message;
  const named = [subscription].flat().map(String);
  const existing = channelsOf(org().schema);
  const wanted = (message.ext as { replay?: Record<string, unknown> } | undefined)?.replay ?? {};
  const found = [];
  for (const channel of named) {
    if (!existing.has(channel)) {
      return failed(message, `404::The channel specified is not found: ${channel}`, { subscription });
    }
    const after = Number(wanted[channel] ?? -1);
    const replayed = org().events.replay(channel, after);
    if ("invalid" in replayed) {
      const advised = "Please provide a valid ID, -2 to replay all events, or -1 to replay only new events.";
      return failed(message, `400::The replayId {${after}} you provided was invalid. ${advised}`, {
        subscription,
      });
    }
    found.push({ channel, events: replayed.events });
  }
  for (const { channel, events } of found) clients().subscribe(client, channel, events);
  return succeeded(message, { subscription });
}

/** The poll's answer and what there is to tell; null: the connection is to break. */
async function connect(
  streaming: Streaming,
  token: string,
  message: BayeuxMessage,
  request: FastifyRequest,
  reply: FastifyReply,
  atOnce: boolean,
): Promise<readonly BayeuxMessage[] | null> {
  const { clients, org, outage, endWithOutage } = streaming;
  const client = clients().find(message.clientId);
  if (client === undefined) return [unknownClient(message)];
  if (org().sessions.session(token) === null) return [unauthenticated(message)];
  clients().isHere(client);
  // A poll that waits still is from a connection the client has given up.
  client.wake?.();
  const first = !client.connected;
  client.connected = true;
  if (client.pending.length === 0 && !atOnce && !first) {
    endWithOutage(request);
    // The connection is this poll's alone: another request on it must not break with what broke the poll.
    reply.header("connection", "close");
    await wait(client, request);
  }
  if (request.raw.socket.destroyed || outage() !== "none") return null;
  if (clients().find(client.id) === undefined) return [unknownClient(message)];
  clients().mayStayAway(client);
  // Tokens end while polls wait.
  if (org().sessions.session(token) === null) return [unauthenticated(message)];
  return tell(org(), client, message);
}

/** Until there is something to tell, the time is over, or the caller has gone. */
function wait(client: StreamingClient, request: FastifyRequest): Promise<void> {
  const { socket } = request.raw;
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      socket.off("close", end);
      if (client.wake === end) client.wake = null;
      resolve();
    };
    const timer = setTimeout(end, pollMs).unref();
    socket.once("close", end);
    client.wake = end;
  });
}

/** Every message told counts against the org's daily events, once for each subscriber. */
function tell(org: Org, client: StreamingClient, message: BayeuxMessage): readonly BayeuxMessage[] {
  const { events, settings } = org.limits;
  const left = Math.max(settings().dailyEvents - events.used(), 0);
  const told = client.pending.splice(0, left);
  for (const _ of told) events.add();
  if (client.pending.length > 0) {
    const advice = { reconnect: "none" };
    return [...told, failed(message, "403::Organization total events daily limit exceeded", { advice })];
  }
  return [...told, { ...succeeded(message), advice: retry }];
}

function succeeded(message: BayeuxMessage, more: BayeuxMessage = {}): BayeuxMessage {
  return { ...about(message), successful: true, ...more };
}

function failed(message: BayeuxMessage, error: string, more: BayeuxMessage = {}): BayeuxMessage {
  return { ...about(message), successful: false, error, ...more };
}

function about({ channel, id, clientId }: BayeuxMessage): BayeuxMessage {
  return { channel, ...(id === undefined ? {} : { id }), ...(clientId === undefined ? {} : { clientId }) };
}

function unknownClient(message: BayeuxMessage): BayeuxMessage {
  const advice = { reconnect: message.channel === "/meta/disconnect" ? "none" : "handshake", interval: 0 };
  return failed(message, "403::Unknown client", { advice });
}

/** What the answer to every message of a request is when its token is no good. */
export function unauthenticated(message: BayeuxMessage): BayeuxMessage {
  return failed(message, "401::Authentication invalid", { advice: { reconnect: "none" } });
}
