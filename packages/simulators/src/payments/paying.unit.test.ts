import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import Stripe from "stripe";
import { aPayment, errorOf, type Payments, startPaymentsForTest } from "./payments.fixture.ts";

/** Payments and refunds by the vendor's own, unmodified client, over real sockets. */

let payments: Payments;
let stripe: Stripe;

before(async () => {
  payments = await startPaymentsForTest();
  stripe = payments.stripe;
});
after(() => payments.stop());
beforeEach(() => payments.client.reset(7));

describe("a payment intent", () => {
  test("is paid at once when it is created with confirm", async () => {
    const intent = await stripe.paymentIntents.create({ ...aPayment, metadata: { entente_key: "order-1" } });
    assert.equal(intent.status, "succeeded");
    assert.equal(intent.amount_received, 1_250);
    assert.deepEqual(intent.metadata, { entente_key: "order-1" });
    assert.match(intent.lastResponse.requestId, /^req_/);
    const effects = await payments.client.effects({ key: "order-1" });
    assert.deepEqual(
      effects.map(({ operation, id, amount, currency }) => ({ operation, id, amount, currency })),
      [{ operation: "create-payment-intent", id: intent.id, amount: 1_250, currency: "eur" }],
    );
  });

  test("is created, updated, read and confirmed step by step", async () => {
    const created = await stripe.paymentIntents.create({ amount: 900, currency: "EUR" });
    assert.equal(created.status, "requires_payment_method");
    assert.equal(created.currency, "eur");
    const updated = await stripe.paymentIntents.update(created.id, {
      amount: 950,
      payment_method: "pm_card_mastercard",
      metadata: { a: "1", b: "2" },
    });
    assert.equal(updated.status, "requires_confirmation");
    const trimmed = await stripe.paymentIntents.update(created.id, { metadata: { a: "" } });
    assert.deepEqual(trimmed.metadata, { b: "2" });
    const confirmed = await stripe.paymentIntents.confirm(created.id);
    assert.equal(confirmed.status, "succeeded");
    const read = await stripe.paymentIntents.retrieve(created.id);
    assert.equal(read.amount_received, 950);
    const moved = (await payments.client.effects()).filter(({ amount }) => amount !== undefined);
    assert.deepEqual(
      moved.map(({ operation, amount }) => [operation, amount]),
      [["confirm-payment-intent", 950]],
    );
  });

  test("is authorised, then captured in part; the rest is let go", async () => {
    const intent = await stripe.paymentIntents.create({ ...aPayment, capture_method: "manual" });
    assert.equal(intent.status, "requires_capture");
    assert.equal(intent.amount_capturable, 1_250);
    assert.equal((await payments.client.effects())[0]?.amount, undefined);
    const captured = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 1_000 });
    assert.deepEqual(
      [captured.status, captured.amount_received, captured.amount_capturable],
      ["succeeded", 1_000, 0],
    );
    assert.equal((await payments.client.effects())[1]?.amount, 1_000);
  });

  test("that is not captured within seven days is let go", async () => {
    const intent = await stripe.paymentIntents.create({ ...aPayment, capture_method: "manual" });
    await payments.client.advance("P7D");
    const read = await stripe.paymentIntents.retrieve(intent.id);
    assert.deepEqual([read.status, read.cancellation_reason], ["canceled", "automatic"]);
    assert.equal(
      (await errorOf(stripe.paymentIntents.capture(intent.id))).code,
      "payment_intent_unexpected_state",
    );
  });

  test("is not captured for more than was authorised", async () => {
    const intent = await stripe.paymentIntents.create({ ...aPayment, capture_method: "manual" });
    const error = await errorOf(stripe.paymentIntents.capture(intent.id, { amount_to_capture: 1_251 }));
    assert.equal(error.code, "amount_too_large");
  });

  test("is canceled, and is then neither confirmed nor canceled again", async () => {
    const intent = await stripe.paymentIntents.create({ amount: 900, currency: "eur" });
    const canceled = await stripe.paymentIntents.cancel(intent.id, { cancellation_reason: "duplicate" });
    assert.deepEqual([canceled.status, canceled.cancellation_reason], ["canceled", "duplicate"]);
    const error = await errorOf(stripe.paymentIntents.confirm(intent.id, { payment_method: "pm_card_visa" }));
    assert.equal(error.code, "payment_intent_unexpected_state");
    assert.equal(error.payment_intent?.status, "canceled");
    assert.equal(
      (await errorOf(stripe.paymentIntents.cancel(intent.id))).code,
      "payment_intent_unexpected_state",
    );
  });

  test("that was paid is not canceled", async () => {
    const { id } = await stripe.paymentIntents.create(aPayment);
    assert.equal((await errorOf(stripe.paymentIntents.cancel(id))).code, "payment_intent_unexpected_state");
  });
});

