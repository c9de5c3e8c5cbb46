import assert from "node:assert/strict";
import { test } from "node:test";
import { tenantOf } from "./tenant-of-token.ts";

const tokenOf = (claims: unknown) =>
  `head.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.signature`;

test("a token names its tenant", () => {
  assert.equal(tenantOf(tokenOf({ sub: "olga", tenant: "demo" })), "demo");
});

test("what is no token, or names no tenant, has none", () => {
  for (const token of ["", "x", "a.b.c", tokenOf({ tenant: 7 }), tokenOf({}), tokenOf(null)])
    assert.equal(tenantOf(token), null, token);
});
