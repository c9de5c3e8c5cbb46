import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type Stripe from "stripe";
import {
  aPayment,
  type Payments,
  startPaymentsForTest,
  startReceiver,
  type WebhookReceiver,
} from "./payments.fixture.ts";

let payments: Payments;
let stripe: Stripe;
let receiver: WebhookReceiver;
let endpoint: Stripe.WebhookEndpoint;
let secret: string;

before(async () => {
  payments = await startPaymentsForTest();
  stripe = payments.stripe;
});
after(() => payments.stop());
beforeEach(async (t) => {
  await payments.client.reset();
  receiver = await startReceiver();
  if ("after" in t) t.after(() => receiver.stop());
  endpoint = await stripe.webhookEndpoints.create({ url: receiver.url, enabled_events: ["*"] });
  secret = endpoint.secret as string;
});

const paid = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"];

function verified(n: number, key = secret): Stripe.Event {
  const { rawBody, signature } = receiver.received[n] as WebhookReceiver["received"][number];
  return stripe.webhooks.constructEvent(rawBody, signature, key);
}

test("a payment tells its events, signed, in order", async () => {
  const intent = await stripe.paymentIntents.create(aPayment);
  await receiver.came(3);
  assert.deepEqual(receiver.types(), paid);
  const event = verified(2);
  assert.equal((event.data.object as Stripe.PaymentIntent).id, intent.id);
  assert.equal((event.data.object as Stripe.PaymentIntent).status, "succeeded");
});

test("the secret is shown once, and the endpoint can be read, changed, listed and deleted", async () => {
  assert.match(secret, /^whsec_/);
  assert.equal((await stripe.webhookEndpoints.retrieve(endpoint.id)).secret, undefined);
  const changed = await stripe.webhookEndpoints.update(endpoint.id, { enabled_events: ["charge.refunded"] });
  assert.deepEqual(changed.enabled_events, ["charge.refunded"]);
  assert.equal((await stripe.webhookEndpoints.list()).data.length, 1);
  const intent = await stripe.paymentIntents.create(aPayment);
  await stripe.refunds.create({ payment_intent: intent.id });
  await receiver.came(1);
  assert.deepEqual(receiver.types(), ["charge.refunded"]);
  await stripe.webhookEndpoints.del(endpoint.id);
  assert.equal((await stripe.webhookEndpoints.list()).data.length, 0);
});

test("a disabled endpoint is told nothing", async () => {
  await stripe.webhookEndpoints.update(endpoint.id, { disabled: true });
  await stripe.paymentIntents.create(aPayment);
  await payments.client.advance("P1D");
  assert.deepEqual(receiver.types(), []);
});

test("while a secret is being replaced, both sign; then only the new one", async () => {
  const { body } = await payments.tell("/webhook-secrets", { endpoint: endpoint.id, overlapMs: 3_600_000 });
  const newSecret = body.secret as string;
  await stripe.paymentIntents.create(aPayment);
  await receiver.came(3);
  assert.equal(receiver.received[0]?.signature.match(/v1=/g)?.length, 2);
  assert.equal(verified(0).id, verified(0, newSecret).id);
  await payments.client.advance("PT1H");
  await stripe.paymentIntents.create(aPayment);
  await receiver.came(6);
  assert.equal(verified(3, newSecret).type, "payment_intent.created");
  assert.throws(() => verified(3), /No signatures found/);
});

describe("deliveries that fail", () => {
  test("are tried again after growing gaps, with the same event and a new signature", async () => {
    receiver.answers = [500, 503, 200];
    await stripe.customers.create({ name: "Ada" });
    await receiver.came(1);
    await payments.client.advance("PT59S");
    assert.equal(receiver.received.length, 1);
    await payments.client.advance("PT2S");
    assert.equal(receiver.received.length, 2);
    assert.equal((await stripe.events.list({ delivery_success: false })).data.length, 1);
    await payments.client.advance("PT5M");
    assert.equal(receiver.received.length, 3);
    assert.equal(new Set(receiver.received.map(({ event }) => event.id)).size, 1);
    assert.notEqual(receiver.received[0]?.signature, receiver.received[2]?.signature);
    await payments.client.advance("P4D");
    assert.equal(receiver.received.length, 3);
    assert.equal((await stripe.events.list({ delivery_success: true })).data.length, 1);
  });

  test("are given up within three days", async () => {
    receiver.answers = [500];
    await stripe.customers.create({ name: "Ada" });
    await receiver.came(1);
    await payments.client.advance("P3D");
    const tries = receiver.received.length;
    assert.equal(tries, 11);
    await payments.client.advance("P30D");
    assert.equal(receiver.received.length, tries);
  });

  test("are told apart from a redirect: it is a failure, too", async () => {
    receiver.answers = [302, 200];
    await stripe.customers.create({ name: "Ada" });
    await receiver.came(1);
    await payments.client.advance("PT1M");
    assert.equal(receiver.received.length, 2);
  });

  test("a receiver that is away gets it when it is back", async () => {
    const { url } = receiver;
    await receiver.stop();
    await stripe.customers.create({ name: "Ada" });
    await payments.client.advance("PT1S");
    const { data } = await stripe.events.list();
    assert.equal(data[0]?.pending_webhooks, 1);
    assert.match(url, /127/);
    const back = await startReceiver();
    await stripe.webhookEndpoints.update(endpoint.id, { url: back.url });
    await payments.client.advance("PT1M");
    assert.deepEqual(back.types(), ["customer.created"]);
    await back.stop();
  });
});

