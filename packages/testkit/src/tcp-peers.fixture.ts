import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";

/** A server that answers with what it hears. */
export interface EchoServer {
  readonly port: number;
  /** Everything heard so far, of all connections. */
  heard(): string;
  /** How the connections ended, in order: `end`, or the error's code. */
  readonly endings: string[];
  close(): Promise<void>;
}

export async function startEchoServer(): Promise<EchoServer> {
  const endings: string[] = [];
  const sockets = new Set<Socket>();
  let heard = "";
  const server = createServer((socket) => {
    let ending = "end";
    sockets.add(socket);
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
      socket.write(chunk);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      ending = error.code ?? "error";
    });
    socket.on("close", () => {
      endings.push(ending);
      sockets.delete(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard: () => heard,
    endings,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A client that remembers what it was told, chunk by chunk. */
export interface Client {
  readonly socket: Socket;
  readonly chunks: string[];
  text(): string;
  /** `end`, or the code of the error the connection ended with. */
  readonly closed: Promise<string>;
}

export async function connectTo(port: number): Promise<Client> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const chunks: string[] = [];
  let ending = "end";
  socket.on("data", (chunk) => chunks.push(chunk.toString("latin1")));
  socket.on("error", (error: NodeJS.ErrnoException) => {
    ending = error.code ?? "error";
  });
  const closed = new Promise<string>((resolve) => socket.on("close", () => resolve(ending)));
  await new Promise<void>((resolve) => {
    socket.once("connect", resolve);
    socket.once("close", () => resolve());
  });
  return { socket, chunks, text: () => chunks.join(""), closed };
}

/** Turns the event loop until the condition holds. Errors: it does not within 10 s. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const limit = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > limit) throw new Error(`not within 10 s: ${what}`);
    await setImmediate();
  }
}
