import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { isFailure, type Means, notSent, type Reply } from "@entente/core";

/** The version of the interface that this treaty was written against. */
const interfaceVersion = "2026-10-28.endive";
/** Longer answers are cut off, and so unreadable. */
const answerBytesAllowed = 1_000_000;

export interface PaymentsCall {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly form?: URLSearchParams;
  readonly idempotencyKey?: string;
}

/**
 * One request to the payment provider over a connection of its own: one that was kept open could break by itself, and leave open what
 * was done. Errors: `request-not-sent` (unavailable) when certainly nothing left; anything else thrown means that it may have.
 */
export async function callPayments(baseUrl: string, call: PaymentsCall, means: Means): Promise<Reply> {
  const url = new URL(call.path, baseUrl);
  const apiKey = await means.secret("apiKey");
  await mayConnect(url.hostname, means);
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const outgoing = send(
      url,
      {
        method: call.method,
        agent: false,
        lookup: means.lookup as never,
        signal: means.signal,
        headers: {
          authorization: `Bearer ${apiKey}`,
          "stripe-version": interfaceVersion,
          ...(call.form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
          ...(call.idempotencyKey === undefined ? {} : { "idempotency-key": call.idempotencyKey }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.byteLength;
          if (bytes > answerBytesAllowed) response.destroy(new Error("the answer is too long"));
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          const raw = Buffer.concat(chunks).toString();
          resolve({ status: String(response.statusCode), raw, body: bodyOf(raw, response.headers) });
        });
      },
    );
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      reject(neverLeft.has(error.code ?? "") ? notSent(error) : error);
    });
    outgoing.end(call.form?.toString());
  });
}

/** Without a connection there is no effect. */
const neverLeft: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"]);

/** An address written into the URL is never resolved, and so would pass the guard by. */
async function mayConnect(hostname: string, means: Means): Promise<void> {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) === 0) return;
  await new Promise<void>((resolve, reject) => {
    means.lookup(host, {}, (error) =>
      error === null ? resolve() : reject(isFailure(error) ? error : notSent(error)),
    );
  });
}

/** The JSON, or the text when it is none. How long to wait stands in a header and is put beside the error it belongs to. */
function bodyOf(raw: string, headers: IncomingHttpHeaders): unknown {
  let body: unknown;
  try {
    body = JSON.parse(raw);
  } catch {
    return raw;
  }
  const seconds = Number(headers["retry-after"]);
  const { error } = body as { error?: unknown };
  if (!Number.isFinite(seconds) || typeof error !== "object" || error === null) return body;
  return { error: { ...error, retry_after_seconds: seconds } };
}
