import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type Stripe from "stripe";
import { aPayment, errorOf, type Payments, startPaymentsForTest } from "./payments.fixture.ts";

/** What can be listed, searched and read back, by the vendor's own, unmodified client. */

let payments: Payments;
let stripe: Stripe;

before(async () => {
  payments = await startPaymentsForTest();
  stripe = payments.stripe;
});
after(() => payments.stop());
beforeEach(() => payments.client.reset(7));

test("customers are created, updated, found, deleted, and their payments listed", async () => {
  const customer = await stripe.customers.create({
    email: "ada@example.com",
    name: "Ada",
    metadata: { no: "7" },
  });
  const updated = await stripe.customers.update(customer.id, { phone: "+43 1 234" });
  assert.deepEqual([updated.email, updated.phone], ["ada@example.com", "+43 1 234"]);
  assert.deepEqual(
    (await stripe.customers.list({ email: "ada@example.com" })).data.map(({ id }) => id),
    [customer.id],
  );
  const intent = await stripe.paymentIntents.create({ ...aPayment, customer: customer.id });
  await stripe.paymentIntents.create(aPayment);
  const { data } = await stripe.paymentIntents.list({ customer: customer.id });
  assert.deepEqual(
    data.map(({ id }) => id),
    [intent.id],
  );
  const found = await stripe.customers.search({ query: "email:'ada@example.com'" });
  assert.equal(found.data[0]?.id, customer.id);
  assert.equal((await stripe.customers.del(customer.id)).deleted, true);
  assert.equal((await errorOf(stripe.customers.retrieve(customer.id))).code, "resource_missing");
  assert.equal((await errorOf(stripe.customers.create({ email: "nobody" }))).code, "email_invalid");
  assert.equal(
    (await errorOf(stripe.paymentIntents.create({ ...aPayment, customer: "cus_x" }))).param,
    "customer",
  );
});

describe("lists and searches", () => {
  test("page by cursor, forwards and backwards", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.unshift((await stripe.paymentIntents.create(aPayment)).id);
    const first = await stripe.paymentIntents.list({ limit: 2 });
    assert.equal(first.object, "list");
    assert.equal(first.has_more, true);
    assert.deepEqual(
      first.data.map(({ id }) => id),
      ids.slice(0, 2),
    );
    const last = await stripe.paymentIntents.list({ limit: 2, starting_after: ids[3] as string });
    assert.deepEqual([last.data.map(({ id }) => id), last.has_more], [ids.slice(4), false]);
    const back = await stripe.paymentIntents.list({ limit: 2, ending_before: ids[3] as string });
    assert.deepEqual([back.data.map(({ id }) => id), back.has_more], [ids.slice(1, 3), true]);
    const all: string[] = [];
    for await (const { id } of stripe.paymentIntents.list({ limit: 2 })) all.push(id);
    assert.deepEqual(all, ids);
  });

  test("are limited to a time", async () => {
    await payments.client.setClock("2030-01-01T00:00:00Z");
    const early = await stripe.paymentIntents.create(aPayment);
    await payments.client.advance("P1D");
    const late = await stripe.paymentIntents.create(aPayment);
    const from = late.created - 3_600;
    const after = await stripe.paymentIntents.list({ created: { gte: from } });
    assert.deepEqual(
      after.data.map(({ id }) => id),
      [late.id],
    );
    const before = await stripe.charges.list({ created: { lt: from } });
    assert.deepEqual(
      before.data.map(({ payment_intent }) => payment_intent),
      [early.id],
    );
  });

  test("find a payment by our own key, and its charge, and page", async () => {
    const mine = await stripe.paymentIntents.create({ ...aPayment, metadata: { entente_key: "order-1" } });
    await stripe.paymentIntents.create({ ...aPayment, metadata: { entente_key: "order-2" } });
    const query = "metadata['entente_key']:'order-1'";
    const found = await stripe.paymentIntents.search({ query });
    assert.deepEqual(
      found.data.map(({ id }) => id),
      [mine.id],
    );
    const charges = await stripe.charges.search({ query });
    assert.deepEqual(
      charges.data.map(({ payment_intent }) => payment_intent),
      [mine.id],
    );
    const all: string[] = [];
    for await (const { id } of stripe.paymentIntents.search({ query: "status:'succeeded'", limit: 1 }))
      all.push(id);
    assert.equal(all.length, 2);
    // The inquiry is in the log under the key it asked for.
    const calls = await payments.client.calls({ key: "order-1" });
    assert.deepEqual(
      calls.map(({ operation }) => operation),
      ["create-payment-intent", "search-payment-intents", "search-charges"],
    );
  });

  test("a search can lag behind, as the original's index does; a list does not", async () => {
    await payments.tell("/search-lag", { ms: 60_000 });
    await stripe.paymentIntents.create(aPayment);
    const query = { query: "status:'succeeded'" };
    assert.equal((await stripe.paymentIntents.search(query)).data.length, 0);
    assert.equal((await stripe.paymentIntents.list()).data.length, 1);
    await payments.client.advance("PT2M");
    assert.equal((await stripe.paymentIntents.search(query)).data.length, 1);
  });

  test("are refused when they make no sense", async () => {
    assert.equal((await errorOf(stripe.paymentIntents.list({ limit: 101 }))).param, "limit");
    assert.equal(
      (await errorOf(stripe.paymentIntents.list({ starting_after: "pi_x" }))).code,
      "resource_missing",
    );
    assert.equal((await errorOf(stripe.paymentIntents.search({ query: "colour:'red'" }))).param, "query");
  });
});

