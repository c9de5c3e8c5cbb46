import { ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace";
import type { SamplerSetting } from "./telemetry-settings.ts";

/**
 * Whether a trace is exported, by its id and the context it came with alone. Every process of a system and its simulators decide alike,
 * so a trace is whole or absent: sampling leaves no orphans.
 */
export function openSampling(
  setting: SamplerSetting,
): (traceId: string, traceparent: string | null) => boolean {
  const sampler = samplerOf(setting);
  return (traceId, traceparent) => {
    const context =
      traceparent === null
        ? ROOT_CONTEXT
        : trace.setSpanContext(ROOT_CONTEXT, {
            traceId,
            spanId: traceparent.slice(36, 52),
            traceFlags: Number.parseInt(traceparent.slice(53, 55), 16) & 1,
            isRemote: true,
          });
    const { decision } = sampler.shouldSample(context, traceId, "", SpanKind.INTERNAL, {}, []);
    return decision === SamplingDecision.RECORD_AND_SAMPLED;
  };
}

function samplerOf({ name, ratio }: SamplerSetting): Sampler {
  switch (name) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(ratio);
    case "parentbased_always_on":
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  }
}
