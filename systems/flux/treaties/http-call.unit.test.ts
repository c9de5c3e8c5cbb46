import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { type EgressRules, isFailure, type Means, openEgress } from "@entente/core";
import { httpCall } from "./http-call.ts";

let met = 0;
const server = createServer((request, response) => {
  met++;
  if (request.url === "/moved")
    response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data" });
  response.end("there");
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;
after(() => server.close());

function get(url: string, rules: EgressRules): ReturnType<typeof httpCall> {
  const means: Means = {
    signal: AbortSignal.timeout(10_000),
    secret: () => Promise.reject(new Error("none")),
    connect: openEgress(rules).connect,
    count: () => undefined,
  };
  return httpCall({ url, method: "GET" }, means);
}

test("no way of writing an address leads where the treaty may not go, and nothing is sent there", async () => {
  for (const host of [
    "169.254.169.254",
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "2130706433",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "localhost",
  ]) {
    for (const scheme of ["http", "https"])
      await assert.rejects(
        get(`${scheme}://${host}:${port}/`, {}),
        (error) => isFailure(error, "egress-refused"),
        host,
      );
  }
  assert.equal(met, 0);
});

test("what may be reached is reached, and a redirect is an answer that nobody follows", async () => {
  const rules = { privateRanges: ["127.0.0.0/8", "::1/128"] };
  for (const host of ["127.0.0.1", "localhost"])
    assert.deepEqual((await get(`http://${host}:${port}/`, rules)).text, "there");
  const before = met;
  const moved = await get(`http://127.0.0.1:${port}/moved`, rules);
  assert.deepEqual([moved.status, moved.headers.location], [302, "http://169.254.169.254/latest/meta-data"]);
  assert.equal(met, before + 1);
});
