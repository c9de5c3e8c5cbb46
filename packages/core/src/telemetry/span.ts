/** Spans as we make them: plain, named by the words of OpenTelemetry, with nothing of its packages. */

export type SpanKind = "server" | "client" | "producer" | "consumer" | "internal";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanRef {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
}

export interface Span extends SpanRef {
  /** In the same trace; null: the trace begins here. */
  readonly parentId: string | null;
  /** The parent is somebody else's, who called us. */
  readonly parentIsRemote: boolean;
  readonly name: string;
  readonly kind: SpanKind;
  /** Epoch milliseconds, wall time, with fractions. */
  readonly startAt: number;
  readonly endAt: number;
  /** Why it went wrong, in one word; null: it did not. */
  readonly error: string | null;
  readonly attributes: SpanAttributes;
  readonly links: readonly SpanRef[];
  /** Of the process: the caller decided with it whether the trace is sampled. */
  readonly traceparent: string | null;
}

/** What became of spans that were given away. `unavailable`: nothing arrived, try again; `refused`: they will never be taken. */
export type SpansTaken = "taken" | "refused" | "unavailable";

/**
 * Where spans go. Absent from a system that exports nothing: then no consumer runs for it and no header is made.
 * Two processes of one system must decide alike which traces are sampled: by the trace and its context alone.
 */
export interface Telemetry {
  isSampled(traceId: string, traceparent: string | null): boolean;
  /** Ends within seconds, whatever the receiver does. Never throws. */
  takeSpans(spans: readonly Span[]): Promise<SpansTaken>;
  /** Spans that nobody will ever get, by reason. */
  dropped(count: number, reason: "too-old" | "refused"): void;
}