describe("callbacks under a rule", () => {
  test("delayed", async () => {
    await payments.client.rule({ behaviour: "delayed-callback", delayMs: 7_200_000 });
    await stripe.paymentIntents.create(aPayment);
    await payments.client.advance("PT1H59M");
    assert.deepEqual(receiver.types(), []);
    await payments.client.advance("PT2M");
    assert.deepEqual(receiver.types(), paid);
  });

  test("duplicated: the same event id", async () => {
    await payments.client.rule({ behaviour: "duplicate-callback", count: 3 });
    await stripe.customers.create({ name: "Ada" });
    await receiver.came(3);
    assert.equal(new Set(receiver.received.map(({ event }) => event.id)).size, 1);
  });

  test("out of order, across payments", async () => {
    await payments.client.rule({ behaviour: "out-of-order-callback", times: 1 });
    const first = await stripe.paymentIntents.create(aPayment);
    const second = await stripe.paymentIntents.create(aPayment);
    await receiver.came(6);
    assert.deepEqual(receiver.types(), [...paid, ...paid.toReversed()]);
    const intents = receiver.received.filter(({ event }) => event.type === "payment_intent.created");
    assert.deepEqual(
      intents.map(({ event }) => event.data.object.id),
      [second.id, first.id],
    );
  });

  test("lost: never sent, but the event can be read", async () => {
    await payments.client.rule({ behaviour: "lost-callback" });
    await stripe.paymentIntents.create(aPayment);
    await payments.client.advance("P4D");
    assert.deepEqual(receiver.types(), []);
    assert.equal((await stripe.events.list()).data.length, 3);
  });

  test("hold for what follows later, too", async () => {
    await payments.client.rule({ behaviour: "lost-callback", times: 1 });
    await stripe.paymentIntents.create({ ...aPayment, payment_method: "pm_usBankAccount" });
    await payments.client.advance("PT15M");
    assert.deepEqual(receiver.types(), []);
    assert.equal((await stripe.events.list({ type: "payment_intent.succeeded" })).data.length, 1);
  });
});

test("a webhook comes although its request never got an answer", async () => {
  await payments.client.rule({ behaviour: "drop", effect: true });
  await assert.rejects(stripe.paymentIntents.create(aPayment));
  await receiver.came(3);
  assert.deepEqual(receiver.types(), paid);
});

test("a decline is told", async () => {
  await assert.rejects(
    stripe.paymentIntents.create({ ...aPayment, payment_method: "pm_card_chargeDeclined" }),
  );
  await receiver.came(3);
  assert.deepEqual(receiver.types(), [
    "payment_intent.created",
    "charge.failed",
    "payment_intent.payment_failed",
  ]);
});

test("an event is sent again on demand", async () => {
  await stripe.customers.create({ name: "Ada" });
  await receiver.came(1);
  await payments.tell("/webhooks", { event: receiver.received[0]?.event.id });
  assert.equal(receiver.received.length, 2);
  assert.equal(receiver.received[1]?.event.id, receiver.received[0]?.event.id);
});

describe("forged webhooks", () => {
  for (const variant of ["wrong-secret", "old-timestamp", "tampered-body", "unsigned"]) {
    test(`${variant} does not pass the client's check`, async () => {
      const told = await payments.tell("/forged-webhooks", {
        endpoint: endpoint.id,
        variant,
        object: { id: "pi_x" },
      });
      assert.deepEqual(told, { status: 200, body: { status: 200 } });
      assert.equal(receiver.received[0]?.event.type, "payment_intent.succeeded");
      assert.throws(() => verified(0));
    });
  }

  test("for an endpoint that is not there are refused, and so is an unknown variant", async () => {
    assert.equal(
      (await payments.tell("/forged-webhooks", { endpoint: "we_x", variant: "unsigned" })).status,
      422,
    );
    assert.equal(
      (await payments.tell("/forged-webhooks", { endpoint: endpoint.id, variant: "odd" })).status,
      422,
    );
  });
});
