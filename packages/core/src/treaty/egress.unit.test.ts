import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../model/failure.ts";
import { type EgressRules, openEgress } from "./egress.ts";

function mayUse(url: string, rules: EgressRules = {}): boolean {
  try {
    openEgress(rules).check(new URL(url));
    return true;
  } catch (error) {
    assert.ok(isFailure(error, "egress-refused"));
    return false;
  }
}

/** What the lookup gives to whoever connects. */
function looked(host: string, rules: EgressRules = {}, options: object = {}): Promise<unknown> {
  return new Promise((resolve) => {
    openEgress(rules).lookup(host, options, (error, address) => resolve(error ?? address));
  });
}

test("addresses inside are out of reach, however they are written", () => {
  for (const host of [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "10.1.2.3",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "100.64.0.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[fd00::1]",
    "[fe80::1]",
    "[64:ff9b::7f00:1]",
  ]) {
    assert.equal(mayUse(`http://${host}/`), false, host);
  }
  for (const host of ["8.8.8.8", "172.32.0.1", "[2606:4700::1111]", "example.com"])
    assert.ok(mayUse(`https://${host}/`), host);
  for (const url of ["file:///etc/passwd", "ftp://8.8.8.8/"]) assert.equal(mayUse(url), false, url);
});

test("a name that resolves to an address inside is refused when it is connected to", async () => {
  assert.ok(isFailure(await looked("localhost"), "egress-refused"));
  const rules = { privateRanges: ["127.0.0.0/8", "::1/128"] };
  assert.match(String(await looked("localhost", rules)), /^(127\.0\.0\.1|::1)$/);
  const all = (await looked("localhost", rules, { all: true })) as { address: string }[];
  assert.ok(all.length > 0 && all.every(({ address }) => /^(127\.|::1)/.test(address)));
});

test("a treaty with named hosts reaches no other", async () => {
  const rules = { hosts: ["Billing.example"], privateRanges: ["127.0.0.0/8"] };
  assert.equal(mayUse("https://billing.example/v1", rules), true);
  assert.equal(mayUse("https://evil.example/v1", rules), false);
  assert.ok(isFailure(await looked("localhost", rules), "egress-refused"));
});
