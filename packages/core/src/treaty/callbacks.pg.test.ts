import assert from "node:assert/strict";
import { test } from "node:test";
import { billingReady, billingTreaty, hasty } from "../testing/billing-treaty.fixture.ts";
import {
  type Counterparty,
  type OutgoingCallback,
  startCounterparty,
} from "../testing/counterparty.fixture.ts";
import { type Orders, startOrders } from "../testing/orders.fixture.ts";
import { databaseOf, openTestBed } from "../testing/test-bed.fixture.ts";

const bed = await openTestBed();
const name = "billing-activation";
const keyOf = (order: string, tenant = "acme") => `${tenant}:order:${order}:=1:billing:activate:1`;

async function scene(
  over: Parameters<typeof billingTreaty>[0]["over"] = {},
  times: Parameters<typeof billingTreaty>[0]["times"] = {},
): Promise<{
  counterparty: Counterparty;
  orders: Orders;
  deliver(message: OutgoingCallback, address?: string): Promise<string>;
  status(): Promise<(string | number | null)[][]>;
}> {
  const counterparty = await startCounterparty();
  bed.atEnd(() => counterparty.close());
  counterparty.behave = () => "accept";
  const patient = { resultWithinMs: 600_000, reconcileEveryMs: 600_000 };
  const orders = await startOrders(bed, [
    billingTreaty({ counterparty, times: { ...patient, ...times }, over }),
  ]);
  return {
    counterparty,
    orders,
    async deliver({ headers, rawBody }, address = "192.0.2.7") {
      const receipt = await orders.system.treaties.receiveCallback(name, headers, rawBody, address);
      return receipt.outcome === "refused" ? receipt.code : receipt.outcome;
    },
    status: async () =>
      (await orders.system.treaties.callbacks("orders", "acme", 100))
        .toReversed()
        .map(({ messageId, status, repeats, errorCode }) => [messageId, status, repeats, errorCode]),
  };
}

test("a callback is written to the journal under its own identity, and completes what it speaks of", async () => {
  const { counterparty, orders, deliver, status } = await scene();
  await orders.facts(billingReady("ord-1"));
  const [accepted] = await orders.settled(1, "accepted");
  assert.ok(accepted);
  counterparty.finish(accepted.idempotencyKey);
  assert.equal(
    await deliver(counterparty.callback("acme", accepted.idempotencyKey, "DONE", { id: "m-1" })),
    "received",
  );
  await orders.settled(1, "completed");
  const [entry] = await orders.entries("entente.callback-received");
  assert.deepEqual([entry?.kind, entry?.data.messageId], ["callback", "m-1"]);
  const [completed] = await orders.entries("entente.hand-off-completed");
  assert.deepEqual([completed?.causationId, completed?.data.by], [entry?.id, "callback"]);
  assert.deepEqual(await status(), [["m-1", "applied", 0, null]]);
});

test("the same callback five times is one transition; the same id with other content is refused and counted", async () => {
  const { counterparty, orders, deliver, status } = await scene();
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "accepted");
  const message = counterparty.callback("acme", keyOf("ord-1"), "DONE", { id: "m-1" });
  const answers: string[] = [];
  for (let n = 0; n < 5; n++) answers.push(await deliver(message));
  assert.deepEqual(answers, ["received", "repeated", "repeated", "repeated", "repeated"]);
  assert.equal(
    await deliver(counterparty.callback("acme", keyOf("ord-1"), "REFUSED", { id: "m-1" })),
    "callback-id-reused",
  );
  const [done] = await orders.settled(1, "completed");
  assert.deepEqual(await orders.moves(done?.handOffId ?? ""), ["dispatch", "take-in", "complete"]);
  assert.equal((await orders.entries("entente.callback-received")).length, 1);
  assert.deepEqual(await status(), [["m-1", "applied", 5, null]]);
  const figures = await orders.system.treaties.figures();
  const value = (figure: string) => figures.find((one) => one.name === figure)?.value;
  assert.deepEqual([value("duplicates"), value("conflicts")], [4, 1]);
});

