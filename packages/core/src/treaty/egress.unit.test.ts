import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { isFailure } from "../model/failure.ts";
import { type Destination, type EgressRules, openEgress } from "./egress.ts";

function mayUse(url: string, rules: EgressRules = {}): boolean {
  try {
    openEgress(rules).check(new URL(url));
    return true;
  } catch (error) {
    assert.ok(isFailure(error, "egress-refused"));
    return false;
  }
}

/** What comes of connecting: the code of a refusal, or whatever else went wrong or well. */
function connected(to: Destination, rules: EgressRules = {}): Promise<string> {
  return new Promise((resolve) => {
    try {
      const socket = openEgress(rules).connect(to);
      socket.on("error", (error) => {
        socket.destroy();
        resolve(isFailure(error) ? error.code : `${error.name}`);
      });
      socket.on("connect", () => {
        socket.destroy();
        resolve("connected");
      });
    } catch (error) {
      resolve(isFailure(error) ? `${error.code} at once` : String(error));
    }
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
    "0x7f.1",
    "0177.0.0.1",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[::127.0.0.1]",
    "[2002:7f00:1::]",
  ]) {
    assert.equal(mayUse(`http://${host}/`), false, host);
  }
  for (const host of ["8.8.8.8", "172.32.0.1", "[2606:4700::1111]", "example.com"])
    assert.ok(mayUse(`https://${host}/`), host);
  for (const url of ["file:///etc/passwd", "ftp://8.8.8.8/"]) assert.equal(mayUse(url), false, url);
});

test("every destination is judged before it is connected to, written as an address or found behind a name", async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  let met = 0;
  server.on("connection", () => met++);
  const { port } = server.address() as AddressInfo;
  try {
    for (const host of [
      "169.254.169.254",
      "127.0.0.1",
      "::1",
      "[::1]",
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
      "::ffff:169.254.169.254",
      "fe80::1%lo",
    ]) {
      for (const protocol of ["http:", "https:"])
        assert.equal(await connected({ host, port, protocol }), "egress-refused at once", host);
    }
    // Not addresses to us: whoever resolves them says what they are.
    for (const host of ["localhost", "localhost.", "127.1", "0x7f.1", "2130706433", "0177.0.0.1"])
      assert.notEqual(await connected({ host, port }), "connected", host);
    assert.equal(await connected({ host: "localhost", port }), "egress-refused");
    assert.equal(met, 0);
    const rules = { privateRanges: ["127.0.0.0/8", "::1/128"] };
    for (const host of ["127.0.0.1", "localhost", "::ffff:127.0.0.1"])
      assert.equal(await connected({ host, port, protocol: "http:" }, rules), "connected", host);
    assert.equal(await connected({ host: "169.254.169.254", port }, rules), "egress-refused at once");
    assert.equal(
      await connected({ hostname: "localhost", port }, { ...rules, hosts: ["other"] }),
      "egress-refused at once",
    );
  } finally {
    server.close();
  }
});

test("a treaty with named hosts reaches no other", () => {
  const rules = { hosts: ["Billing.example"], privateRanges: ["127.0.0.0/8"] };
  assert.equal(mayUse("https://billing.example/v1", rules), true);
  assert.equal(mayUse("https://evil.example/v1", rules), false);
  assert.equal(mayUse("http://127.0.0.1/", rules), false);
});