test("what answers name is expanded on request", async () => {
  const intent = await stripe.paymentIntents.create({
    ...aPayment,
    expand: ["latest_charge.balance_transaction"],
  });
  const charge = intent.latest_charge as Stripe.Charge;
  assert.equal((charge.balance_transaction as Stripe.BalanceTransaction).amount, 1_250);
  const { data } = await stripe.paymentIntents.list({ expand: ["data.latest_charge"] });
  assert.equal((data[0] as { latest_charge: Stripe.Charge }).latest_charge.id, charge.id);
  assert.equal(
    (await errorOf(stripe.paymentIntents.retrieve(intent.id, { expand: ["colour"] }))).param,
    "expand",
  );
});

test("balance transactions tell the money that moved, with fees, and when it is available", async () => {
  const intent = await stripe.paymentIntents.create({ ...aPayment, amount: 10_000 });
  await stripe.refunds.create({ payment_intent: intent.id, amount: 4_000 });
  const { data } = await stripe.balanceTransactions.list({ currency: "eur" });
  assert.deepEqual(
    data.map(({ type, amount, fee, net, status }) => ({ type, amount, fee, net, status })),
    [
      { type: "refund", amount: -4_000, fee: 0, net: -4_000, status: "pending" },
      { type: "charge", amount: 10_000, fee: 320, net: 9_680, status: "pending" },
    ],
  );
  await payments.client.advance("P2D");
  const read = await stripe.balanceTransactions.retrieve(data[0]?.id as string);
  assert.equal(read.status, "available");
  assert.equal((await stripe.balanceTransactions.list({ type: "charge" })).data.length, 1);
});

test("events tell what happened, with the object as it was then", async () => {
  const intent = await stripe.paymentIntents.create({ ...aPayment, capture_method: "manual" });
  await stripe.paymentIntents.capture(intent.id, {}, { idempotencyKey: "capture-1" });
  const { data } = await stripe.events.list({ limit: 100 });
  assert.deepEqual(
    data.map(({ type }) => type),
    [
      "payment_intent.succeeded",
      "charge.captured",
      "payment_intent.amount_capturable_updated",
      "charge.succeeded",
      "payment_intent.created",
    ],
  );
  assert.equal(data[0]?.request?.idempotency_key, "capture-1");
  const then = await stripe.events.retrieve(data[2]?.id as string);
  assert.equal((then.data.object as Stripe.PaymentIntent).status, "requires_capture");
  const typed = await stripe.events.list({ types: ["charge.captured", "charge.succeeded"] });
  assert.equal(typed.data.length, 2);
});