describe("declines", () => {
  for (const [paymentMethod, code, declineCode] of [
    ["pm_card_visa_chargeDeclined", "card_declined", "generic_decline"],
    ["pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"],
    ["pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"],
    ["pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"],
    ["pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"],
    ["pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"],
    ["pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"],
  ] as const) {
    test(`${paymentMethod} is ${declineCode}, without an effect`, async () => {
      const error = await errorOf(
        stripe.paymentIntents.create({ ...aPayment, payment_method: paymentMethod }),
      );
      assert.ok(error instanceof Stripe.errors.StripeCardError);
      assert.deepEqual([error.statusCode, error.code, error.decline_code], [402, code, declineCode]);
      assert.equal(error.payment_intent?.status, "requires_payment_method");
      assert.deepEqual(await payments.client.effects(), []);
    });
  }

  test("leave the intent, which then succeeds with another card", async () => {
    const error = await errorOf(
      stripe.paymentIntents.create({ ...aPayment, payment_method: "pm_card_visa_chargeDeclined" }),
    );
    const id = error.payment_intent?.id as string;
    const confirmed = await stripe.paymentIntents.confirm(id, { payment_method: "pm_card_visa" });
    assert.equal(confirmed.status, "succeeded");
    assert.equal(confirmed.last_payment_error, null);
    const { data } = await stripe.charges.list({ payment_intent: id });
    assert.deepEqual(
      data.map(({ status }) => status),
      ["succeeded", "failed"],
    );
  });
});

describe("authentication by the customer", () => {
  const secured = { ...aPayment, payment_method: "pm_card_threeDSecure2Required" } as const;

  test("is asked for, and the payment succeeds when it is passed", async () => {
    const intent = await stripe.paymentIntents.create({
      ...secured,
      return_url: "https://shop.example/back",
    });
    assert.equal(intent.status, "requires_action");
    assert.equal(intent.next_action?.redirect_to_url?.return_url, "https://shop.example/back");
    const told = await payments.tell("/authentications", { payment_intent: intent.id, passed: true });
    assert.deepEqual(told, { status: 200, body: { status: "succeeded" } });
    assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, "succeeded");
    const moved = (await payments.client.effects()).filter(({ amount }) => amount !== undefined);
    assert.deepEqual(
      moved.map(({ operation, key, amount }) => [operation, key, amount]),
      [["authenticate-payment-intent", intent.id, 1_250]],
    );
  });

  test("that is failed leaves the intent without a payment method", async () => {
    const intent = await stripe.paymentIntents.create(secured);
    await payments.tell("/authentications", { payment_intent: intent.id, passed: false });
    const read = await stripe.paymentIntents.retrieve(intent.id);
    assert.equal(read.status, "requires_payment_method");
    assert.equal(read.last_payment_error?.code, "payment_intent_authentication_failure");
  });

  test("cannot happen off session: the payment is declined", async () => {
    const error = await errorOf(stripe.paymentIntents.create({ ...secured, off_session: true }));
    assert.equal(error.code, "authentication_required");
  });

  test("of an intent that waits for none is refused", async () => {
    const { id } = await stripe.paymentIntents.create(aPayment);
    assert.equal((await payments.tell("/authentications", { payment_intent: id, passed: true })).status, 422);
  });
});