test("the same callback delivered by many at once is one entry", async () => {
  const { counterparty, orders, deliver } = await scene();
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "accepted");
  const message = counterparty.callback("acme", keyOf("ord-1"), "DONE", { id: "m-1" });
  const answers = await Promise.all(Array.from({ length: 20 }, () => deliver(message)));
  assert.equal(answers.filter((answer) => answer === "received").length, 1);
  await orders.settled(1, "completed");
  assert.equal((await orders.entries("entente.callback-received")).length, 1);
});

test("a callback that comes before the answer of its own request settles the hand-off, and the late answer changes nothing", async () => {
  const { counterparty, orders, deliver } = await scene({});
  const parked = orders.happenings.park("courier:answered");
  await orders.facts(billingReady("ord-1"));
  await parked.reached;
  await deliver(counterparty.callback("acme", keyOf("ord-1"), "DONE"));
  await orders.settled(1, "completed");
  parked.release();
  await orders.happenings.until("the answer was applied", () =>
    orders.told.some((event) => event.event === "hand-offs-answered"),
  );
  const done = await orders.one();
  assert.deepEqual(await orders.moves(done.handOffId), ["dispatch", "take-in", "complete"]);
  assert.equal(done.externalReference, `ext-${keyOf("ord-1")}`);
});

test("a callback by their own name for it waits until that name is known here", async () => {
  const { counterparty, orders, deliver, status } = await scene();
  await deliver(counterparty.callback("acme", `ext-${keyOf("ord-1")}`, "DONE", { id: "early" }));
  await orders.happenings.until("it waits", async () => (await status())[0]?.[1] === "waiting");
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "completed");
  assert.deepEqual(await status(), [["early", "applied", 0, null]]);
});

test("a callback nobody ever asked for waits its time, then is a person's case", async () => {
  const { counterparty, orders, deliver, status } = await scene();
  await deliver(counterparty.callback("acme", "who-knows", "DONE", { id: "lost" }));
  await orders.happenings.until("it waits", async () => (await status())[0]?.[1] === "waiting");
  await orders.system.setClock(orders.system.clock.now() + 86_400_001);
  await orders.happenings.until("it is given up", async () => (await status())[0]?.[1] === "unmatched");
  const [open] = await orders.system.treaties.cases("orders", "acme", 10);
  assert.deepEqual([open?.kind, open?.owner], ["callback-unmatched", "billing-desk"]);
});

test("a stale callback is recorded and moves nothing; an impossible one is recorded and becomes a case", async () => {
  const { counterparty, orders, deliver, status } = await scene();
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "accepted");
  await deliver(counterparty.callback("acme", keyOf("ord-1"), "DONE", { id: "1" }));
  await orders.settled(1, "completed");
  await deliver(counterparty.callback("acme", keyOf("ord-1"), "PENDING", { id: "2" }));
  await deliver(counterparty.callback("acme", keyOf("ord-1"), "REFUSED", { id: "3" }));
  await orders.happenings.until("both are decided", async () =>
    (await status()).every(([, state]) => state !== "received"),
  );
  assert.deepEqual(
    (await status()).map(([id, state]) => [id, state]),
    [
      ["1", "applied"],
      ["2", "stale"],
      ["3", "impossible"],
    ],
  );
  assert.equal((await orders.one()).state, "completed");
  const [open] = await orders.system.treaties.cases("orders", "acme", 10);
  assert.equal(open?.kind, "contradiction");
});

