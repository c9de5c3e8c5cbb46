/** A receiver of OTLP over HTTP for tests. It reads with the protocol's own definitions, compiled by others, not with ours. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
// Generated from opentelemetry-proto.
import definitions from "otlp-definitions/build/src/generated/root.js";

type Plain = string | number | boolean;
type Attributes = Readonly<Record<string, Plain | readonly Plain[]>>;

export interface ReceivedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: none. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: string;
  readonly startNano: bigint;
  readonly endNano: bigint;
  readonly isError: boolean;
  readonly attributes: Attributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}

export interface ReceivedLog {
  readonly service: string;
  readonly severity: string;
  readonly body: string;
  readonly attributes: Attributes;
}

export interface ReceivedMetric {
  readonly service: string;
  readonly name: string;
  readonly kind: "sum" | "gauge" | "histogram";
  readonly points: readonly {
    readonly attributes: Attributes;
    readonly value: number;
    readonly exemplars: readonly ReceivedExemplar[];
  }[];
}

export interface ReceivedExemplar {
  readonly value: number;
  readonly timeNano: bigint;
  /** Empty: none. */
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

export interface OtlpReceiver {
  readonly url: string;
  /** By id: what is sent again after an answer was lost is the same span. */
  readonly spans: ReadonlyMap<string, ReceivedSpan>;
  readonly logs: readonly ReceivedLog[];
  readonly metrics: readonly ReceivedMetric[];
  readonly headers: readonly IncomingMessage["headers"][];
  /** Everything received, as it came. */
  readonly bodies: readonly Buffer[];
  requests(): number;
  /** 200 takes; another status refuses; `hang` never answers. */
  answerWith(how: number | "hang"): void;
  /** Resolves as soon as what came satisfies the question. Errors: after `withinMs`, saying what came. */
  until<T>(what: string, question: () => T | undefined | false | null, withinMs?: number): Promise<T>;
  close(): Promise<void>;
}

/** Shape of the generated classes that is used here. */
interface MessageClass {
  decode(body: Buffer): unknown;
  toObject(message: unknown, how: object): Record<string, unknown>;
}

interface Definitions {
  readonly opentelemetry: {
    readonly proto: {
      readonly collector: Record<"trace" | "logs" | "metrics", { v1: Record<string, MessageClass> }>;
    };
  };
}

// Its types say nothing of what is in it.
const { collector } = (definitions as unknown as Definitions).opentelemetry.proto;
const requests = {
  "/v1/traces": collector.trace.v1.ExportTraceServiceRequest,
  "/v1/logs": collector.logs.v1.ExportLogsServiceRequest,
  "/v1/metrics": collector.metrics.v1.ExportMetricsServiceRequest,
};

