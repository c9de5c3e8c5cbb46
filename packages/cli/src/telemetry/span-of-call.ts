import type { Span } from "@entente/core";
import type { ReceivedCallSpan } from "@entente/simulators";

const version0 = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

/** The span of a request that a simulator received, below the span of whoever sent it. */
export function spanOfCall(
  call: ReceivedCallSpan,
  ids: { generateTraceId(): string; generateSpanId(): string },
): Span {
  const [traceparent = null, traceId = ids.generateTraceId(), parentId = null] =
    version0.exec(call.traceparent ?? "") ?? [];
  const isTrouble = call.status === "none" || call.status >= 500;
  const status = String(call.status);
  return {
    traceId,
    spanId: ids.generateSpanId(),
    parentId,
    parentIsRemote: parentId !== null,
    name: `${call.method} ${call.operation ?? "unknown"}`,
    kind: "server",
    startAt: call.startAt,
    endAt: call.endAt,
    error: isTrouble ? status : null,
    attributes: {
      ...(call.processId === null ? {} : { process_id: call.processId }),
      "http.request.method": call.method,
      ...(call.status === "none" ? {} : { "http.response.status_code": call.status }),
      "entente.simulator": call.simulator,
      "entente.operation": call.operation ?? "unknown",
      ...(call.behaviour === null ? {} : { "entente.behaviour": call.behaviour }),
      ...(isTrouble ? { "error.type": status } : {}),
    },
    links: [],
    traceparent,
  };
}