test("what they take back after it was done is told to the domain, as often as they say it, and nothing else is", async () => {
  const { counterparty, orders, deliver, status } = await scene({
    tellsTakenBack: ({ handOff, request, from, to, code }) => [
      {
        type: "orders.note-return",
        schemaVersion: "1.0.0",
        key: handOff.aggregateId,
        data: { asked: request, from, to, code },
      },
    ],
  });
  await orders.facts(billingReady("ord-1"), billingReady("ord-2"));
  await orders.settled(2, "accepted");
  for (const [id, order, said] of [
    ["1", "ord-1", "DONE"],
    ["2", "ord-1", "DONE"],
    ["3", "ord-1", "PENDING"],
    ["4", "ord-1", "REFUSED"],
    ["5", "ord-1", "REFUSED"],
    // Never done, and so nothing is taken back.
    ["6", "ord-2", "REFUSED"],
  ] as const) {
    await deliver(counterparty.callback("acme", keyOf(order), said, { id }));
    await orders.happenings.until("it is decided", async () =>
      (await status()).every(([, state]) => state !== "received"),
    );
  }
  const told = await orders.entries("orders.note-return");
  assert.deepEqual(
    told.map(({ kind, data }) => [kind, data.asked, data.from, data.to]),
    Array(2).fill(["command", { amount: 5 }, "completed", "completed"]),
  );
  assert.deepEqual((await orders.settled(1, "rejected"))[0]?.aggregateId, "ord-2");
  const contradicted = await orders.entries("entente.hand-off-noted");
  assert.deepEqual(
    told.map(({ causationId }) => causationId),
    contradicted.map(({ id }) => id),
  );
  const cases = await orders.system.treaties.cases("orders", "acme", 10);
  assert.deepEqual(cases.map(({ kind }) => kind).sort(), ["contradiction", "rejected"]);
});

test("out of order is no harm: done before taken in", async () => {
  const { counterparty, orders, deliver } = await scene({}, hasty);
  counterparty.behave = () => "silent-done";
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "unknown");
  await deliver(counterparty.callback("acme", keyOf("ord-1"), "DONE"));
  await deliver(counterparty.callback("acme", keyOf("ord-1"), "PENDING"));
  const [done] = await orders.settled(1, "completed");
  assert.deepEqual(await orders.moves(done?.handOffId ?? ""), ["dispatch", "lose", "find-completed"]);
});

test("hostile messages are refused with a code and nothing else, recorded, and without effect", async () => {
  const { counterparty, orders, deliver } = await scene({});
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "accepted");
  const good = counterparty.callback("acme", keyOf("ord-1"), "DONE");
  const other = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
  const changed = Buffer.from(good.rawBody);
  changed[5] = (changed[5] as number) ^ 1;
  const notJson = counterparty.callback("acme", keyOf("ord-1"), "DONE");
  assert.equal(
    await deliver(counterparty.callback("acme", keyOf("ord-1"), "DONE", { secret: other })),
    "callback-signature-wrong",
  );
  assert.equal(await deliver({ ...good, rawBody: changed }), "callback-signature-wrong");
  assert.equal(await deliver({ ...good, headers: {} }), "callback-signature-missing");
  assert.equal(
    await deliver(counterparty.callback("acme", keyOf("ord-1"), "DONE", { at: Date.now() - 600_000 })),
    "callback-timestamp-outside",
  );
  assert.equal(await deliver({ ...notJson, rawBody: Buffer.alloc(1_048_577, 32) }), "callback-too-large");
  assert.equal(await deliver(counterparty.callback("acme", "", "DONE")), "callback-unreadable");
  const refusals = await databaseOf(orders.system, "orders").execute<{
    code: string;
    total: string;
    last_address: string;
  }>("select code, total, last_address from entente.callback_refusal order by code");
  assert.deepEqual(
    refusals.map(({ code, total }) => [code, Number(total)]),
    [
      ["callback-signature-missing", 1],
      ["callback-signature-wrong", 2],
      ["callback-timestamp-outside", 1],
      ["callback-too-large", 1],
      ["callback-unreadable", 1],
    ],
  );
  assert.ok(refusals.every(({ last_address }) => last_address === "192.0.2.7"));
  assert.deepEqual(
    [(await orders.one()).state, (await orders.entries("entente.callback-received")).length],
    ["accepted", 0],
  );
});

