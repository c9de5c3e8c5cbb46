import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { auditor, customer, operator, startEdge } from "./edge.fixture.ts";
import { fakeSystem } from "./fake-system.fixture.ts";
import { call } from "./http-client.fixture.ts";

describe("erasing", async () => {
  const system = fakeSystem();
  const edge = await startEdge({ system });
  after(() => edge.close());
  const erase = async (claims: typeof operator, body: object) =>
    call(edge.url, "POST", "/ops/erasures", { token: await edge.tokenFor(claims), body });

  test("an operator has a customer of the own tenant erased, by name and with a reason", async () => {
    const answer = await erase(operator, { subject: "acct-1", why: "letter 7" });
    assert.equal(answer.status, 200);
    assert.deepEqual(system.acts, [
      {
        what: "erase",
        context: "keys",
        act: { tenantId: operator.tenant, subject: "acct-1", by: operator.sub, why: "letter 7" },
      },
    ]);
  });

  test("nobody else, not without a reason, and not for another tenant", async () => {
    system.acts.length = 0;
    for (const claims of [customer, auditor])
      assert.equal((await erase(claims, { subject: "acct-1", why: "x" })).status, 403);
    for (const body of [{ subject: "acct-1" }, { why: "x" }, { subject: "acct-1", why: " " }])
      assert.equal((await erase(operator, body)).status, 422);
    assert.equal((await erase(operator, { subject: "acct-1", why: "x", tenantId: "other" })).status, 422);
    assert.deepEqual(system.acts, []);
  });
});
