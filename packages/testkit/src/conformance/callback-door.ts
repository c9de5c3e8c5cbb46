/** Where a counterparty's callbacks arrive over the wire; they can be kept back, to be delivered when and how a test wants. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { CallbackReceipt } from "@entente/core";

/** A message as its bytes came. */
export interface CallbackMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly rawBody: Buffer;
}

export type TakeCallback = (message: CallbackMessage, remoteAddress: string) => Promise<CallbackReceipt>;

export interface CallbackDoor {
  readonly url: string;
  /** Everything the counterparty sent, in order. */
  readonly arrived: readonly CallbackMessage[];
  /** While it is true, messages are taken and kept, and nobody is told. */
  keepsBack: boolean;
  /** Sends a message over the wire as the counterparty would; it is never kept back. */
  deliver(message: CallbackMessage): Promise<CallbackReceipt>;
  close(): Promise<void>;
}

/** Headers of the connection, not of the message. */
const ofTheConnection = new Set(["host", "connection", "content-length", "transfer-encoding", "keep-alive"]);
const ownHeader = "x-conformance-delivery";

export async function openCallbackDoor(take: TakeCallback): Promise<CallbackDoor> {
  const arrived: CallbackMessage[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      const isOurs = request.headers[ownHeader] !== undefined;
      const headers = Object.fromEntries(
        Object.entries(request.headers).flatMap(([name, value]) =>
          typeof value !== "string" || ofTheConnection.has(name) || name === ownHeader ? [] : [[name, value]],
        ),
      );
      const message = { headers, rawBody: Buffer.concat(chunks) };
      if (!isOurs) arrived.push(message);
      if (!isOurs && door.keepsBack) {
        response.writeHead(200).end("{}");
        return;
      }
      take(message, request.socket.remoteAddress ?? "").then(
        (receipt) =>
          response.writeHead(receipt.outcome === "refused" ? 401 : 200).end(JSON.stringify(receipt)),
        // Nothing was stored: the sender is to come again.
        (error: unknown) => response.writeHead(503).end(JSON.stringify({ error: String(error) })),
      );
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const door: CallbackDoor = {
    url,
    arrived,
    keepsBack: false,
    async deliver({ headers, rawBody }) {
      const response = await fetch(url, {
        method: "POST",
        body: new Uint8Array(rawBody),
        headers: { ...headers, [ownHeader]: "1" },
      });
      if (response.status === 503) throw new Error(`the callback was not taken: ${await response.text()}`);
      return (await response.json()) as CallbackReceipt;
    },
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return door;
}
