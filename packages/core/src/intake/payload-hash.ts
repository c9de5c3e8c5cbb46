import { hash } from "node:crypto";
import canonicalize from "canonicalize";

/**
 * First 16 bytes of SHA-256 over the canonical JSON (RFC 8785) of a payload: two bodies that differ only in white space,
 * member order or number spelling are the same request.
 */
export function payloadHash(payload: object): Buffer {
  return shortHash(canonicalize(payload) ?? "");
}

/** First 16 bytes of SHA-256 of text: enough that no two of 10^12 keys collide by chance (p < 10^-14). */
export function shortHash(text: string): Buffer {
  return hash("sha256", text, "buffer").subarray(0, 16);
}
