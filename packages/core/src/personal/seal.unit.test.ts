import assert from "node:assert/strict";
import { test } from "node:test";
import { keyedHash, keyIdOf, seal, sealedFields, unseal, unwrapKey, withheld, wrapKey } from "./seal.ts";

const key = { keyId: "0199f0e2-7a3b-4c4d-8e5f-0123456789ab", key: Buffer.alloc(32, 1) };
const place = { tenantId: "demo", field: "subject" };

test("sealed text opens where it was sealed for, and says whose key it takes", () => {
  for (const plain of ["", "Ana María ☎", "sealed:1:not-really", "x".repeat(10_000)]) {
    const sealed = seal(key, place, plain);
    assert.equal(keyIdOf(sealed), key.keyId);
    assert.equal(unseal(key, place, sealed), plain);
  }
});

test("the same text sealed twice is not the same", () => {
  assert.notEqual(seal(key, place, "a"), seal(key, place, "a"));
});

test("text moved to another tenant, field or key, and text that was changed, does not open", () => {
  const sealed = seal(key, place, "Ana");
  const at = sealed.length - 10;
  const changed = `${sealed.slice(0, at)}${sealed[at] === "A" ? "B" : "A"}${sealed.slice(at + 1)}`;
  assert.throws(() => unseal(key, { ...place, tenantId: "other" }, sealed));
  assert.throws(() => unseal(key, { ...place, field: "description" }, sealed));
  assert.throws(() => unseal({ ...key, key: Buffer.alloc(32, 2) }, place, sealed));
  assert.throws(() => unseal(key, place, changed));
  assert.throws(() => unseal(key, place, `sealed:1:${key.keyId}:AAAA`));
});

test("a wrapped key opens for its owner alone", () => {
  const wrapping = Buffer.alloc(32, 9);
  const wrapped = wrapKey(wrapping, "ana", key.key);
  assert.deepEqual(unwrapKey(wrapping, "ana", wrapped), key.key);
  assert.ok(!wrapped.includes(key.key));
  assert.throws(() => unwrapKey(wrapping, "bea", wrapped));
  assert.throws(() => unwrapKey(Buffer.alloc(32, 8), "ana", wrapped));
});

test("a payload's hash is the same for the same payload and key, and another under another key", () => {
  assert.equal(keyedHash(key, "{}"), keyedHash(key, "{}"));
  assert.notEqual(keyedHash(key, "{}"), keyedHash(key, "[]"));
  assert.notEqual(keyedHash(key, "{}"), keyedHash({ ...key, key: Buffer.alloc(32, 2) }, "{}"));
  assert.match(keyedHash(key, "{}"), /^[0-9a-f]{32}$/);
});

test("what is sealed is withheld, and nothing else is touched", () => {
  const data = { accountId: "a", subject: seal(key, place, "Ana"), units: 1 };
  assert.deepEqual(sealedFields(data), ["subject"]);
  assert.deepEqual(withheld(data), { accountId: "a", subject: "withheld", units: 1 });
  const plain = { accountId: "a" };
  assert.equal(withheld(plain), plain);
});
