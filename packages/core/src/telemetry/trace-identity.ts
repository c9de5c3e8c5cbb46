import type { SpanRef, Telemetry } from "./span.ts";

/**
 * Trace and span ids follow from what an entry carries, so that every process knows them, also after a crash and before anything was
 * exported: the trace from the caller's context or else from the process, the span from the entry (docs/decisions/0019-telemetry-is-a-consumer.md).
 */

/** The caller's trace, or the process itself: its id without hyphens. */
export function traceIdOf(processId: string, traceparent: string | null): string {
  return traceparent === null ? processId.replaceAll("-", "") : traceparent.slice(3, 35);
}

/** The random half of the id. Its first bits are 10, so it is never the id that means none. */
export function spanIdOf(entryId: string): string {
  return entryId.slice(19, 23) + entryId.slice(24);
}

/** The span that called us, of a valid traceparent. */
export function callerOf(traceparent: string): string {
  return traceparent.slice(36, 52);
}

/** Headers by which a counterparty goes on with the trace (W3C Trace Context), and learns the process (W3C Baggage). */
export type TraceHeaders = Readonly<Record<string, string>>;

/** For calls made on behalf of the span of an entry. */
export function traceHeaders(
  telemetry: Telemetry | undefined,
  of: { readonly processId: string; readonly traceparent: string | null },
  entryId: string | null,
): TraceHeaders | undefined {
  if (telemetry === undefined || entryId === null) return undefined;
  const { traceId, spanId }: SpanRef = {
    traceId: traceIdOf(of.processId, of.traceparent),
    spanId: spanIdOf(entryId),
  };
  const flags = telemetry.isSampled(traceId, of.traceparent) ? "01" : "00";
  return { traceparent: `00-${traceId}-${spanId}-${flags}`, baggage: `process_id=${of.processId}` };
}
