import { request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Means, notSent } from "@entente/core";

export interface HttpCall {
  /** Absolute: `http:` or `https:`. */
  readonly url: string;
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE" | "HEAD";
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  /** Bytes of an answer that are read (default 8 MiB); more is an error. */
  readonly answerBytes?: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** In lower case; of a header that came several times the first, but of `set-cookie` all, joined by `; `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/**
 * One request of a treaty, over a connection that goes where the treaty may go and is used for nothing else.
 * Errors: `request-not-sent` (unavailable) when nothing has left: the connection was refused, or the name is not known. Anything else
 * that is thrown means that it may have arrived; `egress-refused` (refused) where the treaty may not go. Redirects are answers: nobody
 * follows them.
 */
export function httpCall(call: HttpCall, means: Means): Promise<HttpAnswer> {
  const isSecure = call.url.startsWith("https:");
  const request = isSecure ? httpsRequest : httpRequest;
  const allowed = call.answerBytes ?? 8 * 1024 * 1024;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      call.url,
      {
        method: call.method,
        createConnection: means.connect,
        // Without an agent nobody else knows it.
        defaultPort: isSecure ? 443 : 80,
        signal: means.signal,
        headers: {
          ...(call.body === undefined ? {} : { "content-length": Buffer.byteLength(call.body) }),
          ...means.traceHeaders,
          ...call.headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > allowed) outgoing.destroy(new Error(`The answer is longer than ${allowed} bytes.`));
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          const headers: Record<string, string> = {};
          for (const [name, value] of Object.entries(response.headersDistinct)) {
            headers[name] = (name === "set-cookie" ? value?.join("; ") : value?.[0]) ?? "";
          }
          resolve({
            status: response.statusCode ?? 0,
            headers,
            text: Buffer.concat(chunks).toString("utf8"),
          });
        });
      },
    );
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      reject(notSentCodes.has(error.code ?? "") ? notSent(error) : error);
    });
    outgoing.end(call.body);
  });
}

/** Errors that come before a connection stands. */
const notSentCodes = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);
