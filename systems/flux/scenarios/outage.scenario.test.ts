import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually } from "@entente/testkit";
import { type Caller, caller } from "./client.fixture.ts";
import { type FluxUnderTest, startFluxUnderTest } from "./flux-under-test.fixture.ts";

/** The core is away: customers go on, are told the truth, and get what they asked for once it is back. */
describe("while the subscription is away", () => {
  let flux: FluxUnderTest;
  let customer: Caller;
  let operator: Caller;

  before(async () => {
    flux = await startFluxUnderTest({ ENTENTE_BACKLOG_ALLOWED: "60" });
    await flux.startEdge();
    await flux.startWorker();
    customer = await caller(flux, { role: "customer", accounts: ["acct-0001", "acct-0002"] });
    operator = await caller(flux, { role: "operator", sub: "olga" });
    await drained(operator);
  });
  after(() => flux.stop());

  test("a top-up is queued, shown as queued, and confirmed by itself once the context is back", async () => {
    const paused = await operator.post("/ops/contexts/subscription/pause", { why: "drill" });
    assert.equal(paused.status, 200);
    const asked = await customer.topUp("acct-0001", "outage-1", 5);
    assert.deepEqual([asked.status, asked.body.state], [202, "queued"]);
    const processId = String(asked.body.processId);
    const shown = await customer.get(`/processes/${processId}`);
    assert.deepEqual([shown.body.state, shown.body.delayed], ["queued", undefined]);
    const balance = await customer.get("/accounts/acct-0001/balance");
    const { usedUnits, pendingUnits, pendingAtLeast, syncing } = balance.body;
    assert.deepEqual([usedUnits, pendingUnits, pendingAtLeast, syncing], [0, 5, false, true]);
    const status = await operator.get("/status");
    assert.equal(contextIn(status.body, "subscription").state, "paused");
    assert.equal(
      (await operator.post("/ops/contexts/subscription/resume", { why: "drill over" })).status,
      200,
    );
    const confirmed = await customer.until(processId, "confirmed");
    assert.equal((confirmed.outcome as { fundedFromQuota: number }).fundedFromQuota, 5);
    await eventually(async () => {
      const { body } = await customer.get("/accounts/acct-0001/balance");
      assert.deepEqual([body.usedUnits, body.pendingUnits, body.syncing], [5, 0, false]);
    });
  });

  test("past the limits the process is called delayed and the banner goes up; both end with the outage", async () => {
    await operator.post("/ops/contexts/subscription/pause", { why: "long drill" });
    const asked = await customer.topUp("acct-0001", "outage-2");
    await operator.post("/dev/clock", { advance: "PT6M" });
    const shown = await customer.get(`/processes/${asked.body.processId}`);
    assert.deepEqual([shown.body.state, shown.body.delayed], ["queued", true]);
    assert.match(String(shown.body.text), /taking longer than usual/);
    await eventually(async () => assert.equal((await operator.get("/status")).body.maintenance, true));
    const during = await customer.topUp("acct-0001", "outage-3");
    assert.equal(during.status, 202, "new commands are still queued during the banner");
    await operator.post("/ops/contexts/subscription/resume", { why: "over" });
    await customer.until(String(during.body.processId), "confirmed");
    await eventually(async () => assert.equal((await operator.get("/status")).body.maintenance, false));
  });

  test("over the backlog limit a 429 says how long to wait, stores nothing, and the same key works later", async () => {
    await operator.post("/ops/contexts/subscription/pause", { why: "backlog drill" });
    const accepted: string[] = [];
    let refused: Awaited<ReturnType<Caller["topUp"]>> | null = null;
    for (let n = 0; refused === null && n < 500; n++) {
      const answer = await customer.topUp("acct-0002", `backlog-${n}`);
      if (answer.status === 429) refused = answer;
      else accepted.push(String(answer.body.processId));
    }
    assert.ok(refused !== null && accepted.length >= 59, `${accepted.length} accepted before the limit`);
    assert.equal(refused.body.code, "backlog-full");
    assert.ok(
      Number(refused.headers.get("retry-after")) >= 1 && Number(refused.body.expectedWaitSeconds) >= 1,
    );
    const repeated = await customer.topUp("acct-0002", "backlog-0");
    assert.deepEqual(
      [repeated.status, repeated.body.processId],
      [202, accepted[0]],
      "what was accepted stays accepted",
    );
    await operator.post("/ops/contexts/subscription/resume", { why: "over" });
    for (const processId of accepted) await customer.until(processId, "confirmed");
    await drained(operator);
    const later = await customer.topUp("acct-0002", `backlog-${accepted.length}`);
    assert.deepEqual(
      [later.status, later.headers.get("idempotency-replayed")],
      [202, null],
      "the refused key was never owned",
    );
  });

  test("fifty at once with one key and body are one process; another body is refused and stores nothing", async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => customer.topUp("acct-0001", "fifty", 2)),
    );
    assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [202]);
    assert.equal(new Set(answers.map((answer) => answer.body.processId)).size, 1);
    assert.equal(
      answers.filter((answer) => answer.headers.get("idempotency-replayed") === "true").length,
      49,
    );
    const other = await customer.topUp("acct-0001", "fifty", 3);
    assert.deepEqual([other.status, other.body.code], [422, "idempotency-key-reused"]);
    const confirmed = await customer.until(String(answers[0]?.body.processId), "confirmed");
    assert.equal((confirmed.outcome as { units: number }).units, 2);
  });
});

function contextIn(status: Record<string, unknown>, name: string): { readonly state: string } {
  const found = (status.contexts as { name: string; state: string }[]).find(
    (context) => context.name === name,
  );
  assert.ok(found !== undefined);
  return found;
}

async function drained(operator: Caller): Promise<void> {
  await eventually(async () => assert.equal((await operator.get("/status")).body.backlog, 0));
}
