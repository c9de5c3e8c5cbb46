import { createHmac } from "node:crypto";
import type { Verification } from "@entente/core";
import type { CallbackMessage } from "./callback-door.ts";

const dayMs = 86_400_000;
/** Whoever guesses tries these first. */
const guesses = ["", "secret", `whsec_${Buffer.alloc(32).toString("base64")}`];

/** Messages that say what a genuine one says and are not the counterparty's, by what is wrong with them. `now`: wall time. */
export function forgeries(
  verification: Verification,
  secret: string | null,
  genuine: CallbackMessage,
  now: number,
): ReadonlyMap<string, CallbackMessage> {
  const header =
    verification.scheme === "standard-webhooks" ? "webhook-signature" : verification.header.toLowerCase();
  const { [header]: _signature, ...unsigned } = genuine.headers;
  const { rawBody } = genuine;
  // White space changes nothing that a reader of JSON would see: only the signature can tell.
  const changed = Buffer.concat([rawBody, Buffer.from(" ")]);
  const forged = new Map<string, CallbackMessage>([
    ["not signed", { headers: unsigned, rawBody }],
    ["changed after it was signed", { headers: genuine.headers, rawBody: changed }],
  ]);
  for (const guess of guesses)
    forged.set(`signed with ${JSON.stringify(guess)}`, sign(verification, guess, rawBody, "forged", now));
  if (secret !== null && !secret.startsWith("whpk_"))
    forged.set("recorded a day ago", sign(verification, secret, rawBody, "recorded", now - dayMs));
  return forged;
}

/** Signs a body as the counterparty would, with a shared secret. `at`: wall time. */
export function sign(
  verification: Verification,
  secret: string,
  rawBody: Buffer,
  messageId: string,
  at: number,
): CallbackMessage {
  const seconds = String(Math.floor(at / 1_000));
  const json = { "content-type": "application/json" };
  if (verification.scheme === "timestamped-hmac") {
    const v1 = createHmac("sha256", secret).update(`${seconds}.`).update(rawBody).digest("hex");
    return { rawBody, headers: { ...json, [verification.header.toLowerCase()]: `t=${seconds},v1=${v1}` } };
  }
  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);
  const v1 = createHmac("sha256", key).update(`${messageId}.${seconds}.`).update(rawBody).digest("base64");
  const headers = { "webhook-id": messageId, "webhook-timestamp": seconds, "webhook-signature": `v1,${v1}` };
  return { rawBody, headers: { ...json, ...headers } };
}
