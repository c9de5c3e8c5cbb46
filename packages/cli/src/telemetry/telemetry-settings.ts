import { Failure } from "@entente/core/model";

/** What the environment says of telemetry, in the variables of the OpenTelemetry specification. */
export interface TelemetrySettings {
  readonly traces: boolean;
  readonly logs: boolean;
  readonly metrics: boolean;
  readonly serviceName: string;
  readonly sampler: SamplerSetting;
  /** Of the queue of simulators' spans (OTEL_BSP_…). */
  readonly spanQueue: QueueSetting;
  /** Of the queue of log lines (OTEL_BLRP_…). */
  readonly lineQueue: QueueSetting;
}

/** As OpenTelemetry's batch processors take it; what is not said has their defaults. They do not read the variables themselves. */
export type QueueSetting = {
  readonly [Name in (typeof queueVariables)[keyof typeof queueVariables]]?: number;
};

const queueVariables = {
  SCHEDULE_DELAY: "scheduledDelayMillis",
  EXPORT_TIMEOUT: "exportTimeoutMillis",
  MAX_QUEUE_SIZE: "maxQueueSize",
  MAX_EXPORT_BATCH_SIZE: "maxExportBatchSize",
} as const;

export interface SamplerSetting {
  readonly name: (typeof samplers)[number];
  /** Of traces, 0..1. */
  readonly ratio: number;
}

const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

const signals = ["traces", "logs", "metrics"] as const;

/**
 * Null when nothing is to be exported: no endpoint is given, or OTEL_SDK_DISABLED is true.
 * Errors: `telemetry-setting-invalid` (refused) for a protocol, an exporter or a sampler that there is not, or no whole number.
 */
export function telemetryFromEnvironment(
  environment: NodeJS.ProcessEnv,
  defaultName: string,
): TelemetrySettings | null {
  if (environment.OTEL_SDK_DISABLED?.toLowerCase() === "true") return null;
  const [traces, logs, metrics] = signals.map((signal) => isExported(environment, signal));
  if (!traces && !logs && !metrics) return null;
  return {
    traces: traces === true,
    logs: logs === true,
    metrics: metrics === true,
    serviceName: environment.OTEL_SERVICE_NAME || defaultName,
    sampler: samplerOf(environment),
    spanQueue: queueOf("BSP", environment),
    lineQueue: queueOf("BLRP", environment),
  };
}

/** Every variable that says something of telemetry, to hand on to a process that belongs to this one. */
export function telemetryVariables(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((pair): pair is [string, string] => pair[0].startsWith("OTEL_")),
  );
}

function isExported(environment: NodeJS.ProcessEnv, signal: (typeof signals)[number]): boolean {
  const name = signal.toUpperCase();
  const exporter = environment[`OTEL_${name}_EXPORTER`] || "otlp";
  if (exporter !== "otlp" && exporter !== "none")
    throw invalid(`OTEL_${name}_EXPORTER`, exporter, "otlp or none");
  const own = `OTEL_EXPORTER_OTLP_${name}_PROTOCOL`;
  const variable = environment[own] ? own : "OTEL_EXPORTER_OTLP_PROTOCOL";
  const protocol = environment[variable] || "http/protobuf";
  if (protocol !== "http/protobuf") throw invalid(variable, protocol, "http/protobuf");
  const endpoint =
    environment[`OTEL_EXPORTER_OTLP_${name}_ENDPOINT`] || environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  return exporter === "otlp" && endpoint !== undefined && endpoint !== "";
}

function samplerOf(environment: NodeJS.ProcessEnv): SamplerSetting {
  const given = environment.OTEL_TRACES_SAMPLER || "parentbased_always_on";
  const name = samplers.find((one) => one === given);
  if (name === undefined) throw invalid("OTEL_TRACES_SAMPLER", given, samplers.join(", "));
  const ratio = Number(environment.OTEL_TRACES_SAMPLER_ARG || "1");
  if (name.endsWith("ratio") && !(ratio >= 0 && ratio <= 1))
    throw invalid(
      "OTEL_TRACES_SAMPLER_ARG",
      environment.OTEL_TRACES_SAMPLER_ARG ?? "",
      "a number from 0 to 1",
    );
  return { name, ratio };
}

function queueOf(kind: "BSP" | "BLRP", environment: NodeJS.ProcessEnv): QueueSetting {
  const said: { -readonly [Name in keyof QueueSetting]: number } = {};
  for (const [variable, name] of Object.entries(queueVariables)) {
    const text = environment[`OTEL_${kind}_${variable}`];
    if (text === undefined || text === "") continue;
    const value = Number(text);
    if (!Number.isInteger(value) || value <= 0)
      throw invalid(`OTEL_${kind}_${variable}`, text, "a whole number above 0");
    said[name] = value;
  }
  return said;
}

function invalid(variable: string, value: string, expected: string): Failure {
  return new Failure("refused", "telemetry-setting-invalid", `${variable}="${value}" is not ${expected}.`, {
    fields: { variable },
  });
}
