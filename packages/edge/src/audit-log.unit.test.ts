import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { AuditReader } from "@entente/core";
import { Failure } from "@entente/core/model";
import { auditor, customer, operator, startEdge } from "./edge.fixture.ts";
import { fakeSystem } from "./fake-system.fixture.ts";
import { assertProblem, call } from "./http-client.fixture.ts";

const note = "flux.example/audit/demo\n3\nAAAA\n\n— flux.example/audit/demo AAAA\n";
const asked: string[] = [];
const log: AuditReader = {
  async checkpoint(tenant) {
    asked.push(`${tenant} checkpoint`);
    return note;
  },
  async tile(tenant, path) {
    asked.push(`${tenant} ${path}`);
    if (path.endsWith("/999")) throw new Failure("refused", "audit-tile-unknown", "No such tile.");
    return Buffer.from([0, 1, 0xff]);
  },
  async bundle(tenant, selection) {
    asked.push(`${tenant} ${JSON.stringify(selection)}`);
    return { "entries.jsonl": "{}\n" };
  },
};

describe("the audit log", async () => {
  const edge = await startEdge({ system: Object.assign(fakeSystem(), { audit: log }) });
  after(() => edge.close());
  const get = async (path: string, claims = auditor) =>
    fetch(`${edge.url}${path}`, { headers: { authorization: `Bearer ${await edge.tokenFor(claims)}` } });

  test("a third party reads checkpoint, tiles and entries at their standard paths, as they are", async () => {
    const checkpoint = await get("/audit/demo/checkpoint");
    assert.equal(checkpoint.headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(await checkpoint.text(), note);
    for (const path of ["tile/0/x001/234.p/5", "tile/entries/x001/234"]) {
      const tile = await get(`/audit/demo/${path}`);
      assert.equal(tile.headers.get("content-type"), "application/octet-stream");
      assert.match(tile.headers.get("cache-control") ?? "", /immutable/);
      assert.deepEqual([...new Uint8Array(await tile.arrayBuffer())], [0, 1, 0xff]);
    }
    assert.deepEqual(asked.splice(0), [
      "demo checkpoint",
      "demo tile/0/x001/234.p/5",
      "demo tile/entries/x001/234",
    ]);
  });

  test("entries are an auditor's, however their path is written; hashes an operator's, too; nothing is a customer's", async () => {
    assert.equal((await get("/audit/demo/tile/0/000", operator)).status, 200);
    for (const path of [
      "entries/000",
      "entries%2F000",
      "%65ntries/000",
      "%65ntries%2f000",
      "./entries/000",
    ]) {
      assert.ok((await get(`/audit/demo/tile/${path}`, operator)).status >= 400, path);
    }
    assert.deepEqual(asked.splice(0), ["demo tile/0/000"]);
    for (const path of ["checkpoint", "tile/0/000", "tile/entries/000"]) {
      assert.equal((await get(`/audit/demo/${path}`, customer)).status, 403);
      assert.equal((await fetch(`${edge.url}/audit/demo/${path}`)).status, 401);
    }
    assert.deepEqual(asked, []);
  });

  test("the evidence of one process or account is an auditor's, and one of both must be named", async () => {
    const process = "0199f0e2-7a3b-7c4d-8e5f-0123456789ab";
    const given = await get(`/audit/demo/bundle?process=${process}`);
    assert.deepEqual([given.status, await given.json()], [200, { files: { "entries.jsonl": "{}\n" } }]);
    assert.equal((await get("/audit/demo/bundle?account=acct-1")).status, 200);
    assert.deepEqual(asked.splice(0), [
      `demo {"kind":"process","processId":"${process}"}`,
      'demo {"kind":"account","key":"acct-1"}',
    ]);
    for (const query of ["", "?process=no", `?process=${process}&account=acct-1`, "?account=&more=1"])
      assert.equal((await get(`/audit/demo/bundle${query}`)).status, 422, query);
    for (const claims of [operator, customer])
      assert.equal((await get(`/audit/demo/bundle?process=${process}`, claims)).status, 403);
    assert.equal((await get(`/audit/other/bundle?process=${process}`)).status, 404);
    assert.deepEqual(asked, []);
  });

  test("another tenant's log is as unknown as one that does not exist", async () => {
    const token = await edge.tokenFor(auditor);
    for (const path of ["checkpoint", "tile/0/000", "tile/entries/000"])
      assertProblem(await call(edge.url, "GET", `/audit/other/${path}`, { token }), 404, "audit-log-unknown");
    assertProblem(
      await call(edge.url, "GET", "/audit/demo/tile/0/999", { token }),
      404,
      "audit-tile-unknown",
    );
    assert.deepEqual(asked.splice(0), ["demo tile/0/999"]);
  });

  test("a system that keeps no audit log has none", async () => {
    await using without = await startEdge();
    const token = await without.tokenFor(auditor);
    for (const path of ["checkpoint", "tile/0/000", "tile/entries/000"])
      assertProblem(
        await call(without.url, "GET", `/audit/demo/${path}`, { token }),
        404,
        "audit-log-unknown",
      );
  });
});
