import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { isFailure } from "@entente/core/model";
import { type JWTPayload, SignJWT } from "jose";
import { secretTokens } from "./edge.fixture.ts";
import { openTokenCache } from "./token-cache.ts";
import type { TokenKey } from "./token-keys.ts";
import {
  accountsAllowed,
  type Identity,
  openTokenIssuer,
  openTokenVerifier,
  type TokenSettings,
} from "./tokens.ts";

const wall = Date.UTC(2026, 5, 1);
const settings = (key: TokenKey, more: Partial<TokenSettings> = {}): TokenSettings => ({
  ...secretTokens,
  key,
  now: () => wall,
  ...more,
});
const secretKey = secretTokens.key;
const claims = { sub: "ada", tenant: "demo", role: "customer", accounts: ["acct-0001"] } as const;

type Spoken = Readonly<Record<string, unknown>>;

function sign(
  key: Uint8Array | KeyObject,
  alg: string,
  more: Spoken = {},
  header: object = {},
): Promise<string> {
  const seconds = wall / 1_000;
  const spoken = { ...claims, iss: "entente-test", aud: "flux", exp: seconds + 60, ...more };
  return new SignJWT(spoken as JWTPayload).setProtectedHeader({ alg, ...header }).sign(key);
}

const refuses = (promise: Promise<unknown>, code: string) =>
  assert.rejects(promise, (error) => isFailure(error, code));

