import assert from "node:assert/strict";
import { type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

export interface Call {
  readonly token?: string;
  readonly headers?: Record<string, string>;
  /** An object is sent as JSON; text and bytes as they are. */
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON body; an empty object when there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes.
  readonly body: any;
}

export async function call(url: string, method: string, path: string, options: Call = {}): Promise<Answer> {
  const { token, headers = {}, body } = options;
  const asIs = typeof body === "string" || body instanceof Uint8Array;
  const answer = await fetch(url + path, {
    method,
    redirect: "manual",
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: asIs ? (body as string) : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const json = answer.headers.get("content-type")?.includes("json") === true && text !== "";
  return { status: answer.status, headers: answer.headers, text, body: json ? JSON.parse(text) : {} };
}

/** Asserts a problem document of this code and hands it on. */
export function assertProblem(answer: Answer, status: number, code: string): Answer["body"] {
  assert.equal(answer.body.code, code, answer.text);
  assert.equal(answer.status, status);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  assert.equal(answer.body.status, status);
  assert.equal(answer.body.type, `/docs/errors#${code}`);
  assert.ok(answer.body.title.length > 0 && answer.body.detail.length > 0);
  return answer.body;
}

/** A bare connection, for what no HTTP client would send. */
export function bare(port: number): Socket & { all(): Promise<string> } {
  const socket = connect(port, "127.0.0.1");
  socket.setEncoding("utf8");
  let seen = "";
  const ended = new Promise<string>((resolve) => {
    socket.on("data", (text) => {
      seen += text;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(seen));
  });
  return Object.assign(socket, { all: () => ended });
}

export function bareAnswer(text: string): { status: number; code: string; head: string } {
  const [head = "", body = "{}"] = text.split("\r\n\r\n", 2);
  return {
    head,
    status: Number(head.split(" ")[1]),
    code: String((JSON.parse(body === "" ? "{}" : body) as { code?: string }).code),
  };
}

export interface SentEvent {
  readonly id: string;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: as Answer.body.
  readonly data: any;
}

export interface EventStream {
  readonly response: IncomingMessage;
  /** The next event; null when the stream ended. */
  next(): Promise<SentEvent | null>;
  /** The next comment. */
  comment(): Promise<string>;
  close(): void;
}

/** Opens a stream of server-sent events. */
export async function followEvents(
  url: string,
  token: string,
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const outgoing = request(url, { headers: { authorization: `Bearer ${token}`, ...headers } });
  outgoing.on("error", () => {});
  outgoing.end();
  const { promise, resolve } = Promise.withResolvers<IncomingMessage>();
  outgoing.once("response", resolve);
  const response = await promise;
  const queue = openQueue<SentEvent | null>();
  const comments = openQueue<string>();
  let fields: Record<string, string> = {};
  const lines = createInterface({ input: response });
  response.on("error", () => {});
  lines.on("error", () => {});
  lines.on("line", (line) => {
    if (line.startsWith(":")) return comments.put(line);
    if (line === "") {
      const { id = "", event = "message", data } = fields;
      fields = {};
      if (data !== undefined) queue.put({ id, event, data: JSON.parse(data) });
      return;
    }
    const at = line.indexOf(": ");
    fields[line.slice(0, at)] = line.slice(at + 2);
  });
  response.on("close", () => queue.put(null));
  return { response, next: queue.take, comment: comments.take, close: () => outgoing.destroy() };
}

export interface PushSocket {
  // biome-ignore lint/suspicious/noExplicitAny: as Answer.body.
  next(): Promise<any>;
  send(message: unknown): void;
  readonly closed: Promise<{ code: number; reason: string }>;
  close(): void;
}

/** Opens a WebSocket. Messages come from `next`; an HTTP refusal closes it with 1006. */
export async function openPush(
  port: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<PushSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers } as never);
  const queue = openQueue<unknown>();
  const opened = new Promise<void>((resolve) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("close", () => resolve());
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
  });
  socket.addEventListener("message", ({ data }) => queue.put(JSON.parse(String(data))));
  await opened;
  return {
    next: queue.take,
    send: (message) => socket.send(message instanceof Uint8Array ? message : JSON.stringify(message)),
    closed,
    close: () => socket.close(),
  };
}

/** Hands values from those who have them to those who wait. */
function openQueue<T>(): { put(value: T): void; take(): Promise<T> } {
  const values: T[] = [];
  const waiting: ((value: T) => void)[] = [];
  return {
    put(value) {
      const next = waiting.shift();
      if (next === undefined) values.push(value);
      else next(value);
    },
    take: () =>
      values.length > 0
        ? Promise.resolve(values.shift() as T)
        : new Promise((resolve) => waiting.push(resolve)),
  };
}
