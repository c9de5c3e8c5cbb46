/** One request to the payment provider. */
import { request } from "node:http";
import { type Means, notSent, type Reply } from "@entente/core";

export interface PaymentsRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly form?: URLSearchParams;
  readonly idempotencyKey?: string;
}

const origin = "http://localhost:4010";

export async function askPayments(ask: PaymentsRequest, means: Means): Promise<Reply> {
  const headers = {
    authorization: `Bearer ${await means.secret("api-key")}`,
    "content-type": "application/x-www-form-urlencoded",
    ...(ask.idempotencyKey === undefined ? {} : { "idempotency-key": ask.idempotencyKey }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${origin}${ask.path}`,
      // The runtime says where a treaty may connect to, and when its time is over.
      { method: ask.method, headers, createConnection: means.connect, signal: means.signal },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const raw = Buffer.concat(chunks).toString();
          resolve({ status: String(response.statusCode), raw, body: asJson(raw) });
        });
      },
    );
    // Only of a refused connection is it certain that nothing arrived. A broken one may have carried the request.
    outgoing.on("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "ECONNREFUSED" ? notSent(error) : error),
    );
    outgoing.end(ask.form?.toString());
  });
}

function asJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return raw;
  }
}
