import assert from "node:assert/strict";
import { test } from "node:test";
import { billingReady, billingTreaty, outside } from "../testing/billing-treaty.fixture.ts";
import { apiToken, callbackSecret, startCounterparty } from "../testing/counterparty.fixture.ts";
import { startOrders } from "../testing/orders.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";

const bed = await openTestBed();

test("after a scripted run each business metric equals what the script did", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  counterparty.behave = (key, nth) => {
    if (key.includes("accept")) return "accept";
    if (key.includes("reject")) return "reject";
    if (key.includes("lost")) return "drop-done";
    if (key.includes("busy")) return nth < 3 ? "busy" : "done";
    return key.includes("odd") ? "unmapped" : "done";
  };
  const patient = { inFlightMs: 2_000, resultWithinMs: 600_000, reconcileEveryMs: 600_000 };
  const orders = await startOrders(bed, [billingTreaty({ counterparty, times: patient })]);
  const wanted = { accept: 3, reject: 2, lost: 2, busy: 1, odd: 1, plain: 4 };
  const facts = Object.entries(wanted).flatMap(([kind, n]) =>
    Array.from({ length: n }, (_, i) => billingReady(`${kind}-${i}`)),
  );
  await orders.facts(...facts, billingReady("plain-0"), billingReady("plain-0", {}, { amount: 9 }));
  const accepted = await orders.settled(3, "accepted");
  await orders.settled(7, "completed");
  const [first] = accepted;
  const message = counterparty.callback("acme", first?.idempotencyKey ?? "", "DONE", { id: "once" });
  for (let n = 0; n < 3; n++) {
    await orders.system.treaties.receiveCallback(
      "billing-activation",
      message.headers,
      message.rawBody,
      "192.0.2.1",
    );
  }
  await orders.settled(8, "completed");
  const figures = await orders.system.treaties.figures();
  const value = (name: string, label: string) =>
    figures.find((one) => one.name === name && one.label === label)?.value ?? 0;
  // Thirteen acts, one of them sent three times.
  assert.equal(value("requests", "billing"), 13 + 2);
  assert.equal(value("retries", ""), 2);
  assert.deepEqual(
    ["accepted", "rejected", "unknown", "completed", "retry_wait", "fallout"].map((state) =>
      value("states", state),
    ),
    [8, 2, 3, 8, 2, 1],
  );
  assert.equal(value("corrections", "completed"), 2);
  assert.equal(value("reconciliations", "external-success"), 2);
  assert.equal(value("callbacks", "applied"), 1);
  assert.ok(value("callback-latency-ms", "") >= 0);
  assert.equal(value("duplicates", ""), 2);
  assert.equal(value("conflicts", ""), 1);
  assert.equal(value("error-codes", "BUSINESS_REJECTED E10"), 2);
  assert.equal(value("error-codes", "TECHNICAL_RETRYABLE E40"), 2);
  assert.equal(value("error-codes", "UNCLASSIFIED_EXTERNAL_FAILURE E99"), 1);
  assert.deepEqual(
    ["rejected", "unclassified", "key-conflict"].map((kind) => value("fallout", kind)),
    [2, 1, 1],
  );
  assert.deepEqual(
    [value("waiting", "accepted"), value("waiting", "rejected"), value("waiting", "fallout")],
    [2, 2, 1],
  );
  assert.ok(value("pending-age-ms", "accepted") > 0);
  assert.equal(value("parked", ""), 0);
});

test("neither payloads nor secrets reach events, figures, cases or records beside the journal's opening", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  counterparty.behave = (key) => (key.includes("odd") ? "unmapped" : "drop-done");
  const treaty = billingTreaty({ counterparty, times: { inFlightMs: 2_000 } });
  const orders = await startOrders(bed, [treaty]);
  await orders.facts(
    billingReady("ord-1", {}, { amount: 918_273_645 }),
    billingReady("odd-1", {}, { amount: 918_273_645 }),
  );
  await orders.settled(1, "completed");
  await orders.settled(1, "fallout");
  const database = databaseOf(orders.system, "orders");
  const rows = await database.execute<{ all: string }>(
    `select (select coalesce(json_agg(h), '[]')::text from entente.hand_off h) || (select json_agg(c)::text from entente.fallout_case c)
       || (select json_agg(j.data)::text from entente.journal j where type like 'entente.%' and type <> 'entente.hand-off-opened') as all`,
  );
  const seen = `${JSON.stringify(orders.told)}${JSON.stringify(await orders.system.treaties.figures())}${rows[0]?.all}${JSON.stringify(orders.happenings.events)}`;
  assert.ok(seen.length > 1_000);
  for (const planted of ["918273645", apiToken, callbackSecret]) assert.ok(!seen.includes(planted), planted);
});

test("a rotated token is used at the next sending, and one treaty's secrets are not another's", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  const treaty = billingTreaty({ counterparty, limits: { triesAllowed: 1 } });
  const stranger = billingTreaty({
    counterparty,
    name: "stranger",
    target: "other",
    facts: ["orders.other"],
    over: { credentials: [] },
  });
  let token = "outdated";
  const given = outside([treaty, stranger], {
    secret: (_treaty, name) => (name === "api-token" ? token : callbackSecret),
  });
  const orders = await startOrders(bed, [treaty, stranger], { outside: given });
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "blocked");
  token = apiToken;
  await orders.system.treaties.setStopped(treaty.name, false, {
    tenantId: "acme",
    by: "ann",
    why: "rotated",
  });
  await orders.settled(1, "completed");
  assert.deepEqual(
    counterparty.requests.map(({ authorization }) => authorization),
    ["Bearer outdated", `Bearer ${apiToken}`],
  );
  const before = counterparty.requests.length;
  await orders.facts(billingReady("ord-9", { type: "orders.other" }));
  const [refused] = await orders.settled(1, "blocked");
  assert.equal(refused?.lastErrorCode, "credential-unknown");
  assert.equal(counterparty.requests.length, before);
});
