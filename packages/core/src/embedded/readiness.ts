/** Waits for a server by doing what its users will do: connecting with the password. */
import { realpath } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { loopback } from "./port.ts";

export interface Watched {
  readonly url: string;
  readonly port: number;
  readonly dataFolder: string;
  /** False when the server's process is gone: then there is nothing left to wait for. */
  isAlive(): boolean;
  readonly log: (line: string) => void;
  /** Makes the wait reject with the signal's reason. */
  readonly signal: AbortSignal;
}

export type Readiness =
  /** It took our password, proved that it knows it too (scram), and serves our data folder. */
  | { readonly state: "ready" }
  | { readonly state: "gone" }
  /** Something answers, but it is not ours: wrong password or another data folder. */
  | { readonly state: "stranger"; readonly detail: string }
  /** No answer within `silentMs`. */
  | { readonly state: "silent"; readonly detail: string }
  /** It said for `busyMs` that it is starting up or shutting down. */
  | { readonly state: "busy"; readonly detail: string };

export interface Patience {
  readonly silentMs: number;
  readonly busyMs: number;
}

/** Recovery after a crash replays up to max_wal_size and more; on a slow disk that takes minutes. */
export const patience: Patience = { silentMs: 60_000, busyMs: 600_000 };

const cannotConnectNow = "57P03";
const wrongPassword = new Set(["28P01", "28000", "3D000"]);
const progressMs = 10_000;
/** Another server that took the port before ours answers too; ours then ends within this time. */
const strangerMs = 1_000;

/** Waits until the server is ready or will not be, in the bounds of `limits`. Never rejects but by the signal. */
export async function waitUntilReady(server: Watched, limits: Patience = patience): Promise<Readiness> {
  const begun = Date.now();
  let lastWord = begun;
  let strangeSince: number | undefined;
  let nextProgress = begun + progressMs;
  for (let waitMs = 10; ; waitMs = Math.min(waitMs * 1.5, 250)) {
    server.signal.throwIfAborted();
    const answer = await connectOnce(server);
    if (answer === "ready") return { state: "ready" };
    if (!server.isAlive()) return { state: "gone" };
    const now = Date.now();
    const detail = answer.message;
    const isStranger = answer.code === undefined || wrongPassword.has(answer.code);
    strangeSince = isStranger ? (strangeSince ?? now) : undefined;
    if (strangeSince !== undefined && now - strangeSince > strangerMs) return { state: "stranger", detail };
    if (answer.code === cannotConnectNow) lastWord = now;
    if (now - lastWord > limits.silentMs) return { state: "silent", detail };
    if (now - begun > limits.busyMs) return { state: "busy", detail };
    if (now > nextProgress) {
      server.log(
        `waiting for PostgreSQL on port ${server.port} since ${Math.round((now - begun) / 1000)} s: ${detail}`,
      );
      nextProgress = now + progressMs;
    }
    await pause(waitMs, undefined, { signal: server.signal });
  }
}

/** "ready", or the error; an error without a code means that another data folder is served. */
async function connectOnce(
  server: Watched,
): Promise<"ready" | { code: string | undefined; message: string }> {
  const client = new pg.Client({
    connectionString: server.url,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  // A server that goes away between two calls reports here; the call in hand reports it too.
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>("show data_directory");
    const served = rows[0]?.data_directory ?? "";
    const [theirs, ours] = await Promise.all(
      [served, server.dataFolder].map((place) => realpath(place).catch(() => place)),
    );
    if (theirs === ours) return "ready";
    return { code: undefined, message: `the server at ${loopback}:${server.port} serves ${served}` };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    return { code: typeof code === "string" ? code : "unknown", message: String(message || code) };
  } finally {
    await client.end().catch(() => {});
  }
}
