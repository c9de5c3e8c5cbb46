import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import Stripe from "stripe";
import { aPayment, type Payments, startPaymentsForTest } from "./payments.fixture.ts";

let payments: Payments;
let stripe: Stripe;

before(async () => {
  payments = await startPaymentsForTest();
  stripe = payments.stripe;
});
after(() => payments.stop());
beforeEach(() => payments.client.reset());

const form = "amount=900&currency=eur&payment_method=pm_card_visa&confirm=true";

function post(body: string, key: string, path = "/v1/payment_intents"): Promise<Response> {
  return payments.raw("POST", path, body, { "idempotency-key": key });
}

const effects = async (key: string) => (await payments.client.effects({ key })).length;

test("a repeat gets the first status and body, says so, and has no effect", async () => {
  const first = await post(form, "k");
  const repeat = await post(form, "k");
  assert.deepEqual([repeat.status, await repeat.text()], [first.status, await first.text()]);
  assert.equal(first.headers.get("idempotent-replayed"), null);
  assert.equal(repeat.headers.get("idempotent-replayed"), "true");
  assert.equal(repeat.headers.get("original-request"), first.headers.get("request-id"));
  assert.notEqual(repeat.headers.get("request-id"), first.headers.get("request-id"));
  assert.equal(await effects("k"), 1);
});

test("the repeat is the first answer even when the object has moved on", async () => {
  const options = { idempotencyKey: "k" };
  const intent = await stripe.paymentIntents.create({ amount: 900, currency: "eur" }, options);
  await stripe.paymentIntents.cancel(intent.id);
  const repeat = await stripe.paymentIntents.create({ amount: 900, currency: "eur" }, options);
  assert.deepEqual([repeat.id, repeat.status], [intent.id, "requires_payment_method"]);
});

test("the order of parameters does not matter", async () => {
  await post("amount=900&currency=eur&metadata[a]=1&metadata[b]=2", "k");
  const repeat = await post("metadata[b]=2&metadata[a]=1&currency=eur&amount=900", "k");
  assert.equal(repeat.headers.get("idempotent-replayed"), "true");
});

test("the same key with other parameters is 400, an idempotency error", async () => {
  await stripe.paymentIntents.create(aPayment, { idempotencyKey: "k" });
  await assert.rejects(
    stripe.paymentIntents.create({ ...aPayment, amount: 1_251 }, { idempotencyKey: "k" }),
    (error: InstanceType<typeof Stripe.errors.StripeError>) => {
      assert.ok(error instanceof Stripe.errors.StripeIdempotencyError);
      assert.deepEqual([error.statusCode, error.rawType], [400, "idempotency_error"]);
      return true;
    },
  );
  assert.equal(await effects("k"), 1);
});

test("the same key at another endpoint is 400, too", async () => {
  await post("email=a@example.com", "k", "/v1/customers");
  const other = await post(form, "k");
  assert.equal(other.status, 400);
  assert.equal(((await other.json()) as { error: { type: string } }).error.type, "idempotency_error");
});

test("while the first request runs, a second is 409 and worth repeating; the first is unharmed", async () => {
  await payments.client.rule({ behaviour: "slow", delayMs: 60_000, times: 1 });
  const first = post(form, "k");
  while ((await payments.client.calls({ key: "k" })).length === 0);
  const second = await post(form, "k");
  assert.equal(second.status, 409);
  assert.equal(second.headers.get("stripe-should-retry"), "true");
  assert.equal(((await second.json()) as { error: { code: string } }).error.code, "idempotency_key_in_use");
  await payments.client.advance("PT1M");
  const answer = await first;
  assert.equal(answer.status, 200);
  assert.equal(await (await post(form, "k")).text(), await answer.text());
  assert.equal(await effects("k"), 1);
});

test("a decline is repeated", async () => {
  const declined = form.replace("pm_card_visa", "pm_card_visa_chargeDeclined");
  const first = await post(declined, "k");
  assert.equal(first.status, 402);
  const repeat = await post(declined, "k");
  assert.deepEqual([repeat.status, await repeat.text()], [402, await first.text()]);
  assert.equal((await stripe.charges.list()).data.length, 1);
});

