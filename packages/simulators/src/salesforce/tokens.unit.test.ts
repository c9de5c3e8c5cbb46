import assert from "node:assert/strict";
import { createSign, generateKeyPairSync } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import jsforce from "jsforce";
import {
  errorOf,
  type SalesforceUnderTest,
  startSalesforceUnderTest,
  version,
} from "./salesforce.fixture.ts";
import { credentials, organizationId, users } from "./sessions.ts";

/** Every token flow of the unmodified client, and what it does when its token ends. */

const keys = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
let sf: SalesforceUnderTest;

before(async () => {
  sf = await startSalesforceUnderTest({ jwtPublicKey: keys.publicKey });
});
beforeEach(() => sf.client.reset());
after(() => sf.stop());

function open(more: object = {}) {
  const { clientId, clientSecret } = credentials;
  return new jsforce.Connection({
    loginUrl: sf.url,
    version,
    oauth2: { loginUrl: sf.url, clientId, clientSecret, ...more },
  });
}

function assertion(claims: object, privateKey: string = keys.privateKey): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const { clientId: iss, username: sub } = credentials;
  const exp = Math.floor(Date.now() / 1_000) + 120;
  const signed = `${encode({ alg: "RS256" })}.${encode({ iss, sub, aud: "https://login.salesforce.com", exp, ...claims })}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey, "base64url")}`;
}

const jwtBearer = (claims: object = {}, privateKey?: string) => ({
  grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
  assertion: assertion(claims, privateKey),
});

describe("a token", () => {
  test("comes by client credentials and leads to the org, the user and the instance", async () => {
    const conn = open();
    const user = await conn.authorize({ grant_type: "client_credentials" });
    assert.deepEqual([user.id, user.organizationId], [users[0].id, organizationId]);
    assert.equal(conn.instanceUrl, sf.url);
    const identity = await conn.identity();
    assert.equal(identity.username, users[0].username);
    const info = await sf.ask(conn, "GET", "/services/oauth2/userinfo");
    assert.equal(((await info.json()) as { organization_id: string }).organization_id, organizationId);
  });

  test("comes by password, by a signed assertion, and by a refresh token", async () => {
    const byPassword = open();
    await byPassword.login(credentials.username, credentials.password);
    assert.equal((await byPassword.identity()).username, credentials.username);
    const byAssertion = open({ clientSecret: undefined });
    await byAssertion.authorize(jwtBearer());
    assert.equal((await byAssertion.identity()).username, credentials.username);
    const byRefresh = open();
    const answer = await byRefresh.oauth2.refreshToken(credentials.refreshToken);
    assert.match(answer.access_token, new RegExp(`^${organizationId.slice(0, 15)}!`));
  });

  test("comes by Basic header too", async () => {
    const { clientId, clientSecret } = credentials;
    const response = await fetch(`${sf.url}/services/oauth2/token`, {
      method: "POST",
      body: new URLSearchParams({ grant_type: "client_credentials" }),
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString("base64")}` },
    });
    assert.equal(response.status, 200);
  });

  test("is refused in the words of the grant", async () => {
    const other = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    const cases: readonly (readonly [PromiseLike<unknown>, string])[] = [
      [open({ clientSecret: "wrong" }).authorize({ grant_type: "client_credentials" }), "invalid_client"],
      [open({ clientId: "nobody" }).authorize({ grant_type: "client_credentials" }), "invalid_client_id"],
      [open().authorize({ grant_type: "magic" }), "unsupported_grant_type"],
      [open().login(credentials.username, "wrong"), "invalid_grant"],
      [open().oauth2.refreshToken("wrong"), "invalid_grant"],
      [open().authorize(jwtBearer({ exp: 1 })), "invalid_grant"],
      [open().authorize(jwtBearer({ aud: "https://elsewhere.example" })), "invalid_grant"],
      [open().authorize(jwtBearer({ sub: "nobody@demo.example" })), "invalid_grant"],
      [open().authorize(jwtBearer({}, other.privateKey)), "invalid_grant"],
    ];
    for (const [promise, name] of cases) assert.equal((await errorOf(promise)).name, name);
  });
});

describe("a token that has ended", () => {
  test("after two hours by the simulator's clock is renewed by the client, which goes on", async () => {
    const conn = await sf.connect();
    const first = conn.accessToken;
    await sf.client.advance("PT1H59M");
    await conn.limits();
    assert.equal(conn.accessToken, first);
    await sf.client.advance("PT1M");
    await conn.limits();
    assert.notEqual(conn.accessToken, first);
  });

  test("by revocation is told as such to a client that cannot renew it", async () => {
    const conn = open();
    await conn.authorize({ grant_type: "client_credentials" });
    const { accessToken } = conn;
    await conn.logout();
    const late = new jsforce.Connection({ instanceUrl: sf.url, accessToken: accessToken as string, version });
    assert.equal((await errorOf(late.limits())).errorCode, "INVALID_SESSION_ID");
  });

  test("with its refresh token revoked cannot be renewed", async () => {
    const conn = open();
    await conn.oauth2.revokeToken(credentials.refreshToken);
    assert.equal((await errorOf(conn.oauth2.refreshToken(credentials.refreshToken))).name, "invalid_grant");
  });

  test("always, by a rule for ever, does not make the client spin", async () => {
    const conn = await sf.connect();
    await sf.client.rule({ behaviour: "unauthorized", when: { operation: "read-limits" } });
    assert.equal((await errorOf(conn.limits())).errorCode, "INVALID_SESSION_ID");
    assert.equal((await sf.client.calls({ operation: "read-limits" })).length, 2);
    await sf.client.removeRules();
    assert.ok((await conn.limits()).DailyApiRequests);
    // Once it has been served again, one rejection is again only a token to renew.
    await sf.client.rule({ behaviour: "unauthorized", times: 1 });
    assert.ok((await conn.limits()).DailyApiRequests);
  });
});
