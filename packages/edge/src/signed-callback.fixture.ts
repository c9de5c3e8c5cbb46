import { createHmac } from "node:crypto";

/** What the counterparties of tests sign with. */
export const callbackSecret = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;
/** What somebody else signs with. */
export const otherSecret = `whsec_${Buffer.alloc(32, 4).toString("base64")}`;

/** Headers of a message as Standard Webhooks has them, signed now. */
export function signed(body: string, id = "m-1", by = callbackSecret): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const key = Buffer.from(by.slice(6), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1,${signature}` };
}
