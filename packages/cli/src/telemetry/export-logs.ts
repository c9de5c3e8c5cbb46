import type { Attributes } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import type { Resource } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import type { QueueSetting } from "./telemetry-settings.ts";

/** Takes the lines that go to standard error, and exports them: what a line leaves out, nobody gets here either. */
export interface LogExport {
  /** One line of JSON. Never blocks: beyond a bounded queue lines are dropped; standard error has them. */
  write(line: string): void;
  stop(): Promise<void>;
}

const severities: Readonly<Record<number, SeverityNumber>> = {
  10: SeverityNumber.TRACE,
  20: SeverityNumber.DEBUG,
  30: SeverityNumber.INFO,
  40: SeverityNumber.WARN,
  50: SeverityNumber.ERROR,
  60: SeverityNumber.FATAL,
};

/** Names that spans have too, and the list of them. */
const shared: Readonly<Record<string, string>> = {
  processId: "process_id",
  processIds: "process_ids",
  tenantId: "tenant_id",
};

export function openLogExport(resource: Resource, queue: QueueSetting): LogExport {
  const processor = new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(), ...queue });
  const provider = new LoggerProvider({ resource, processors: [processor] });
  const logger = provider.getLogger("entente");
  return {
    write(line) {
      const { level, time, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
      const severityNumber = severities[Number(level)] ?? SeverityNumber.UNSPECIFIED;
      logger.emit({
        timestamp: Number(time),
        severityNumber,
        severityText: SeverityNumber[severityNumber],
        body: String(msg ?? ""),
        attributes: attributesOf(rest),
      });
    },
    stop: () => provider.shutdown(),
  };
}

/** Plain members, and lists of texts or of numbers; of an error its type and code. */
function attributesOf(line: Readonly<Record<string, unknown>>): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(line)) {
    if (isPlain(value)) attributes[shared[name] ?? name] = value;
  }
  const { err } = line;
  if (typeof err === "object" && err !== null) {
    const { type, code } = err as Record<string, unknown>;
    if (typeof type === "string") attributes["exception.type"] = type;
    if (typeof code === "string") attributes["error.code"] = code;
  }
  return attributes;
}

/** OTLP takes lists whose members are of one type. */
function isPlain(value: unknown): value is string | number | boolean | string[] | number[] {
  if (Array.isArray(value)) {
    return ["string", "number"].some((type) => value.every((member) => typeof member === type));
  }
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
