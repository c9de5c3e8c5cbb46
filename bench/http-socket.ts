/**
 * The smallest HTTP/1.1 client that serves the benchmark: one keep-alive connection, one request at a time.
 * `node:http` costs several times the CPU per request, and the load generator shares two cores with its target.
 */
import { connect, type Socket } from "node:net";

/** A whole response. `status` 0: the connection broke, so whether the request was carried out is unknown. */
export type Answer = { status: number; head: string; body: string };

const contentLength = /\r\ncontent-length: *(\d+)/i;
const chunked = /\r\ntransfer-encoding: *chunked/i;

/** Reads the body that follows `head`; undefined while it is incomplete. */
function bodyOf(head: string, rest: string): string | undefined {
  const length = contentLength.exec(head);
  if (length !== null) {
    const bytes = Number(length[1]);
    return rest.length >= bytes ? rest.slice(0, bytes) : undefined;
  }
  if (!chunked.test(head)) return "";
  let body = "";
  let at = 0;
  for (;;) {
    const end = rest.indexOf("\r\n", at);
    if (end < 0) return undefined;
    const size = Number.parseInt(rest.slice(at, end), 16);
    if (rest.length < end + 2 + size + 2) return undefined;
    if (size === 0) return body;
    body += rest.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

/** One connection. `send` may be called again only after its answer arrived; a broken connection reopens itself. */
export class HttpSocket {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket;
  #received = "";
  #answer: ((answer: Answer) => void) | undefined;
  #closed = false;

  constructor(url: URL) {
    this.#host = url.hostname;
    this.#port = Number(url.port);
    this.#socket = this.#open();
  }

  #open(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    // Lengths are in bytes: latin1 keeps one character per byte.
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#read(text));
    socket.on("error", () => {});
    socket.on("close", () => {
      if (this.#closed) return;
      setTimeout(() => {
        this.#socket = this.#open();
        this.#finish({ status: 0, head: "", body: "" });
      }, 20);
    });
    return socket;
  }

  #read(text: string): void {
    this.#received = this.#received === "" ? text : this.#received + text;
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#received.slice(0, end);
    const body = bodyOf(head, this.#received.slice(end + 4));
    if (body === undefined) return;
    this.#received = "";
    this.#finish({ status: Number(head.slice(9, 12)), head, body });
  }

  #finish(answer: Answer): void {
    const resolve = this.#answer;
    this.#answer = undefined;
    this.#received = "";
    resolve?.(answer);
  }

  /** Writes one complete request; `done` is called once, with status 0 if the connection broke. */
  send(request: string, done: (answer: Answer) => void): void {
    this.#answer = done;
    this.#socket.write(request, "latin1");
  }

  /** Closes for good. */
  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }
}
