import { type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { codeOfKind } from "./edge-errors.ts";
import type { EdgeLimits } from "./limits.ts";
import { type ProblemTable, problemOf, problemType } from "./problem.ts";

/** Bounds connections in total and per address. Those beyond are told so and closed before anything is read. */
export function boundConnections(server: Server, limits: EdgeLimits, refuse: (socket: Socket) => void): void {
  const perAddress = new Map<string, number>();
  let open = 0;
  server.on("connection", (socket) => {
    const address = socket.remoteAddress ?? "";
    const here = (perAddress.get(address) ?? 0) + 1;
    if (open >= limits.connectionsAllowed || here > limits.connectionsPerAddress) return refuse(socket);
    open++;
    perAddress.set(address, here);
    socket.once("close", () => {
      open--;
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left === 0) perAddress.delete(address);
      else perAddress.set(address, left);
    });
  });
}

export interface RawAnswers {
  /** For what Node's HTTP parser refuses, and for slow requests. */
  clientError(error: Error & { code?: string }, socket: Socket): void;
  tooManyConnections(socket: Socket): void;
}

/** Node's parser codes; every other broken request is `request-malformed`. */
const ofParser: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "request-timeout",
  HPE_HEADER_OVERFLOW: "headers-too-large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "body-too-large",
};

/** Answers where there is no request to answer: the bytes go to the socket, and the socket is closed. */
export function openRawAnswers(table: ProblemTable, answered: (code: string) => void): RawAnswers {
  const byCode = new Map(table.errors.map((entry) => [entry.code, entry]));

  function answer(code: string, socket: Socket): void {
    const entry = byCode.get(code) ?? byCode.get(codeOfKind.defect);
    if (entry === undefined || !socket.writable) return void socket.destroy();
    answered(code);
    const body = JSON.stringify(problemOf(entry, entry.meaning));
    const retry = entry.retryAfterSeconds === undefined ? "" : `Retry-After: ${entry.retryAfterSeconds}\r\n`;
    socket.end(
      `HTTP/1.1 ${entry.status} ${STATUS_CODES[entry.status]}\r\nConnection: close\r\nContent-Type: ${problemType}\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nCache-Control: no-store\r\n${retry}\r\n${body}`,
      () => socket.destroy(),
    );
  }

  return {
    clientError(error, socket) {
      if (error.code === "ECONNRESET" || answerBegun(socket)) return void socket.destroy();
      answer(ofParser[error.code ?? ""] ?? "request-malformed", socket);
    },
    tooManyConnections(socket) {
      // Nobody else listens yet, and a reset while we say goodbye must not end the process.
      socket.on("error", () => {});
      answer("too-many-connections", socket);
    },
  };
}

/** True when part of an answer is on the wire already: a second one would be read as its body. */
function answerBegun(socket: Socket): boolean {
  return (
    (socket as Socket & { _httpMessage?: { headersSent?: boolean } | null })._httpMessage?.headersSent ===
    true
  );
}