export async function startOtlpReceiver(port = 0): Promise<OtlpReceiver> {
  const spans = new Map<string, ReceivedSpan>();
  const logs: ReceivedLog[] = [];
  const metrics: ReceivedMetric[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const bodies: Buffer[] = [];
  const listeners = new Set<() => void>();
  let how: number | "hang" = 200;
  let received = 0;

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received++;
      const sent = Buffer.concat(chunks);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      if (how === 200) {
        headers.push(request.headers);
        bodies.push(body);
        take(request.url ?? "", body);
      }
      for (const listener of listeners) listener();
      if (how === "hang") return;
      response.writeHead(how, { "content-type": "application/x-protobuf" }).end();
    });
  });

  function take(path: string, body: Buffer): void {
    const type = requests[path as keyof typeof requests];
    if (type === undefined) throw new Error(`nobody sends to ${path}`);
    const message = type.toObject(type.decode(body), {
      longs: String,
      enums: String,
      defaults: true,
    }) as Message;
    for (const { resource, scopeSpans = [] } of message.resourceSpans ?? []) {
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        const one = spanOf(serviceOf(resource), span);
        spans.set(one.spanId, one);
      }
    }
    for (const { resource, scopeLogs = [] } of message.resourceLogs ?? []) {
      for (const { severityText, body: said, attributes } of scopeLogs.flatMap((scope) => scope.logRecords))
        logs.push({
          service: serviceOf(resource),
          severity: severityText,
          body: String(plainOf(said ?? {})),
          attributes: attributesOf(attributes),
        });
    }
    for (const { resource, scopeMetrics = [] } of message.resourceMetrics ?? []) {
      for (const metric of scopeMetrics.flatMap((scope) => scope.metrics)) {
        const kind = metric.sum ? "sum" : metric.gauge ? "gauge" : "histogram";
        const points = (metric[kind]?.dataPoints ?? []).map((point) => ({
          attributes: attributesOf(point.attributes),
          value: Number(kind === "histogram" ? point.count : (point.asDouble ?? point.asInt)),
          exemplars: (point.exemplars ?? []).map((one) => ({
            value: one.asDouble ?? Number.NaN,
            timeNano: BigInt(one.timeUnixNano),
            traceId: hex(one.traceId),
            spanId: hex(one.spanId),
            attributes: attributesOf(one.filteredAttributes),
          })),
        }));
        metrics.push({ service: serviceOf(resource), name: metric.name, kind, points });
      }
    }
  }

  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    logs,
    metrics,
    headers,
    bodies,
    requests: () => received,
    answerWith(next) {
      how = next;
    },
    until(what, question, withinMs = 60_000) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          const answer = question();
          if (answer === undefined || answer === false || answer === null) return;
          done();
          resolve(answer);
        };
        const timer = setTimeout(() => {
          done();
          const came = [...spans.values()].map(
            (span) => `${span.service} ${span.name} ${span.attributes.process_id}`,
          );
          reject(
            new Error(`${what} did not come; what came: ${received} requests\n${came.slice(-60).join("\n")}`),
          );
        }, withinMs);
        const done = (): void => {
          clearTimeout(timer);
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

interface KeyValue {
  readonly key: string;
  readonly value: Record<string, unknown>;
}

interface Point {
  readonly attributes: readonly KeyValue[];
  readonly asDouble?: number | null;
  readonly asInt?: string | null;
  readonly count?: string;
  readonly exemplars?: readonly {
    readonly asDouble?: number | null;
    readonly timeUnixNano: string;
    readonly traceId: Uint8Array;
    readonly spanId: Uint8Array;
    readonly filteredAttributes: readonly KeyValue[];
  }[];
}

interface Resource {
  readonly attributes: readonly KeyValue[];
}

interface Message {
  readonly resourceSpans?: readonly {
    readonly resource: Resource;
    readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
  }[];
  readonly resourceLogs?: readonly {
    readonly resource: Resource;
    readonly scopeLogs: readonly {
      readonly logRecords: readonly {
        readonly severityText: string;
        readonly body: Record<string, unknown> | null;
        readonly attributes: readonly KeyValue[];
      }[];
    }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly resource: Resource;
    readonly scopeMetrics: readonly {
      readonly metrics: readonly ({ readonly name: string } & Partial<
        Record<"sum" | "gauge" | "histogram", { readonly dataPoints: readonly Point[] } | null>
      >)[];
    }[];
  }[];
}

interface SentSpan {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId: Uint8Array;
  readonly name: string;
  readonly kind: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: string } | null;
  readonly attributes: readonly KeyValue[];
  readonly links: readonly { readonly traceId: Uint8Array; readonly spanId: Uint8Array }[];
}

function spanOf(service: string, span: SentSpan): ReceivedSpan {
  return {
    service,
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    name: span.name,
    kind: span.kind,
    startNano: BigInt(span.startTimeUnixNano),
    endNano: BigInt(span.endTimeUnixNano),
    isError: span.status?.code === "STATUS_CODE_ERROR",
    attributes: attributesOf(span.attributes),
    links: span.links.map((link) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function serviceOf(resource: Resource): string {
  return String(attributesOf(resource.attributes)["service.name"]);
}

function attributesOf(pairs: readonly KeyValue[]): Attributes {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plainOrListOf(value)]));
}

function plainOrListOf(value: Record<string, unknown>): Plain | readonly Plain[] {
  const list = value.arrayValue as { readonly values: readonly Record<string, unknown>[] } | null | undefined;
  return list == null ? plainOf(value) : list.values.map(plainOf);
}

function plainOf(value: Record<string, unknown>): Plain {
  if (typeof value.stringValue === "string") return value.stringValue;
  if (typeof value.boolValue === "boolean") return value.boolValue;
  return Number(value.intValue ?? value.doubleValue);
}
