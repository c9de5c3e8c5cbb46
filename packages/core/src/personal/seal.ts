import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import type { JsonObject } from "../model/entry.ts";

/**
 * Sealed text: AES-256-GCM under a data subject's key, bound to the tenant and the field it stands in. It travels wherever the plain text
 * would have: journals, hand-offs, the audit log. Without the key it is noise for ever.
 * Shape: `sealed:1:<key id>:<base64url of 12 bytes nonce, ciphertext, 16 bytes tag>`. Decision: docs/decisions/0021-erasure-by-key.md.
 */

export const keyBytes = 32;
const nonceLength = 12;
const tagLength = 16;
const shape = /^sealed:1:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([A-Za-z0-9_-]+)$/;

/** A data subject's key in the open. */
export interface SubjectKey {
  readonly keyId: string;
  readonly key: Buffer;
}

/** Where sealed text stands: it cannot be moved to another tenant or field. */
export interface SealPlace {
  readonly tenantId: string;
  readonly field: string;
}

const boundTo = ({ tenantId, field }: SealPlace, keyId: string): Buffer =>
  Buffer.from(JSON.stringify(["entente", 1, tenantId, keyId, field]));

export function seal({ keyId, key }: SubjectKey, place: SealPlace, plain: string): string {
  const nonce = randomBytes(nonceLength);
  const bytes = encrypt(key, nonce, boundTo(place, keyId), Buffer.from(plain));
  return `sealed:1:${keyId}:${bytes.toString("base64url")}`;
}

/** The key's id, or null for text that is not sealed. */
export function keyIdOf(text: unknown): string | null {
  return typeof text === "string" ? (shape.exec(text)?.[1] ?? null) : null;
}

/** Errors: thrown when the text was changed, or stands somewhere else than it was sealed for. */
export function unseal({ keyId, key }: SubjectKey, place: SealPlace, sealed: string): string {
  const [, , base64 = ""] = shape.exec(sealed) ?? [];
  return decrypt(key, boundTo(place, keyId), Buffer.from(base64, "base64url")).toString("utf8");
}

/** A subject's key as it is stored: under the key-encryption key, bound to whose it is. */
export function wrapKey(wrapping: Buffer, owner: string, key: Buffer): Buffer {
  return encrypt(wrapping, randomBytes(nonceLength), Buffer.from(owner), key);
}

export function unwrapKey(wrapping: Buffer, owner: string, wrapped: Buffer): Buffer {
  return decrypt(wrapping, Buffer.from(owner), wrapped);
}

/** 32 hexadecimal digits that tell whether two payloads are the same, to nobody without the key: a plain hash would confirm a guess. */
export function keyedHash({ key }: SubjectKey, canonical: string): string {
  return createHmac("sha256", key)
    .update("entente payload\u0000")
    .update(canonical)
    .digest("hex")
    .slice(0, 32);
}

/** Names of the members that hold sealed text. Only members of the data itself are ever sealed. */
export function sealedFields(data: JsonObject): string[] {
  return Object.keys(data).filter((name) => keyIdOf(data[name]) !== null);
}

/** Data as it is shown to those who may not open it. */
export function withheld(data: JsonObject): JsonObject {
  const fields = sealedFields(data);
  return fields.length === 0
    ? data
    : { ...data, ...Object.fromEntries(fields.map((name) => [name, "withheld"])) };
}

function encrypt(key: Buffer, nonce: Buffer, bound: Buffer, plain: Buffer): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: tagLength });
  cipher.setAAD(bound);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, bound: Buffer, bytes: Buffer): Buffer {
  const end = bytes.length - tagLength;
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceLength), {
    authTagLength: tagLength,
  });
  decipher.setAAD(bound);
  decipher.setAuthTag(bytes.subarray(end));
  return Buffer.concat([decipher.update(bytes.subarray(nonceLength, end)), decipher.final()]);
}