describe("a bank debit", () => {
  test("is processing, and settles when its time has come", async () => {
    const intent = await stripe.paymentIntents.create({
      ...aPayment,
      payment_method: "pm_usBankAccount_success",
    });
    assert.equal(intent.status, "processing");
    await payments.client.advance("PT14M");
    assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, "processing");
    await payments.client.advance("PT2M");
    assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, "succeeded");
    const moved = (await payments.client.effects()).filter(({ amount }) => amount !== undefined);
    assert.deepEqual(
      moved.map(({ operation, key, amount }) => [operation, key, amount]),
      [["settle-payment-intent", intent.id, 1_250]],
    );
  });

  test("fails when its time has come", async () => {
    const intent = await stripe.paymentIntents.create({
      ...aPayment,
      payment_method: "pm_usBankAccount_insufficientFunds",
    });
    await payments.client.advance("PT15M");
    const read = await stripe.paymentIntents.retrieve(intent.id);
    assert.deepEqual(
      [read.status, read.last_payment_error?.code],
      ["requires_payment_method", "insufficient_funds"],
    );
    assert.deepEqual(
      (await payments.client.effects()).filter(({ amount }) => amount !== undefined),
      [],
    );
  });
});

describe("refunds", () => {
  test("give back in parts, and never more than was taken", async () => {
    const intent = await stripe.paymentIntents.create(aPayment);
    const first = await stripe.refunds.create({
      payment_intent: intent.id,
      amount: 250,
      reason: "duplicate",
    });
    assert.deepEqual([first.status, first.amount, first.reason], ["succeeded", 250, "duplicate"]);
    assert.deepEqual([first.customer, first.destination_details?.type], [null, "card"]);
    const tooMuch = await errorOf(stripe.refunds.create({ payment_intent: intent.id, amount: 1_001 }));
    assert.equal(tooMuch.statusCode, 400);
    const rest = await stripe.refunds.create({
      charge: intent.latest_charge as string,
      metadata: { entente_key: "r" },
    });
    assert.equal(rest.amount, 1_000);
    assert.equal(
      (await errorOf(stripe.refunds.create({ payment_intent: intent.id }))).code,
      "charge_already_refunded",
    );
    const listed = await stripe.refunds.list({ payment_intent: intent.id });
    assert.deepEqual(
      listed.data.map(({ amount }) => amount),
      [1_000, 250],
    );
    assert.equal((await payments.client.effects({ key: "r" }))[0]?.amount, 1_000);
    assert.equal((await stripe.refunds.retrieve(first.id)).id, first.id);
    assert.deepEqual((await stripe.refunds.update(first.id, { metadata: { why: "x" } })).metadata, {
      why: "x",
    });
  });

  test("of what was never taken are refused", async () => {
    const intent = await stripe.paymentIntents.create({ amount: 900, currency: "eur" });
    assert.equal((await errorOf(stripe.refunds.create({ payment_intent: intent.id }))).statusCode, 400);
  });

  test("can be late", async () => {
    const intent = await stripe.paymentIntents.create({
      ...aPayment,
      payment_method: "pm_card_pendingRefund",
    });
    const refund = await stripe.refunds.create({ payment_intent: intent.id });
    assert.equal(refund.status, "pending");
    await payments.client.advance("PT15M");
    assert.equal((await stripe.refunds.retrieve(refund.id)).status, "succeeded");
  });

  test("can come back: the money is there again", async () => {
    const intent = await stripe.paymentIntents.create({ ...aPayment, payment_method: "pm_card_refundFail" });
    const refund = await stripe.refunds.create({ payment_intent: intent.id });
    await payments.client.advance("PT15M");
    const failed = await stripe.refunds.retrieve(refund.id, { expand: ["failure_balance_transaction"] });
    assert.deepEqual([failed.status, failed.failure_reason], ["failed", "lost_or_stolen_card"]);
    const broughtBack = failed.failure_balance_transaction as Stripe.BalanceTransaction;
    assert.deepEqual([broughtBack.type, broughtBack.amount], ["refund_failure", refund.amount]);
    const movements = await stripe.balanceTransactions.list({ source: refund.id });
    assert.equal(
      movements.data.reduce((sum, { amount }) => sum + amount, 0),
      0,
    );
  });
});
