import type { Entry, JsonObject } from "../model/entry.ts";

/**
 * A journal entry as a CloudEvents 1.0.2 event in JSON format: one to one, nothing lost.
 * Extension names are lower case letters and digits only, as the specification demands.
 */
export interface CloudEventJson {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: JsonObject;
  readonly [extension: string]: unknown;
}

export function toCloudEvent(system: string, entry: Entry): CloudEventJson {
  return {
    specversion: "1.0",
    id: entry.id,
    source: `/${system}/${entry.source}`,
    type: entry.type,
    subject: entry.key,
    time: new Date(entry.occurredAt).toISOString(),
    datacontenttype: "application/json",
    kind: entry.kind,
    schemaversion: entry.schemaVersion,
    tenantid: entry.tenantId,
    lane: entry.lane,
    processid: entry.processId,
    correlationid: entry.correlationId,
    // The trace partitioner's name for an ordering key in the CloudEvents partitioning extension.
    partitionkey: entry.key,
    ...(entry.target === null ? {} : { target: entry.target }),
    ...(entry.keyVersion === null ? {} : { keyversion: entry.keyVersion }),
    ...(entry.causationId === null ? {} : { causationid: entry.causationId }),
    ...(entry.customerId === null ? {} : { customerid: entry.customerId }),
    ...(entry.ttlMs === null ? {} : { ttlms: String(entry.ttlMs) }),
    ...(entry.traceparent === null ? {} : { traceparent: entry.traceparent }),
    sequence: `${entry.position.xid}.${entry.position.seq}`,
    data: entry.data,
  };
}

/** The entry back from its CloudEvent. Throws TypeError when a required attribute is missing or of the wrong type. */
export function fromCloudEvent(event: CloudEventJson): Entry {
  const text = (name: string): string => {
    const value = event[name];
    if (typeof value !== "string") throw new TypeError(`CloudEvent attribute ${name} is missing`);
    return value;
  };
  const optional = (name: string): string | null =>
    typeof event[name] === "string" ? (event[name] as string) : null;
  const [xid, seq] = text("sequence").split(".");
  return {
    id: event.id,
    kind: text("kind") as Entry["kind"],
    type: event.type,
    schemaVersion: text("schemaversion"),
    source: event.source.slice(event.source.lastIndexOf("/") + 1),
    target: optional("target"),
    tenantId: text("tenantid"),
    key: text("partitionkey"),
    keyVersion: typeof event["keyversion"] === "number" ? event["keyversion"] : null,
    processId: text("processid"),
    correlationId: text("correlationid"),
    causationId: optional("causationid"),
    customerId: optional("customerid"),
    ttlMs: optional("ttlms") === null ? null : Number(optional("ttlms")),
    traceparent: optional("traceparent"),
    occurredAt: Date.parse(event.time),
    data: event.data,
    position: { xid: xid ?? "0", seq: seq ?? "0" },
    lane: Number(event["lane"]),
  };
}