for (const effect of [true, false]) {
  test(`a server error ${effect ? "after" : "without"} the effect is repeated, the truth told by search`, async () => {
    await payments.client.rule({ behaviour: "server-error", effect, times: 1 });
    const keyed = `${form}&metadata[entente_key]=order-1`;
    const first = await post(keyed, "k");
    assert.equal(first.status, 500);
    assert.equal(first.headers.get("stripe-should-retry"), "false");
    const repeat = await post(keyed, "k");
    assert.deepEqual([repeat.status, await repeat.text()], [500, await first.text()]);
    assert.equal(repeat.headers.get("idempotent-replayed"), "true");
    assert.equal(await effects("order-1"), effect ? 1 : 0);
    const found = await stripe.paymentIntents.search({ query: "metadata['entente_key']:'order-1'" });
    assert.equal(found.data.length, effect ? 1 : 0);
  });
}

test("what the state of things forbade is repeated", async () => {
  const intent = await stripe.paymentIntents.create(aPayment);
  const refund = `payment_intent=${intent.id}&amount=5000`;
  assert.equal((await post(refund, "k", "/v1/refunds")).status, 400);
  assert.equal((await post(refund, "k", "/v1/refunds")).headers.get("idempotent-replayed"), "true");
});

test("nothing is kept of what failed validation: the key is free for the right request", async () => {
  assert.equal((await post("amount=nine&currency=eur", "k")).status, 400);
  assert.equal((await post(form, "k")).status, 200);
  assert.equal(await effects("k"), 1);
});

for (const [behaviour, status] of [
  ["unauthorized", 401],
  ["throttled", 429],
] as const) {
  test(`nothing is kept of ${status}`, async () => {
    await payments.client.rule({ behaviour, times: 1 });
    assert.equal((await post(form, "k")).status, status);
    assert.equal((await post(form, "k")).status, 200);
  });
}

test("a request that never got its answer is answered by its repeat, once and for all", async () => {
  await payments.client.rule({ behaviour: "drop", effect: true, times: 1 });
  await assert.rejects(post(form, "k"));
  const repeat = await post(form, "k");
  assert.equal(repeat.status, 200);
  assert.equal(repeat.headers.get("idempotent-replayed"), "true");
  assert.equal(await effects("k"), 1);
});

test("a repeat whose answer is lost as well has no effect either", async () => {
  await payments.client.rule({ behaviour: "drop", effect: true, times: 3 });
  for (let n = 0; n < 3; n += 1) await assert.rejects(post(form, "k"));
  assert.equal((await post(form, "k")).headers.get("idempotent-replayed"), "true");
  assert.equal(await effects("k"), 1);
});

test("a request that was lost on the way happens when it is repeated", async () => {
  await payments.client.rule({ behaviour: "drop", effect: false, times: 1 });
  await assert.rejects(post(form, "k"));
  assert.equal(await effects("k"), 0);
  const repeat = await post(form, "k");
  assert.equal(repeat.headers.get("idempotent-replayed"), null);
  assert.equal(await effects("k"), 1);
});

test("after a day the key is as new, and a repeat is a second effect", async () => {
  await post(form, "k");
  await payments.client.advance("PT23H59M");
  assert.equal((await post(form, "k")).headers.get("idempotent-replayed"), "true");
  await payments.client.advance("PT2M");
  assert.equal((await post(form, "k")).headers.get("idempotent-replayed"), null);
  assert.equal(await effects("k"), 2);
});

test("a key has at most 255 characters", async () => {
  assert.equal((await post(form, "k".repeat(256))).status, 400);
  assert.equal((await post(form, "k".repeat(255))).status, 200);
});

test("the vendor's client repeats a closed connection by itself, and pays once", async () => {
  await payments.client.rule({ behaviour: "drop", effect: true, times: 1 });
  const intent = await stripe.paymentIntents.create({ ...aPayment, metadata: { entente_key: "order-1" } });
  assert.equal(intent.status, "succeeded");
  assert.equal((await payments.client.calls({ key: "order-1" })).length, 2);
  assert.equal(await effects("order-1"), 1);
});