describe("tokens", () => {
  const verifier = openTokenVerifier(settings(secretKey), "dev");

  test("a good token tells who calls", async () => {
    const identity = await verifier.verify(await sign(secretKey.secret, "HS256"));
    assert.deepStrictEqual(identity, {
      sub: "ada",
      tenant: "demo",
      role: "customer",
      accounts: new Set(["acct-0001"]),
      expiresAt: wall + 60_000,
    });
  });

  test("a token made here is understood here", async () => {
    const issue = openTokenIssuer({ ...settings(secretKey), key: secretKey });
    const { token, expiresAt } = await issue({ sub: "olga", tenant: "demo", role: "operator" }, 60);
    const identity = await verifier.verify(token);
    assert.equal(identity.role, "operator");
    assert.equal(identity.expiresAt, expiresAt);
  });

  test("expired is told apart from invalid; five seconds of clock difference are forgiven, both ways", async () => {
    const at = (seconds: number) => wall / 1_000 + seconds;
    await verifier.verify(await sign(secretKey.secret, "HS256", { exp: at(-4) }));
    await refuses(verifier.verify(await sign(secretKey.secret, "HS256", { exp: at(-5) })), "token-expired");
    await verifier.verify(await sign(secretKey.secret, "HS256", { nbf: at(5) }));
    await refuses(verifier.verify(await sign(secretKey.secret, "HS256", { nbf: at(6) })), "token-invalid");
  });

  test("a token without end, for others, from others or with odd claims is invalid", async () => {
    const odd: Spoken[] = [
      { exp: undefined },
      { sub: undefined },
      { aud: "elsewhere" },
      { aud: undefined },
      { iss: "somebody" },
      { role: "root" },
      { role: ["operator"] },
      { tenant: "" },
      { tenant: "a/b" },
      { tenant: 7 },
      { tenant: "t".repeat(65) },
      { sub: "a\nb" },
      { sub: "s".repeat(129) },
      { accounts: "acct-0001" },
      { accounts: ["../x"] },
      { accounts: [1] },
      { accounts: Array.from({ length: accountsAllowed + 1 }, (_, n) => `acct-${n}`) },
    ];
    for (const one of odd) {
      await refuses(verifier.verify(await sign(secretKey.secret, "HS256", one)), "token-invalid");
    }
  });

  test("no algorithm, another algorithm, a tampered or broken token is invalid", async () => {
    const good = await sign(secretKey.secret, "HS256");
    const [header = "", payload = "", signature = ""] = good.split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    const richer = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(payload, "base64url").toString()), role: "operator" }),
    ).toString("base64url");
    const forged = [
      `${none}.${payload}.`,
      `${none}.${payload}.${signature}`,
      `${header}.${richer}.${signature}`,
      `${header}.${payload}.${signature.slice(0, -3)}AAA`,
      `${header}.${payload}`,
      good.slice(0, 20),
      "",
      "🦊.🦊.🦊",
      await sign(Buffer.alloc(64, 7), "HS512"),
      await sign(Buffer.alloc(32, 8), "HS256"),
    ];
    for (const token of forged) await refuses(verifier.verify(token), "token-invalid");
  });

  test("a public key verifies its own algorithm only and is no HMAC secret", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    const rsa = openTokenVerifier(settings({ kind: "public-key", pem, algorithm: "RS256" }), "production");
    assert.equal((await rsa.verify(await sign(privateKey, "RS256"))).sub, "ada");
    await refuses(rsa.verify(await sign(privateKey, "PS256")), "token-invalid");
    await refuses(rsa.verify(await sign(Buffer.from(pem), "HS256")), "token-invalid");
    const ed = generateKeyPairSync("ed25519");
    const edPem = ed.publicKey.export({ type: "spki", format: "pem" }).toString();
    const edwards = openTokenVerifier(
      settings({ kind: "public-key", pem: edPem, algorithm: "EdDSA" }),
      "production",
    );
    assert.equal((await edwards.verify(await sign(ed.privateKey, "EdDSA"))).sub, "ada");
  });

  test("settings that must not guard a server are refused at start", () => {
    const { publicKey } = generateKeyPairSync("ed25519");
    const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    const unsafe: [TokenKey, "dev" | "production"][] = [
      [secretKey, "production"],
      [{ kind: "secret", secret: Buffer.alloc(31) }, "dev"],
      [{ kind: "public-key", pem, algorithm: "RS256" }, "production"],
      [{ kind: "jwks", url: "http://keys.example.com/jwks" }, "production"],
    ];
    for (const [key, mode] of unsafe) {
      assert.throws(
        () => openTokenVerifier(settings(key), mode),
        (error) => isFailure(error, "token-settings-unsafe"),
      );
    }
  });

  test("keys from a key set: known and unknown key ids, a header that points elsewhere, and a set that is away", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const jwk = { ...publicKey.export({ format: "jwk" }), kid: "one", alg: "ES256", use: "sig" };
    const server = createServer((_request, response) => {
      response.setHeader("content-type", "application/json").end(JSON.stringify({ keys: [jwk] }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
    const fromSet = openTokenVerifier(settings({ kind: "jwks", url }), "production");
    assert.equal((await fromSet.verify(await sign(privateKey, "ES256", {}, { kid: "one" }))).sub, "ada");
    await refuses(fromSet.verify(await sign(privateKey, "ES256", {}, { kid: "two" })), "token-invalid");
    await refuses(fromSet.verify(await sign(secretKey.secret, "HS256", {}, { kid: "one" })), "token-invalid");
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pointing = {
      kid: "one",
      jku: "http://127.0.0.1:1/",
      jwk: other.publicKey.export({ format: "jwk" }),
    };
    await refuses(fromSet.verify(await sign(other.privateKey, "ES256", {}, pointing)), "token-invalid");
    await new Promise((resolve) => server.close(resolve));
    const away = openTokenVerifier(settings({ kind: "jwks", url }), "production");
    await refuses(away.verify(await sign(privateKey, "ES256", {}, { kid: "one" })), "token-keys-unavailable");
  });

  test("a verified token is known without another look until it expires, or until it was believed long enough", async () => {
    let now = wall;
    const seconds = wall / 1_000;
    const timed = openTokenVerifier(settings(secretKey, { now: () => now, believedMs: 30_000 }), "dev");
    const token = await sign(secretKey.secret, "HS256");
    const short = await sign(secretKey.secret, "HS256", { exp: seconds + 10 });
    assert.equal(timed.known(token), undefined);
    await timed.verify(token);
    await timed.verify(short);
    assert.equal(timed.known(token)?.sub, "ada");
    now = wall + 14_999;
    assert.equal(timed.known(short)?.sub, "ada");
    now = wall + 15_000;
    assert.equal(timed.known(short), undefined);
    assert.equal(timed.known(token)?.sub, "ada");
    now = wall + 30_000;
    assert.equal(timed.known(token), undefined);
    assert.equal((await timed.verify(token)).sub, "ada");
  });

  test("a refused token is never remembered", async () => {
    const bad = await sign(Buffer.alloc(32, 8), "HS256");
    await refuses(verifier.verify(bad), "token-invalid");
    assert.equal(verifier.known(bad), undefined);
  });
});

describe("the token cache", () => {
  const identity: Identity = { sub: "a", tenant: "t", role: "auditor", accounts: new Set(), expiresAt: 0 };

  test("never holds more than its capacity, and keeps what is in use", () => {
    const cache = openTokenCache(100);
    cache.put("hot", identity, 1_000);
    for (let n = 0; n < 10_000; n++) {
      cache.put(`t${n}`, identity, 1_000);
      assert.ok(cache.size() <= 100);
      assert.ok(cache.get("hot", 0) !== undefined, `after ${n}`);
    }
    assert.equal(cache.get("t0", 0), undefined);
  });
});