test("a sender that is not on the list is refused with a genuine signature", async () => {
  const rule = billingTreaty({ counterparty: { port: 1 } as Counterparty }).callback;
  assert.ok(rule);
  const { counterparty, deliver } = await scene({
    callback: { ...rule, allowedFrom: ["203.0.113.0/24", "2001:db8::1"] },
  });
  const message = () => counterparty.callback("acme", keyOf("ord-1"), "DONE");
  assert.equal(await deliver(message(), "203.0.114.1"), "callback-sender-not-allowed");
  assert.equal(await deliver(message(), "nonsense"), "callback-sender-not-allowed");
  for (const address of ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::1"])
    assert.equal(await deliver(message(), address), "received");
});

test("a message of one tenant about the hand-off of another is refused, recorded, and tells nothing", async () => {
  const { counterparty, orders, deliver, status } = await scene();
  await orders.facts(billingReady("ord-1", { tenantId: "globex" }));
  await orders.settled(1, "accepted");
  assert.equal(
    await deliver(counterparty.callback("acme", keyOf("ord-1", "globex"), "DONE", { id: "x" })),
    "received",
  );
  await orders.happenings.until("it is decided", async () => (await status())[0]?.[1] === "refused");
  assert.deepEqual(await status(), [["x", "refused", 0, "tenant-mismatch"]]);
  assert.equal((await orders.one()).state, "accepted");
  assert.deepEqual(await orders.system.treaties.cases("orders", "acme", 10), []);
});

test("equal orders of two tenants are two hand-offs, and each callback reaches its own", async () => {
  const { counterparty, orders, deliver } = await scene();
  await orders.facts(billingReady("ord-1"), billingReady("ord-1", { tenantId: "globex" }));
  await orders.settled(2, "accepted");
  await deliver(counterparty.callback("globex", keyOf("ord-1", "globex"), "DONE"));
  const [done] = await orders.settled(1, "completed");
  assert.equal(done?.tenantId, "globex");
});

test("when the store breaks while a callback is stored, nothing was kept and the sender's repetition is received", async () => {
  const { counterparty, orders, deliver, status } = await scene();
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "accepted");
  orders.happenings.failAt("callback:before-commit", new Error("killed here"));
  const message = counterparty.callback("acme", keyOf("ord-1"), "DONE", { id: "m-1" });
  await assert.rejects(deliver(message));
  assert.deepEqual(await status(), []);
  assert.equal(await deliver(message), "received");
  await orders.settled(1, "completed");
});

test("callbacks read again because a cursor was reset change nothing", async () => {
  const { counterparty, orders, deliver } = await scene();
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "accepted");
  await deliver(counterparty.callback("acme", keyOf("ord-1"), "DONE"));
  const [done] = await orders.settled(1, "completed");
  await orders.stop();
  await bed.sql(orders.name, "orders", "update entente.cursor set xid = '0', seq = 0");
  const again = await startOrders(bed, [billingTreaty({ counterparty })], { name: orders.name });
  await again.facts(billingReady("ord-2"));
  await again.settled(1, "accepted", "sent");
  assert.deepEqual(await again.moves(done?.handOffId ?? ""), ["dispatch", "take-in", "complete"]);
  assert.equal(counterparty.requests.filter(({ key }) => key === keyOf("ord-1")).length, 1);
  assert.equal((await again.all()).length, 2);
});

test("word that something given up has happened moves nothing: a contradiction, and an effect to undo, are a person's", async () => {
  const { counterparty, orders, deliver, status } = await scene();
  counterparty.behave = () => "reject";
  await orders.facts(billingReady("ord-1"));
  await orders.settled(1, "rejected");
  const { treaties } = orders.system;
  const [open] = await treaties.cases("orders", "acme", 10);
  const why = "they never will";
  await treaties.decideCase("orders", {
    tenantId: "acme",
    caseId: open?.caseId ?? "",
    act: "give-up",
    by: "ann",
    why,
  });
  await orders.settled(1, "cancelled");
  await deliver(counterparty.callback("acme", keyOf("ord-1"), "DONE", { id: "late" }));
  await orders.happenings.until("it is judged", async () => (await status())[0]?.[1] === "impossible");
  const left = await treaties.cases("orders", "acme", 10);
  assert.deepEqual(left.map(({ kind }) => kind).sort(), ["contradiction", "unwanted-effect"]);
  assert.equal((await orders.one()).state, "cancelled");
});
