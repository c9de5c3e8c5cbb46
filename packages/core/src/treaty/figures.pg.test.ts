import assert from "node:assert/strict";
import { test } from "node:test";
import { billingReady, billingTreaty, outside } from "../testing/billing-treaty.fixture.ts";
import { apiToken, callbackSecret, startCounterparty } from "../testing/counterparty.fixture.ts";
import { type Orders, startOrders } from "../testing/orders.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";

const bed = await openTestBed();

/** Reads a figure by name and label. One that is not there is an error: a metric nobody counts must not pass for nought. */
async function figuresOf(orders: Orders): Promise<(name: string, label?: string) => number> {
  const figures = await orders.system.treaties.figures();
  return (name, label = "") => {
    const found = figures.find((one) => one.name === name && one.label === label);
    if (found === undefined) throw new Error(`there is no figure ${name} ${label}`);
    return found.value;
  };
}

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
  const value = await figuresOf(orders);
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
});

test("after a run by the clock, how late callbacks were, which deadlines were missed and what is parked equal what the script did", async () => {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  counterparty.behave = () => "accept";
  // Nothing but the clock and the callbacks of this test settles anything.
  counterparty.asked = () => "drop";
  const minute = 60_000;
  const times = { resultWithinMs: 10 * minute, personAfterMs: 60 * minute, reconcileEveryMs: 600 * minute };
  // A wall clock that stands still: time passes when the test says so, and every figure is exact.
  const wall = Date.now();
  const orders = await startOrders(bed, [billingTreaty({ counterparty, times })], {
    wallClock: () => wall,
    settings: { retryAttempts: 2, retryFirstMs: 20 },
  });
  const later = (ms: number) => orders.system.setClock(orders.system.clock.now() + ms);
  const hear = async (orderId: string) => {
    const key = `acme:order:${orderId}:=1:billing:activate:1`;
    const { headers, rawBody } = counterparty.callback("acme", key, "DONE");
    await orders.system.treaties.receiveCallback("billing-activation", headers, rawBody, "192.0.2.1");
  };
  const spoilt = ["spoilt-1", "spoilt-2"].map((orderId) => billingReady(orderId, {}, { amount: "much" }));
  const sound = ["soon", "late", "never-1", "never-2"].map((orderId) => billingReady(orderId));
  await orders.facts(...sound, ...spoilt);
  await orders.settled(4, "accepted");
  await orders.happenings.until("two facts are parked", async () => {
    const aside = await orders.system.listParked("orders", "acme", 10);
    return aside.filter(({ state }) => state === "parked").length === 2;
  });
  const before = await figuresOf(orders);
  assert.equal(before("parked"), 2);
  for (const figure of ["callback-latency-ms", "deadlines-missed"])
    assert.throws(() => before(figure), /there is no figure/, `${figure} before anything was late`);

  await later(1.5 * minute);
  await hear("soon");
  await orders.settled(1, "completed");
  assert.equal((await figuresOf(orders))("callback-latency-ms"), 1.5 * minute);

  await later(10 * minute);
  await orders.settled(3, "unknown");
  assert.equal((await figuresOf(orders))("deadlines-missed"), 3);
  await hear("late");
  await orders.settled(2, "completed");
  await later(60 * minute);
  await orders.settled(2, "fallout");
  const after = await figuresOf(orders);
  // Three results were late; two of them went to a person.
  assert.equal(after("deadlines-missed"), 3 + 2);
  assert.equal(after("callback-latency-ms"), 1.5 * minute + 11.5 * minute);
  assert.equal(after("fallout", "unknown"), 2);

  const [one] = await orders.system.listParked("orders", "acme", 1);
  const act = { tenantId: "acme", entryId: one?.entryId ?? "", by: "ann", why: "nobody's order" };
  await orders.system.discard("orders", act);
  assert.equal((await figuresOf(orders))("parked"), 1);
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
