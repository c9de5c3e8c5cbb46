import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";

/** Takes whatever is exported by OTLP and keeps the bytes, by path. It reads nothing: who looks for bytes needs no protocol. */
export interface TelemetryBodies {
  readonly url: string;
  of(signal: "traces" | "logs" | "metrics"): readonly Buffer[];
  close(): Promise<void>;
}

export async function startTelemetryBodies(): Promise<TelemetryBodies> {
  const bodies = new Map<string, Buffer[]>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const sent = Buffer.concat(chunks);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      const path = request.url ?? "";
      bodies.set(path, [...(bodies.get(path) ?? []), body]);
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    of: (signal) => bodies.get(`/v1/${signal}`) ?? [],
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
