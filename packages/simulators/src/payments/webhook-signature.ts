import { createHmac } from "node:crypto";

/**
 * The `Stripe-Signature` header: the time, and one `v1` for each secret. Unlike in Standard Webhooks, the key is the whole
 * text of the secret, `whsec_` included.
 */
export function signatureHeader(rawBody: string, seconds: number, secrets: readonly string[]): string {
  const signatures = secrets.map(
    (secret) => `v1=${createHmac("sha256", secret).update(`${seconds}.${rawBody}`).digest("hex")}`,
  );
  return [`t=${seconds}`, ...signatures].join(",");
}
