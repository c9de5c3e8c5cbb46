import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type BillingOptions,
  billingReady,
  billingTreaty,
  hasty,
} from "../testing/billing-treaty.fixture.ts";
import { type Counterparty, startCounterparty } from "../testing/counterparty.fixture.ts";
import { type Orders, startOrders } from "../testing/orders.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";

const bed = await openTestBed();

async function scene(options: Partial<BillingOptions> = {}): Promise<{
  counterparty: Counterparty;
  orders: Orders;
  another(): Promise<Orders>;
}> {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  const treaty = billingTreaty({ counterparty, ...options });
  const orders = await startOrders(bed, [treaty]);
  return { counterparty, orders, another: () => startOrders(bed, [treaty], { name: orders.name }) };
}

const posts = (counterparty: Counterparty) => counterparty.requests.filter(({ method }) => method === "POST");

test("that something is being sent is stored before it is sent: a process that dies before the commit has sent nothing", async () => {
  const { counterparty, orders } = await scene();
  orders.happenings.failAt("courier:before-commit", new Error("killed here"));
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "completed");
  assert.equal(orders.happenings.passed("courier:before-commit"), 2);
  assert.equal(posts(counterparty).length, 1);
});

test("before a request leaves, its hand-off is stored as sent", async () => {
  const { counterparty, orders } = await scene();
  const parked = orders.happenings.park("courier:before-send");
  await orders.facts(billingReady("ord-1"));
  await parked.reached;
  assert.deepEqual([(await orders.one()).state, posts(counterparty).length], ["sent", 0]);
  parked.release();
  await orders.settled(1, "completed");
});

test("a process that dies after sending leaves an unknown, which another asks about and never sends again", async () => {
  const { counterparty, orders } = await scene({ times: hasty });
  orders.happenings.failAt("courier:answered", new Error("killed here"));
  await orders.facts(billingReady("ord-1"));
  const [done] = await orders.settled(1, "completed");
  assert.ok(done);
  assert.deepEqual(await orders.moves(done.handOffId), ["dispatch", "lose", "find-completed"]);
  assert.equal(done.lastErrorCode, "courier-lost");
  assert.equal(posts(counterparty).length, 1);
});

test("a zombie courier changes nothing: its answer comes after others have gone on", async () => {
  const { counterparty, orders } = await scene({ times: hasty });
  counterparty.behave = (_key, nth) => (nth === 1 ? "reject" : "done");
  const parked = orders.happenings.park("courier:answered");
  await orders.facts(billingReady("ord-1"));
  await parked.reached;
  // Others believe that it is gone, and the counterparty forgets that it ever said no.
  (counterparty.rejected as Set<string>).clear();
  await orders.settled(1, "completed");
  parked.release();
  await orders.happenings.until("the zombie's answer was looked at", () =>
    orders.told.some((event) => event.event === "hand-offs-answered" && event.unheard === 1),
  );
  const done = await orders.one();
  assert.deepEqual([done.state, done.tries], ["completed", 2]);
  assert.deepEqual(await orders.moves(done.handOffId), [
    "dispatch",
    "lose",
    "find-not-done",
    "redispatch",
    "take-in",
    "complete",
  ]);
  assert.deepEqual([...counterparty.effects.values()], [1]);
});

test("a courier that slept between its claim and its sending sends nothing late", async () => {
  const { counterparty, orders } = await scene({ times: hasty });
  const parked = orders.happenings.park("courier:before-send");
  await orders.facts(billingReady("ord-1"));
  await parked.reached;
  await orders.settled(1, "completed");
  assert.equal(posts(counterparty).length, 1);
  parked.release();
  await orders.happenings.until(
    "it woke up",
    () => orders.told.filter((event) => event.event === "hand-offs-answered").length >= 2,
  );
  assert.equal(posts(counterparty).length, 1);
  assert.deepEqual([...counterparty.effects.values()], [1]);
});

test("when the answer cannot be stored because the commit's outcome is lost, it is applied once", async () => {
  const { counterparty, orders } = await scene();
  const { Failure } = await import("../model/failure.ts");
  orders.happenings.failAt(
    "courier:before-settle",
    new Failure("unknown-outcome", "commit-unknown", "The connection broke while committing."),
  );
  await orders.facts(billingReady("ord-1"));
  const [done] = await orders.settled(1, "completed");
  assert.deepEqual(await orders.moves(done?.handOffId ?? ""), ["dispatch", "take-in", "complete"]);
  assert.equal(posts(counterparty).length, 1);
});

test("several processes share a counterparty without sending anything twice, and within its limits together", async () => {
  const { counterparty, orders, another } = await scene({ limits: { concurrency: 8 } });
  counterparty.behave = (key) => (key.includes("7:") ? "slow-done" : "done");
  const others = [await another(), await another()];
  await orders.happenings.until("the limits are shared", async () => {
    const rows = await databaseOf(orders.system, "orders").execute<{ owners: number; free: number }>(
      `select count(distinct owner)::int as owners, count(*) filter (where owner is null)::int as free
       from entente.lease where consumer = 'courier:billing'`,
    );
    return rows[0]?.owners === 3 && rows[0].free === 0;
  });
  await orders.facts(...Array.from({ length: 200 }, (_, n) => billingReady(`ord-${n}`)));
  for (const other of others) other.happenings.probe("wake");
  await orders.settled(200, "completed");
  assert.equal(posts(counterparty).length, 200);
  assert.ok([...counterparty.effects.values()].every((n) => n === 1));
  assert.ok(counterparty.busiest() <= 8, `${counterparty.busiest()} at once`);
  const senders = [orders, ...others].filter(({ told }) =>
    told.some((event) => event.event === "hand-offs-sent"),
  );
  assert.ok(senders.length > 1, "more than one process sent");
});

test("fifty facts that ask for the same act at once, in many processes, open one hand-off", async () => {
  const { counterparty, orders, another } = await scene();
  await another();
  // Different keys, and so different lanes and workers, for one act.
  await orders.facts(...Array.from({ length: 50 }, (_, n) => billingReady("ord-1", { key: `any-${n}` })));
  await orders.happenings.until("all facts are consumed", async () => {
    const rows = await databaseOf(orders.system, "orders").execute<{ n: string }>(
      "select coalesce(sum(consumed), 0)::text as n from entente.cursor where consumer = 'hand-off-opener' and journal = 'orders'",
    );
    return Number(rows[0]?.n) >= 50;
  });
  await orders.settled(1, "completed");
  assert.equal((await orders.all()).length, 1);
  assert.deepEqual([...counterparty.effects.values()], [1]);
});

test("a treaty that throws for one fact, or would send what its schema forbids, parks that fact and nothing else", async () => {
  const { counterparty, orders } = await scene();
  await orders.facts(billingReady("ord-1", {}, { amount: "five" }), billingReady("ord-2"));
  await orders.settled(1, "completed");
  await orders.happenings.heard(
    "retrying",
    (event) => event.consumer === "hand-off-opener" && event.code === "request-invalid",
  );
  assert.equal(counterparty.effects.size, 1);
});

test("no hand-off moves while its context is off line", async () => {
  const { counterparty, orders } = await scene();
  await orders.system.setPaused("orders", true, { tenantId: "acme", by: "ann", why: "drill" });
  await orders.facts(billingReady("ord-1"));
  await databaseOf(orders.system, "orders").execute("select pg_sleep(0.5)");
  assert.equal(counterparty.requests.length, 0);
  await orders.system.setPaused("orders", false, { tenantId: "acme", by: "ann", why: "drill over" });
  await orders.settled(1, "completed");
});
