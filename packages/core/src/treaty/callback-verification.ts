import { createHmac, createPublicKey, timingSafeEqual, verify } from "node:crypto";

/** How a counterparty proves that a message is its own. Secrets and keys are named here and fetched when needed. */
export type Verification =
  | {
      /** Standard Webhooks 1.0: `v1` (HMAC-SHA256) with `whsec_` secrets, `v1a` (Ed25519) with `whpk_` keys. */
      readonly scheme: "standard-webhooks";
      /** Names of the treaty's credentials; several while they are being rotated. */
      readonly secrets: readonly string[];
      readonly toleranceMs?: number;
    }
  | {
      /** `t=<seconds>,v1=<hex>` as payment providers send it; the id of the message is in its body. */
      readonly scheme: "timestamped-hmac";
      readonly header: string;
      readonly secrets: readonly string[];
      readonly toleranceMs?: number;
    };

/** Header values by lower-case name; a header that came twice is an array. */
export type CallbackHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export type Verified =
  | { readonly genuine: true; readonly messageId: string | null; readonly sentAt: number }
  | { readonly genuine: false; readonly code: VerificationRefusal };

export type VerificationRefusal =
  | "callback-signature-missing"
  | "callback-signature-wrong"
  | "callback-timestamp-outside";

const defaultToleranceMs = 5 * 60_000;
/** Signatures tried per message; a sender rotating keys needs two. */
const signaturesTried = 8;

/**
 * Checks a message as it came over the wire: not one byte of the body may have been parsed and written again.
 * `secrets`: present values. `now`: wall time, epoch milliseconds, because the sender's clock runs by it.
 * Guarantees: comparison takes the same time wherever the difference is; a malformed signature counts as wrong.
 */
export function verifyCallback(
  verification: Verification,
  headers: CallbackHeaders,
  rawBody: Uint8Array,
  secrets: readonly string[],
  now: number,
): Verified {
  const found =
    verification.scheme === "standard-webhooks"
      ? readStandard(headers)
      : readTimestamped(headers[verification.header.toLowerCase()]);
  if (found === null) return { genuine: false, code: "callback-signature-missing" };
  const genuine = found.signatures
    .slice(0, signaturesTried)
    .some((signature) => secrets.some((secret) => matches(signature, secret, found.prefix, rawBody)));
  if (!genuine) return { genuine: false, code: "callback-signature-wrong" };
  const sentAt = found.seconds * 1_000;
  if (Math.abs(now - sentAt) > (verification.toleranceMs ?? defaultToleranceMs)) {
    return { genuine: false, code: "callback-timestamp-outside" };
  }
  return { genuine: true, messageId: found.messageId, sentAt };
}

interface Signature {
  readonly scheme: "v1" | "v1a" | "hex";
  readonly bytes: Buffer;
}

interface Signed {
  readonly messageId: string | null;
  readonly seconds: number;
  /** What is signed before the body. */
  readonly prefix: string;
  readonly signatures: readonly Signature[];
}

function readStandard(headers: CallbackHeaders): Signed | null {
  const messageId = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  const signature = headers["webhook-signature"];
  if (typeof messageId !== "string" || typeof timestamp !== "string" || typeof signature !== "string")
    return null;
  if (messageId === "" || messageId.length > 255 || !/^\d{1,12}$/.test(timestamp)) return null;
  const signatures = signature.split(" ").flatMap((one): Signature[] => {
    const [, scheme, text] = /^(v1a?),([A-Za-z0-9+/]+={0,2})$/.exec(one) ?? [];
    if (scheme === undefined || text === undefined) return [];
    return [{ scheme: scheme as "v1" | "v1a", bytes: Buffer.from(text, "base64") }];
  });
  return { messageId, seconds: Number(timestamp), prefix: `${messageId}.${timestamp}.`, signatures };
}

function readTimestamped(header: string | readonly string[] | undefined): Signed | null {
  if (typeof header !== "string") return null;
  let timestamp: string | null = null;
  const signatures: Signature[] = [];
  for (const part of header.split(",")) {
    const at = part.indexOf("=");
    const name = part.slice(0, at).trim();
    const value = part.slice(at + 1).trim();
    if (name === "t") {
      if (timestamp !== null || !/^\d{1,12}$/.test(value)) return null;
      timestamp = value;
    } else if (name === "v1" && /^[0-9a-f]{64}$/.test(value)) {
      signatures.push({ scheme: "hex", bytes: Buffer.from(value, "hex") });
    }
  }
  if (timestamp === null) return null;
  return { messageId: null, seconds: Number(timestamp), prefix: `${timestamp}.`, signatures };
}

function matches(signature: Signature, secret: string, prefix: string, body: Uint8Array): boolean {
  if (signature.scheme === "v1a") return matchesEd25519(signature.bytes, secret, prefix, body);
  const key = signature.scheme === "hex" ? Buffer.from(secret) : secretBytes(secret);
  if (key === null) return false;
  const expected = createHmac("sha256", key).update(prefix).update(body).digest();
  return expected.length === signature.bytes.length && timingSafeEqual(expected, signature.bytes);
}

/** `whsec_` and 24 to 64 bytes in base64. */
function secretBytes(secret: string): Buffer | null {
  if (!secret.startsWith("whsec_")) return null;
  const bytes = Buffer.from(secret.slice(6), "base64");
  return bytes.length >= 24 && bytes.length <= 64 ? bytes : null;
}

/** SubjectPublicKeyInfo of a raw Ed25519 key: RFC 8410. */
const ed25519Prefix = Buffer.from("302a300506032b6570032100", "hex");

function matchesEd25519(signature: Buffer, secret: string, prefix: string, body: Uint8Array): boolean {
  if (!secret.startsWith("whpk_") || signature.length !== 64) return false;
  const raw = Buffer.from(secret.slice(5), "base64");
  if (raw.length !== 32) return false;
  const key = createPublicKey({ key: Buffer.concat([ed25519Prefix, raw]), format: "der", type: "spki" });
  return verify(null, Buffer.concat([Buffer.from(prefix), body]), key, signature);
}
