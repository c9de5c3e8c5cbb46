import canonicalize from "canonicalize";
import { type Entry, type EntryKind, entryKinds, type JsonObject } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { sha256 } from "./merkle-tree.ts";
import { entryBytesAllowed } from "./tile.ts";

/**
 * The bytes of a journal entry in the audit log. docs/reference/audit-log.md describes them byte by byte; they never change for
 * version 1. What may name a person is not in them: the leaf commits to it by SHA-256 over 32 random bytes and the payload, which
 * are kept beside the log. Without these 32 bytes nobody can tell what was committed to.
 */

export const leafVersion = 1;
export const nonceBytes = 32;

/** What a leaf says in the open. */
export interface Leaf {
  readonly tenantId: string;
  /** The context that wrote it; the generation of that context's journal, and the place there. */
  readonly source: string;
  readonly generation: string;
  readonly xid: string;
  readonly seq: string;
  readonly id: string;
  readonly kind: EntryKind;
  readonly type: string;
  readonly schemaVersion: string;
  readonly target: string | null;
  readonly keyVersion: number | null;
  readonly processId: string;
  readonly causationId: string | null;
  readonly ttlMs: number | null;
  /** Epoch milliseconds, business time. */
  readonly occurredAt: number;
  /** SHA-256 over nonce and payload. */
  readonly commitment: Buffer;
}

/** What a leaf commits to. */
export interface Payload {
  readonly correlationId: string;
  readonly customerId: string | null;
  readonly data: JsonObject;
  readonly key: string;
  readonly traceparent: string | null;
}

/**
 * The payload's bytes: canonical JSON (RFC 8785). Data that holds half a character, which RFC 8785 refuses, stands as JSON.stringify
 * writes it. Nobody has to repeat this: these very bytes are kept and handed out.
 */
export function payloadBytes({ correlationId, customerId, data, key, traceparent }: Entry): Buffer {
  const payload: Payload = { correlationId, customerId, data, key, traceparent };
  let text: string | undefined;
  try {
    text = canonicalize(payload);
  } catch {
    // A log that cannot hold an entry would have to leave it out.
  }
  return Buffer.from(text ?? JSON.stringify(payload));
}

export function commitmentOf(nonce: Uint8Array, payload: Uint8Array): Buffer {
  return sha256(Buffer.concat([nonce, payload]));
}

/** The leaf of a journal entry. Errors: `audit-leaf-too-large` (defect) past 65,535 bytes, or 65,534 in one text. */
export function leafOf(entry: Entry, generation: string, commitment: Buffer): Buffer {
  return encodeLeaf({
    tenantId: entry.tenantId,
    source: entry.source,
    generation,
    xid: entry.position.xid,
    seq: entry.position.seq,
    id: entry.id,
    kind: entry.kind,
    type: entry.type,
    schemaVersion: entry.schemaVersion,
    target: entry.target,
    keyVersion: entry.keyVersion,
    processId: entry.processId,
    causationId: entry.causationId,
    ttlMs: entry.ttlMs,
    occurredAt: entry.occurredAt,
    commitment,
  });
}

const absentText = 0xffff;
const absentUuid = Buffer.alloc(16);

export function encodeLeaf(leaf: Leaf): Buffer {
  const bytes = Buffer.concat([
    Buffer.of(leafVersion),
    text(leaf.tenantId),
    text(leaf.source),
    uuid(leaf.generation),
    whole(leaf.xid),
    whole(leaf.seq),
    uuid(leaf.id),
    Buffer.of(entryKinds.indexOf(leaf.kind) + 1),
    text(leaf.type),
    text(leaf.schemaVersion),
    text(leaf.target),
    whole(leaf.keyVersion ?? 0),
    uuid(leaf.processId),
    uuid(leaf.causationId),
    whole(leaf.ttlMs ?? 0),
    time(leaf.occurredAt),
    leaf.commitment,
  ]);
  if (bytes.length > entryBytesAllowed) throw tooLarge(bytes.length);
  return bytes;
}

function text(value: string | null): Buffer {
  const length = Buffer.alloc(2);
  if (value === null) {
    length.writeUInt16BE(absentText);
    return length;
  }
  const bytes = Buffer.from(value);
  if (bytes.length >= absentText) throw tooLarge(bytes.length);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function uuid(value: string | null): Buffer {
  return value === null ? absentUuid : Buffer.from(value.replaceAll("-", ""), "hex");
}

function whole(value: string | number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function time(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

function tooLarge(bytes: number): Failure {
  return new Failure(
    "defect",
    "audit-leaf-too-large",
    "The entry's envelope does not fit into a log entry.",
    {
      fields: { bytes },
    },
  );
}

/** What the bytes say, or null when they are not a leaf of a version known here. Re-encoding it gives the same bytes. */
export function decodeLeaf(bytes: Buffer): Leaf | null {
  try {
    const leaf = decode(bytes);
    return leaf?.kind !== undefined && encodeLeaf(leaf).equals(bytes) ? leaf : null;
  } catch (error) {
    // Reading past the end: the bytes are no leaf.
    if (error instanceof RangeError || error instanceof Failure) return null;
    throw error;
  }
}

function decode(bytes: Buffer): Leaf | null {
  if (bytes[0] !== leafVersion) return null;
  let at = 1;
  const take = (count: number): Buffer => {
    if (at + count > bytes.length) throw new RangeError("the leaf ends too early");
    at += count;
    return bytes.subarray(at - count, at);
  };
  const optionalText = (): string | null => {
    const length = take(2).readUInt16BE();
    return length === absentText ? null : take(length).toString("utf8");
  };
  const someText = (): string => optionalText() ?? "";
  const optionalUuid = (): string | null => {
    const raw = take(16);
    if (raw.equals(absentUuid)) return null;
    return raw.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  };
  const wholeText = (): string => take(8).readBigUInt64BE().toString();
  const count = (): number | null => Number(wholeText()) || null;
  return {
    tenantId: someText(),
    source: someText(),
    generation: optionalUuid() ?? "",
    xid: wholeText(),
    seq: wholeText(),
    id: optionalUuid() ?? "",
    kind: entryKinds[(take(1)[0] as number) - 1] as EntryKind,
    type: someText(),
    schemaVersion: someText(),
    target: optionalText(),
    keyVersion: count(),
    processId: optionalUuid() ?? "",
    causationId: optionalUuid(),
    ttlMs: count(),
    occurredAt: Number(take(8).readBigInt64BE()),
    commitment: take(32),
  };
}
