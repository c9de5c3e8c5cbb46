import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import Stripe from "stripe";
import { aPayment, errorOf, type Payments, startPaymentsForTest } from "./payments.fixture.ts";

/** What the service refuses, and who may see what. */

let payments: Payments;
let stripe: Stripe;

before(async () => {
  payments = await startPaymentsForTest();
  stripe = payments.stripe;
});
after(() => payments.stop());
beforeEach(() => payments.client.reset(7));

describe("errors", () => {
  test("401 without a key and with a wrong one", async () => {
    const error = await errorOf(payments.clientWith({ apiKey: "sk_test_nobody" }).paymentIntents.list());
    assert.ok(error instanceof Stripe.errors.StripeAuthenticationError);
    const response = await payments.raw("GET", "/v1/payment_intents", undefined, { authorization: "" });
    assert.equal(response.status, 401);
    assert.match(response.headers.get("www-authenticate") ?? "", /^Bearer/);
    const calls = await payments.client.calls({ operation: "list-payment-intents" });
    assert.deepEqual(
      calls.map(({ status, behaviour }) => [status, behaviour]),
      [
        [401, null],
        [401, null],
      ],
    );
  });

  test("a key as the user name of Basic is as good", async () => {
    const authorization = `Basic ${Buffer.from("sk_test_entente:").toString("base64")}`;
    assert.equal((await payments.raw("GET", "/v1/events", undefined, { authorization })).status, 200);
  });

  test("404 for what is not there, and for a path that nobody has", async () => {
    const error = await errorOf(stripe.paymentIntents.retrieve("pi_none"));
    assert.deepEqual([error.statusCode, error.code], [404, "resource_missing"]);
    const response = await payments.raw("GET", "/v1/payment_notions");
    assert.equal(response.status, 404);
    assert.match(
      ((await response.json()) as { error: { message: string } }).error.message,
      /^Unrecognized request URL/,
    );
  });

  for (const [form, code, param] of [
    ["currency=eur", "parameter_missing", "amount"],
    ["amount=900", "parameter_missing", "currency"],
    ["amount=9.5&currency=eur", "parameter_invalid_integer", "amount"],
    ["amount=-1&currency=eur", "parameter_invalid_integer", "amount"],
    ["amount=49&currency=eur", "amount_too_small", "amount"],
    ["amount=100000000&currency=eur", "amount_too_large", "amount"],
    ["amount=900&currency=xyz", undefined, "currency"],
    ["amount=900&currency=eur&colour=red", "parameter_unknown", "colour"],
    ["amount=900&currency=eur&payment_method=pm_none", "resource_missing", "payment_method"],
    ["amount=900&currency=eur&confirm=perhaps", undefined, "confirm"],
    ["amount=900&currency=eur&metadata=x", undefined, "metadata"],
    ["amount=900&currency=eur&amount[a]=1", undefined, undefined],
    ["amount=%E0%A4%A&currency=eur", undefined, undefined],
  ] as const) {
    test(`400 for ${form}`, async () => {
      const response = await payments.raw("POST", "/v1/payment_intents", form);
      assert.equal(response.status, 400);
      const { error } = (await response.json()) as { error: Record<string, unknown> };
      assert.deepEqual([error.type, error.code, error.param], ["invalid_request_error", code, param]);
      assert.deepEqual(await payments.client.effects(), []);
    });
  }

  test("400 for a version that is none; the version asked for is in the answer", async () => {
    const strange = await payments.raw("GET", "/v1/events", undefined, { "stripe-version": "soon" });
    assert.equal(strange.status, 400);
    const old = await payments.raw("GET", "/v1/events", undefined, { "stripe-version": "2024-06-20" });
    assert.equal(old.headers.get("stripe-version"), "2024-06-20");
  });

  test("415 for a body that is no form", async () => {
    const response = await payments.raw("POST", "/v1/customers", "{}", {
      "content-type": "application/json",
    });
    assert.equal(response.status, 415);
  });
});

test("accounts are apart", async () => {
  const other = payments.clientWith({ apiKey: "sk_test_entente_other" });
  const intent = await stripe.paymentIntents.create(aPayment, { idempotencyKey: "same" });
  const theirs = await other.paymentIntents.create(aPayment, { idempotencyKey: "same" });
  assert.notEqual(theirs.id, intent.id);
  assert.equal((await errorOf(other.paymentIntents.retrieve(intent.id))).statusCode, 404);
  assert.equal((await other.paymentIntents.list()).data.length, 1);
});

test("the same seed gives the same identifiers", async () => {
  const first = await stripe.paymentIntents.create(aPayment);
  await payments.client.reset(7);
  assert.equal((await stripe.paymentIntents.create(aPayment)).id, first.id);
  await payments.client.reset(8);
  assert.notEqual((await stripe.paymentIntents.create(aPayment)).id, first.id);
});
