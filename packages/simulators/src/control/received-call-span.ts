import type { FastifyInstance } from "fastify";
import type { CallUnderWay } from "./received-call.ts";

/** What is told of a request that a simulator has dealt with, for its span. */
export interface ReceivedCallSpan {
  readonly simulator: string;
  readonly method: string;
  readonly operation: string | null;
  readonly behaviour: string | null;
  /** HTTP status; `none`: it got no answer. */
  readonly status: number | "none";
  /** Epoch milliseconds, wall time. */
  readonly startAt: number;
  readonly endAt: number;
  /** As received (W3C Trace Context). */
  readonly traceparent: string | null;
  /** The sender's process, of its baggage (W3C Baggage). */
  readonly processId: string | null;
}

const now = (): number => performance.timeOrigin + performance.now();

/** Tells of every request, however it ended. Register it before the traffic. */
export function tellCalls(
  app: FastifyInstance,
  simulator: string,
  tell: (call: ReceivedCallSpan) => void,
): void {
  app.addHook("onRequest", (request, reply, done) => {
    if (request.url.startsWith("/_control")) return done();
    const startAt = now();
    // With the connection: requests that are left without an answer end no other way.
    reply.raw.once("close", () => {
      const call = request.call as CallUnderWay | null;
      const { traceparent, baggage } = request.headers;
      tell({
        simulator,
        method: request.method,
        operation: call?.row.operation ?? null,
        behaviour: call?.row.behaviour ?? null,
        status: call?.row.status ?? (reply.raw.writableFinished ? reply.statusCode : "none"),
        startAt,
        endAt: now(),
        traceparent: typeof traceparent === "string" ? traceparent : null,
        processId:
          /(?:^|,)\s*process_id=([0-9a-f-]{36})(?:\s*[,;]|\s*$)/.exec(String(baggage ?? ""))?.[1] ?? null,
      });
    });
    done();
  });
}
