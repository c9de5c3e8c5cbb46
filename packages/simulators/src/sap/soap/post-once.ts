import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

/**
 * Sends one POST over a connection of its own and resolves to the HTTP status, or null when none came within `patienceMs`.
 * A kept connection may be closed by the receiver at the moment of sending: that would look like a fault of the receiver's.
 */
export function postOnce(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  patienceMs: number,
): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const send = url.startsWith("https:") ? httpsRequest : httpRequest;
  const request = send(url, {
    method: "POST",
    headers: { ...headers, "content-length": Buffer.byteLength(body) },
    agent: false,
    signal: AbortSignal.timeout(patienceMs),
  });
  request.once("response", (response) => {
    response.resume();
    response.once("end", () => resolve(response.statusCode ?? null));
    // Cut off after its status: the receiver has not finished.
    response.once("close", () => resolve(null));
  });
  // Refused, reset, or too late.
  request.once("error", () => resolve(null));
  request.end(body);
  return promise;
}
