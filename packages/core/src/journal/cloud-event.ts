import { type Entry, entryKinds, type JsonObject } from "../model/entry.ts";
import { isStale } from "../model/freshness.ts";
import { isId } from "../model/id.ts";
import { laneCount } from "../model/lane.ts";

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

const neverStale = "never";

/**
 * `now`: business time at which it is told; an entry that is past its time then says `stale`, which is of the telling and not of the entry.
 * `ttlms` is milliseconds, or `never`.
 */
export function toCloudEvent(system: string, entry: Entry, now?: number): CloudEventJson {
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
    ttlms: entry.ttlMs === null ? neverStale : String(entry.ttlMs),
    ...(now !== undefined && isStale(entry, now) ? { stale: true } : {}),
    ...(entry.traceparent === null ? {} : { traceparent: entry.traceparent }),
    sequence: `${entry.position.xid}.${entry.position.seq}`,
    data: entry.data,
  };
}

/**
 * The entry back from its CloudEvent. Numbers may arrive as text, as HTTP's binary mode sends them.
 * Throws TypeError when a required attribute is missing or any is of the wrong type.
 */
export function fromCloudEvent(event: CloudEventJson): Entry {
  const refuse = (name: string): never => {
    throw new TypeError(`CloudEvent attribute ${name} is missing or of the wrong type`);
  };
  const text = (name: string): string => {
    const value = event[name];
    return typeof value === "string" ? value : refuse(name);
  };
  const matching = (name: string, pattern: RegExp): string => {
    const value = text(name);
    return pattern.test(value) ? value : refuse(name);
  };
  const whole = (name: string, least: number, most: number): number => {
    const value = event[name];
    const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isSafeInteger(number)) return refuse(name);
    return number >= least && number <= most ? number : refuse(name);
  };
  const optional = <Value>(name: string, read: (name: string) => Value): Value | null =>
    event[name] === undefined || event[name] === null ? null : read(name);
  const count = (name: string): number => whole(name, 1, Number.MAX_SAFE_INTEGER);
  if (event.specversion !== "1.0") refuse("specversion");
  const kind = entryKinds.find((known) => known === event["kind"]) ?? refuse("kind");
  const occurredAt = Date.parse(text("time"));
  if (Number.isNaN(occurredAt)) refuse("time");
  if (typeof event.data !== "object" || event.data === null || Array.isArray(event.data)) refuse("data");
  const [xid = "", seq = ""] = matching("sequence", /^\d{1,20}\.\d{1,19}$/).split(".");
  const source = matching("source", /./);
  return {
    id: isId(text("id")) ? event.id : refuse("id"),
    kind,
    type: matching("type", /./),
    schemaVersion: text("schemaversion"),
    source: source.slice(source.lastIndexOf("/") + 1),
    target: optional("target", text),
    tenantId: matching("tenantid", /^./s),
    key: matching("partitionkey", /^./s),
    keyVersion: optional("keyversion", count),
    processId: isId(text("processid")) ? text("processid") : refuse("processid"),
    correlationId: text("correlationid"),
    causationId: optional("causationid", text),
    customerId: optional("customerid", text),
    // Absent in events that were written before it was always said.
    ttlMs: event["ttlms"] === neverStale ? null : optional("ttlms", count),
    traceparent: optional("traceparent", text),
    occurredAt,
    data: event.data,
    position: { xid, seq },
    lane: whole("lane", 0, laneCount - 1),
  };
}
