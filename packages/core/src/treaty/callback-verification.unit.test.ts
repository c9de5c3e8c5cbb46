import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";
import { type CallbackHeaders, type Verification, verifyCallback } from "./callback-verification.ts";

const secret = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;
const oldSecret = `whsec_${Buffer.alloc(32, 2).toString("base64")}`;
const body = Buffer.from('{"key":"k-1",  "status":"DONE"}');
const now = Date.UTC(2026, 10, 24, 12);
const standard: Verification = { scheme: "standard-webhooks", secrets: ["s"] };

/** Signed by the reference library, which is not ours. */
function signed(by: string, at = now, id = "msg-1"): Record<string, string> {
  const date = new Date(at);
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at / 1_000)),
    "webhook-signature": new Webhook(by).sign(id, date, body.toString()),
  };
}

function verdict(
  headers: CallbackHeaders,
  raw: Uint8Array = body,
  secrets = [secret],
  rule = standard,
): string {
  const result = verifyCallback(rule, headers, raw, secrets, now);
  return result.genuine ? `genuine ${result.messageId}` : result.code;
}

test("what the reference library signs is genuine, with its id", () => {
  assert.equal(verdict(signed(secret)), "genuine msg-1");
});

test("while a secret is being rotated, either one will do, on either side", () => {
  assert.equal(verdict(signed(oldSecret), body, [secret, oldSecret]), "genuine msg-1");
  const both = signed(secret);
  both["webhook-signature"] = `${signed(oldSecret)["webhook-signature"]} ${both["webhook-signature"]}`;
  assert.equal(verdict(both), "genuine msg-1");
});

test("one changed byte anywhere, another secret, or no signature is no proof", () => {
  const good = signed(secret);
  for (let at = 0; at < body.length; at++) {
    const changed = Buffer.from(body);
    changed[at] = (changed[at] as number) ^ 1;
    assert.equal(verdict(good, changed), "callback-signature-wrong");
  }
  // The same JSON written again is another message.
  assert.equal(
    verdict(good, Buffer.from(JSON.stringify(JSON.parse(body.toString())))),
    "callback-signature-wrong",
  );
  assert.equal(verdict({ ...good, "webhook-id": "msg-2" }), "callback-signature-wrong");
  assert.equal(
    verdict({ ...good, "webhook-timestamp": String(now / 1_000 + 1) }),
    "callback-signature-wrong",
  );
  assert.equal(verdict(good, body, [oldSecret]), "callback-signature-wrong");
  assert.equal(verdict(good, body, []), "callback-signature-wrong");
  for (const signature of ["", "v1,", "v1,AAAA", "v2,AAAA", "nonsense", "v1a,AAAA"]) {
    assert.equal(verdict({ ...good, "webhook-signature": signature }), "callback-signature-wrong", signature);
  }
});

test("missing or doubled headers are no signature", () => {
  const good = signed(secret);
  for (const name of Object.keys(good)) {
    assert.equal(verdict({ ...good, [name]: undefined }), "callback-signature-missing", name);
    assert.equal(
      verdict({ ...good, [name]: [good[name] as string, good[name] as string] }),
      "callback-signature-missing",
      name,
    );
  }
  for (const timestamp of ["", "1e3", "-5", "0x10", "soon"]) {
    assert.equal(
      verdict({ ...good, "webhook-timestamp": timestamp }),
      "callback-signature-missing",
      timestamp,
    );
  }
});

test("a genuine message from outside the tolerance is refused, on both sides, and at its limit it passes", () => {
  for (const side of [-1, 1]) {
    assert.equal(verdict(signed(secret, now + side * 300_000)), "genuine msg-1");
    assert.equal(verdict(signed(secret, now + side * 301_000)), "callback-timestamp-outside");
  }
});

test("a secret that is too short or too long proves nothing", () => {
  for (const bytes of [23, 65]) {
    const weak = `whsec_${Buffer.alloc(bytes, 1).toString("base64")}`;
    assert.equal(verdict(signed(weak), body, [weak]), "callback-signature-wrong", `${bytes}`);
  }
  for (const bytes of [24, 64]) {
    const strong = `whsec_${Buffer.alloc(bytes, 1).toString("base64")}`;
    assert.equal(verdict(signed(strong), body, [strong]), "genuine msg-1", `${bytes}`);
  }
});

test("Ed25519 signatures are checked against public keys, beside others", () => {
  const pair = () => generateKeyPairSync("ed25519");
  const [own, other] = [pair(), pair()];
  const publicText = (key: KeyObject) =>
    `whpk_${key.export({ format: "der", type: "spki" }).subarray(-32).toString("base64")}`;
  const timestamp = String(now / 1_000);
  const signature = sign(
    null,
    Buffer.concat([Buffer.from(`msg-1.${timestamp}.`), body]),
    own.privateKey,
  ).toString("base64");
  const headers = {
    "webhook-id": "msg-1",
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,AAAA v1a,${signature}`,
  };
  assert.equal(verdict(headers, body, [secret, publicText(own.publicKey)]), "genuine msg-1");
  assert.equal(verdict(headers, body, [publicText(other.publicKey)]), "callback-signature-wrong");
  // A public key is no shared secret: whoever knows it must not be able to sign with it.
  assert.equal(verdict(signed(secret), body, [publicText(own.publicKey)]), "callback-signature-wrong");
});

test("messages of the payment provider's own library are genuine; the id is the body's to tell", () => {
  const rule: Verification = { scheme: "timestamped-hmac", header: "Stripe-Signature", secrets: ["s"] };
  const stripe = new Stripe("sk_test_x");
  const header = (at: number, by = secret) =>
    stripe.webhooks.generateTestHeaderString({
      payload: body.toString(),
      secret: by,
      timestamp: Math.floor(at / 1_000),
    });
  assert.equal(verdict({ "stripe-signature": header(now) }, body, [secret], rule), "genuine null");
  assert.equal(verdict({ "stripe-signature": header(now) }, body, [oldSecret, secret], rule), "genuine null");
  assert.equal(
    verdict({ "stripe-signature": header(now, oldSecret) }, body, [secret], rule),
    "callback-signature-wrong",
  );
  assert.equal(
    verdict({ "stripe-signature": header(now - 301_000) }, body, [secret], rule),
    "callback-timestamp-outside",
  );
  assert.equal(
    verdict({ "stripe-signature": `t=1,${header(now)}` }, body, [secret], rule),
    "callback-signature-missing",
  );
  assert.equal(verdict({}, body, [secret], rule), "callback-signature-missing");
});
