import canonicalize from "canonicalize";
import { inOrder } from "../journal/canonical-json.ts";
import { type Entry, type EntryKind, entryKinds, type JsonObject } from "../model/entry.ts";
import { Failure } from "../model/failure.ts";
import { laneOf } from "../model/lane.ts";
import { putInt32, writeText, writeUuid } from "../postgres/arrays.ts";
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

/** The payload's bytes, of its text. */
export function payloadBytes(entry: Entry): Buffer {
  return Buffer.from(payloadText(entry));
}

/**
 * The payload as canonical JSON (RFC 8785). Data that holds half a character, which RFC 8785 refuses, stands as JSON.stringify
 * writes it. Nobody has to repeat this: the very bytes are kept and handed out.
 */
export function payloadText({ correlationId, customerId, data, key, traceparent }: Entry): string {
  // Its own members are in canonical order here, as JSON.stringify writes them.
  const payload: Payload = { correlationId, customerId, data, key, traceparent };
  const ordered = inOrder(data);
  if (ordered !== undefined && isWhole(payload))
    return JSON.stringify(ordered === data ? payload : { ...payload, data: ordered });
  let text: string | undefined;
  try {
    text = canonicalize(payload);
  } catch {
    // A log that cannot hold an entry would have to leave it out.
  }
  return text ?? JSON.stringify(payload);
}

/** None of its own texts holds half a character. */
function isWhole({ correlationId, customerId, key, traceparent }: Payload): boolean {
  return (
    correlationId.isWellFormed() &&
    key.isWellFormed() &&
    (customerId === null || customerId.isWellFormed()) &&
    (traceparent === null || traceparent.isWellFormed())
  );
}

export function commitmentOf(nonce: Uint8Array, payload: Uint8Array): Buffer {
  return sha256(Buffer.concat([nonce, payload]));
}

/** The leaf of a journal entry. Errors: `audit-leaf-too-large` (defect) past 65,535 bytes, or 65,534 in one text. */
export function leafOf(entry: Entry, generation: string, commitment: Buffer): Buffer {
  return encodeLeaf(leafSaying(entry, generation, commitment));
}

/** What the leaf of a journal entry says. */
export function leafSaying(entry: Entry, generation: string, commitment: Buffer): Leaf {
  return {
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
  };
}

const absentText = 0xffff;
const absentUuid = Buffer.alloc(16);

/** A zero byte, with which a leaf's hash begins, and room for any leaf: five texts and what has a fixed width. */
const draft = Buffer.alloc(1 + 5 * (absentText + 2) + 256);

/** The leaf behind a zero byte, as it is hashed. Valid until the next leaf is written. Errors: as leafOf. */
export function draftLeaf(leaf: Leaf): Buffer {
  draft[1] = leafVersion;
  let at = putText(leaf.tenantId, 2);
  at = putText(leaf.source, at);
  at = putUuid(leaf.generation, at);
  at = putWhole(leaf.xid, at);
  at = putWhole(leaf.seq, at);
  at = putUuid(leaf.id, at);
  draft[at++] = entryKinds.indexOf(leaf.kind) + 1;
  at = putText(leaf.type, at);
  at = putText(leaf.schemaVersion, at);
  at = putText(leaf.target, at);
  at = putWhole(leaf.keyVersion ?? 0, at);
  at = putUuid(leaf.processId, at);
  at = putUuid(leaf.causationId, at);
  at = putWhole(leaf.ttlMs ?? 0, at);
  at = putWhole(leaf.occurredAt, at);
  at += leaf.commitment.copy(draft, at);
  if (at - 1 > entryBytesAllowed) throw tooLarge(at - 1);
  return draft.subarray(0, at);
}

export function encodeLeaf(leaf: Leaf): Buffer {
  return Buffer.from(draftLeaf(leaf).subarray(1));
}

/** Returns where the next field begins, as all of these. */
function putText(value: string | null, at: number): number {
  if (value === null) return putLength(absentText, at);
  // Three bytes bound every UTF-16 code unit.
  if (value.length * 3 >= absentText) {
    const bytes = Buffer.byteLength(value);
    if (bytes >= absentText) throw tooLarge(bytes);
  }
  const written = writeText(draft, value, at + 2);
  putLength(written, at);
  return at + 2 + written;
}

function putLength(length: number, at: number): number {
  draft[at] = length >>> 8;
  draft[at + 1] = length;
  return at + 2;
}

function putUuid(value: string | null, at: number): number {
  if (value === null) absentUuid.copy(draft, at);
  else writeUuid(draft, value, at);
  return at + 16;
}

/** Digits up to which decimal text is a number that JavaScript holds exactly. */
const exactDigits = 15;

/** Eight bytes, in two's complement. */
function putWhole(value: string | number, at: number): number {
  const isExact = typeof value === "number" || value.length <= exactDigits;
  if (!isExact) return draft.writeBigUInt64BE(BigInt(value), at);
  const number = Number(value);
  const high = Math.floor(number / 0x1_0000_0000);
  return putInt32(draft, number - high * 0x1_0000_0000, putInt32(draft, high, at));
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
  const someUuid = (): string => optionalUuid() ?? notALeaf();
  const count = (): number | null => Number(wholeText()) || null;
  return {
    tenantId: someText(),
    source: someText(),
    generation: someUuid(),
    xid: wholeText(),
    seq: wholeText(),
    id: someUuid(),
    kind: entryKinds[(take(1)[0] as number) - 1] as EntryKind,
    type: someText(),
    schemaVersion: someText(),
    target: optionalText(),
    keyVersion: count(),
    processId: someUuid(),
    causationId: optionalUuid(),
    ttlMs: count(),
    occurredAt: Number(take(8).readBigInt64BE()),
    commitment: take(32),
  };
}

function notALeaf(): never {
  throw new RangeError("a leaf names its entry, its process and its journal");
}

/** The journal's entry as it was logged. */
export function entryOfLeaf(leaf: Leaf, payload: Payload): Entry {
  const { commitment: _, generation: __, xid, seq, ...said } = leaf;
  return { ...said, ...payload, position: { xid, seq }, lane: laneOf(leaf.tenantId, payload.key) };
}
