import { spanIdOf, traceIdOf } from "@entente/core/internal";

/** An entry that a measured value came from. */
export interface Exemplified {
  readonly id: string;
  readonly processId: string;
  readonly traceparent: string | null;
}

/**
 * Names of a value's process and span, as labels of an exemplar. `caller`: flags of the trace context that the process came with, `00` or
 * `01`; it is not there when the process came without one.
 */
type ExemplarLabels = Readonly<Record<"process_id" | "trace_id" | "span_id", string>> & {
  readonly caller?: string;
};

function exemplarLabels({ id, processId, traceparent }: Exemplified): ExemplarLabels {
  return {
    process_id: processId,
    trace_id: traceIdOf(processId, traceparent),
    span_id: spanIdOf(id),
    ...(traceparent === null ? {} : { caller: traceparent.slice(53, 55) }),
  };
}

/** A single value of a histogram, as prom-client has them. Seconds. */
export interface Exemplar {
  readonly labelSet: ExemplarLabels;
  readonly value: number;
  readonly timestamp: number;
}

export function exemplarOf(from: Exemplified, seconds: number): Exemplar {
  return { labelSet: exemplarLabels(from), value: seconds, timestamp: Date.now() / 1_000 };
}
