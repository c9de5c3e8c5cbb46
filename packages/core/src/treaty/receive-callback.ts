import { BlockList, isIP } from "node:net";
import { shortHash } from "../intake/payload-hash.ts";
import { appendEntries } from "../journal/append.ts";
import { newId } from "../journal/new-id.ts";
import type { Json, JsonObject, NewEntry } from "../model/entry.ts";
import type { Database } from "../postgres/database.ts";
import { countRefusal, storeCallback } from "./callback-records.ts";
import { type CallbackHeaders, verifyCallback } from "./callback-verification.ts";
import { type CallbackData, callbackType } from "./hand-off-desk.ts";
import { validatorOf } from "./schema-check.ts";
import type { HandOffTreaty } from "./treaty.ts";
import { openCounts } from "./treaty-counts.ts";

/**
 * Takes a message of a counterparty: proves that it is theirs, writes it into the journal under its own identity, and only then
 * answers. What it means is decided afterwards (hand-off-desk.ts).
 */
export type CallbackReceipt =
  /** In the journal, flushed. */
  | { readonly outcome: "received"; readonly entryId: string }
  /** The same message was received before; nothing changes. */
  | { readonly outcome: "repeated" }
  /** Not theirs, not fresh, or not readable. Recorded, without effect; the sender learns the code and nothing else. */
  | { readonly outcome: "refused"; readonly code: CallbackRefusal };

export interface ReceivedCallback {
  readonly receipt: CallbackReceipt;
  /** What a proven message speaks of; null: it is not proven. */
  readonly about: { readonly tenantId: string; readonly reference: string } | null;
}

export const callbackRefusals = [
  "callback-not-expected",
  "callback-sender-not-allowed",
  "callback-signature-missing",
  "callback-signature-wrong",
  "callback-timestamp-outside",
  "callback-too-large",
  "callback-unreadable",
  "callback-id-reused",
] as const;
export type CallbackRefusal = (typeof callbackRefusals)[number];

export interface CallbackSetting {
  readonly context: string;
  readonly database: Database;
  /** Business time. */
  readonly now: () => number;
  /** Wall time: a sender's clock runs by it. */
  readonly wallNow: () => number;
  readonly shard: number;
  readonly secret: (treaty: HandOffTreaty, name: string) => Promise<string>;
  readonly onReceived: () => void;
  readonly probe?: (point: string) => Promise<void> | void;
}

/** Bytes of a message at most. */
export const callbackBytesAllowed = 1_048_576;
const dayMs = 86_400_000;

/**
 * `headers` by lower-case name; `rawBody` exactly as it came; `remoteAddress` of the connection's peer:
 * what a message says of its way is not asked, and behind a proxy it is the proxy that `allowedFrom` names.
 * Errors: those of the database: then nothing was stored, and the sender must be told to come again.
 */
export async function receiveCallback(
  setting: CallbackSetting,
  treaty: HandOffTreaty,
  headers: CallbackHeaders,
  rawBody: Uint8Array,
  remoteAddress: string,
): Promise<ReceivedCallback> {
  const refuse = async (
    { code }: { readonly code: CallbackRefusal },
    about: ReceivedCallback["about"] = null,
  ): Promise<ReceivedCallback> => {
    await countRefusal(setting.database, treaty.name, code, setting.now(), remoteAddress);
    return { receipt: { outcome: "refused", code }, about };
  };
  const rule = treaty.callback;
  if (rule === undefined) return refuse({ code: "callback-not-expected" });
  if (rule.allowedFrom !== undefined && !isAllowed(rule.allowedFrom, remoteAddress))
    return refuse({ code: "callback-sender-not-allowed" });
  if (rawBody.byteLength > callbackBytesAllowed) return refuse({ code: "callback-too-large" });
  const secrets = await Promise.all(rule.verification.secrets.map((name) => setting.secret(treaty, name)));
  const verified = verifyCallback(rule.verification, headers, rawBody, secrets, setting.wallNow());
  if (!verified.genuine) return refuse(verified);
  const read = readBody(treaty, rawBody);
  const messageId = verified.messageId ?? read?.messageId;
  if (read === null || messageId === undefined || messageId === "" || messageId.length > 255)
    return refuse({ code: "callback-unreadable" });

  const now = setting.now();
  const payloadHash = Buffer.from(shortHash(Buffer.from(rawBody).toString("latin1")), "hex");
  const entry = callbackEntry(setting.context, treaty, now, messageId, read, payloadHash);
  const stored = await setting.database.transaction(async (connection) => {
    const { tenantId, reference } = read;
    const outcome = await storeCallback(connection, {
      tenantId,
      treaty: treaty.name,
      messageId,
      entryId: entry.id,
      schemaVersion: treaty.version,
      reference,
      receivedAt: now,
      payloadHash,
      waitsUntil: now + (rule.waitsMs ?? dayMs),
    });
    if (outcome === "fresh") await appendEntries(connection, [entry]);
    else {
      const counts = openCounts(setting.shard);
      counts.add(treaty.name, outcome === "repeated" ? "duplicates" : "conflicts");
      await counts.write(connection);
    }
    await setting.probe?.("callback:before-commit");
    return outcome;
  });
  if (stored === "reused") return refuse({ code: "callback-id-reused" }, read);
  if (stored === "repeated") return { receipt: { outcome: "repeated" }, about: read };
  setting.onReceived();
  return { receipt: { outcome: "received", entryId: entry.id }, about: read };
}

interface ReadBody {
  readonly tenantId: string;
  readonly reference: string;
  readonly messageId?: string;
  readonly body: Json;
}

/** Null when it is not what the treaty says a callback looks like. */
function readBody(treaty: HandOffTreaty, rawBody: Uint8Array): ReadBody | null {
  const rule = treaty.callback;
  if (rule === undefined) return null;
  try {
    const body: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(rawBody));
    if (validatorOf(rule.schema)(body) !== null) return null;
    const identity = rule.identify(body);
    if (identity.tenantId === "" || identity.reference === "") return null;
    return { ...identity, body: body as Json };
  } catch {
    // Whatever a stranger sent, and whatever the author's function made of it: it cannot be read.
    return null;
  }
}

function callbackEntry(
  context: string,
  treaty: HandOffTreaty,
  now: number,
  messageId: string,
  read: ReadBody,
  payloadHash: Buffer,
): NewEntry<object> {
  const id = newId(now);
  const { tenantId, reference, body } = read;
  const data: CallbackData = {
    treaty: treaty.name,
    messageId,
    reference,
    schemaVersion: treaty.version,
    payloadHash: payloadHash.toString("hex"),
    body,
  };
  return {
    id,
    kind: "callback",
    type: callbackType,
    schemaVersion: "1.0.0",
    source: context,
    target: null,
    tenantId,
    key: `callback:${reference}`,
    keyVersion: null,
    processId: id,
    correlationId: id,
    causationId: null,
    customerId: null,
    ttlMs: null,
    traceparent: null,
    occurredAt: now,
    data: data as unknown as JsonObject,
  };
}

/** Addresses and CIDR ranges. */
function isAllowed(allowed: readonly string[], address: string): boolean {
  const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  if (isIP(plain) === 0) return false;
  const list = new BlockList();
  for (const one of allowed) {
    const [base = "", prefix] = one.split("/");
    const family = isIP(base) === 6 ? "ipv6" : "ipv4";
    if (isIP(base) === 0) continue;
    if (prefix === undefined) list.addAddress(base, family);
    else list.addSubnet(base, Number(prefix), family);
  }
  return list.check(plain, isIP(plain) === 6 ? "ipv6" : "ipv4");
}
