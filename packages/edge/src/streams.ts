import { Failure } from "@entente/core/model";
import type { EdgeLimits } from "./limits.ts";
import type { Identity } from "./tokens.ts";

export type StreamKind = "sse" | "websocket";

/** An open stream as the register sees it. */
export interface OpenStream {
  readonly kind: StreamKind;
  readonly identity: Identity;
  /** Shows that the connection lives: an SSE comment, a WebSocket ping. */
  beat(): void;
  /** Ends it from our side. Calling it again changes nothing. */
  end(why: "token-expired" | "server-closing"): void;
}

/** All open push streams: counted per caller, kept alive, ended with their token and with the server. */
export interface Streams {
  /** Returns the function that takes it off again. Errors: `too-many-streams`, `not-ready` (unavailable). */
  add(stream: OpenStream): () => void;
  count(kind: StreamKind): number;
  endAll(): void;
}

/** Longest delay a Node timer takes. */
const longestTimerMs = 2 ** 31 - 1;

export function openStreams(limits: EdgeLimits, now: () => number = Date.now): Streams {
  const open = new Set<OpenStream>();
  const perCaller = new Map<string, number>();
  const beats = new Map<StreamKind, NodeJS.Timeout>();
  let closing = false;

  function keepBeating(kind: StreamKind): void {
    if (beats.has(kind)) return;
    const everyMs = kind === "sse" ? limits.heartbeatMs : limits.pingMs;
    const timer = setInterval(() => {
      let any = false;
      for (const stream of open) {
        if (stream.kind !== kind) continue;
        any = true;
        stream.beat();
      }
      if (any) return;
      clearInterval(timer);
      beats.delete(kind);
    }, everyMs).unref();
    beats.set(kind, timer);
  }

  return {
    add(stream) {
      const { identity, kind } = stream;
      if (closing) throw new Failure("unavailable", "not-ready", "The server is shutting down.");
      const caller = `${identity.tenant}\u0000${identity.sub}`;
      const opened = perCaller.get(caller) ?? 0;
      if (opened >= limits.streamsPerCaller) {
        throw new Failure(
          "unavailable",
          "too-many-streams",
          "This caller has as many open streams as allowed.",
        );
      }
      perCaller.set(caller, opened + 1);
      open.add(stream);
      keepBeating(kind);
      const leftMs = Math.min(longestTimerMs, Math.max(0, identity.expiresAt - now()));
      const expiry = setTimeout(() => stream.end("token-expired"), leftMs).unref();
      return () => {
        if (!open.delete(stream)) return;
        clearTimeout(expiry);
        const left = (perCaller.get(caller) ?? 1) - 1;
        if (left === 0) perCaller.delete(caller);
        else perCaller.set(caller, left);
      };
    },
    count(kind) {
      let count = 0;
      for (const stream of open) if (stream.kind === kind) count++;
      return count;
    },
    endAll() {
      closing = true;
      for (const stream of [...open]) stream.end("server-closing");
      for (const timer of beats.values()) clearInterval(timer);
      beats.clear();
    },
  };
}
