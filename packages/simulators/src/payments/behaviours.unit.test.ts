import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import Stripe from "stripe";
import type { RuleToAdd } from "../control/control-client.ts";
import { aPayment, type Payments, startPaymentsForTest } from "./payments.fixture.ts";

/** Every behaviour, seen by the vendor's own client, with the ground truth beside it. */

let payments: Payments;
let stripe: Stripe;

before(async () => {
  payments = await startPaymentsForTest();
  stripe = payments.stripe;
});
after(() => payments.stop());
beforeEach(() => payments.client.reset());

const keyed = { ...aPayment, metadata: { entente_key: "order-1" } };

/** Pays under a rule for this one key; the error, or null. */
async function paidUnder(
  rule: RuleToAdd,
  client = stripe,
): Promise<InstanceType<typeof Stripe.errors.StripeError> | null> {
  await payments.client.rule({ ...rule, when: { operation: "create-payment-intent", key: "order-1" } });
  try {
    await client.paymentIntents.create(keyed, { idempotencyKey: "idem-1" });
    return null;
  } catch (error) {
    return error as InstanceType<typeof Stripe.errors.StripeError>;
  }
}

const taken = async () => (await payments.client.effects({ key: "order-1" })).map(({ amount }) => amount);

/** What an inquiry by our own key says. */
async function inquiry(): Promise<readonly string[]> {
  const query = "metadata['entente_key']:'order-1'";
  return (await stripe.paymentIntents.search({ query })).data.map(({ status }) => status);
}

test("success", async () => {
  assert.equal(await paidUnder({ behaviour: "success" }), null);
  assert.deepEqual(await taken(), [1_250]);
});

describe("rejection", () => {
  for (const reason of ["insufficient_funds", "stolen_card", "do_not_honor", "expired_card"]) {
    test(`${reason}, although the card is good`, async () => {
      const error = await paidUnder({ behaviour: "rejection", reason });
      assert.deepEqual([error?.statusCode, error?.decline_code], [402, reason]);
      assert.deepEqual(await taken(), []);
      assert.deepEqual(await inquiry(), ["requires_payment_method"]);
    });
  }

  for (const [reason, operation] of [
    ["charge_already_refunded", "create-refund"],
    ["charge_disputed", "create-refund"],
    ["balance_insufficient", "create-refund"],
  ] as const) {
    test(`${reason} for a refund`, async () => {
      const intent = await stripe.paymentIntents.create(aPayment);
      await payments.client.rule({ behaviour: "rejection", reason, when: { operation } });
      await assert.rejects(stripe.refunds.create({ payment_intent: intent.id }), {
        code: reason,
        statusCode: 400,
      });
      assert.equal((await stripe.refunds.list()).data.length, 0);
    });
  }

  test("capture_charge_authorization_expired for a capture, and not for a payment", async () => {
    await payments.client.rule({ behaviour: "rejection", reason: "capture_charge_authorization_expired" });
    const intent = await stripe.paymentIntents.create({ ...aPayment, capture_method: "manual" });
    await assert.rejects(stripe.paymentIntents.capture(intent.id), {
      code: "capture_charge_authorization_expired",
    });
    assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, "requires_capture");
  });
});

for (const effect of [true, false]) {
  test(`timeout, ${effect ? "but executed" : "not executed"}: the inquiry tells the truth`, async () => {
    const impatient = payments.clientWith({ timeout: 300 });
    const error = await paidUnder({ behaviour: "timeout", effect }, impatient);
    assert.ok(error instanceof Stripe.errors.StripeConnectionError);
    assert.deepEqual(await taken(), effect ? [1_250] : []);
    assert.deepEqual(await inquiry(), effect ? ["succeeded"] : []);
    const [call] = await payments.client.calls({ operation: "create-payment-intent" });
    assert.deepEqual([call?.status, call?.effect, call?.behaviour], ["none", effect, "timeout"]);
  });

  test(`drop ${effect ? "after" : "before"} the effect, as often as the client tries: at most one effect`, async () => {
    const error = await paidUnder({ behaviour: "drop", effect });
    assert.ok(error instanceof Stripe.errors.StripeConnectionError);
    assert.equal((await payments.client.calls({ key: "order-1" })).length, 2);
    assert.deepEqual(await taken(), effect ? [1_250] : []);
  });

  test(`server error ${effect ? "after" : "without"} the effect`, async () => {
    const error = await paidUnder({ behaviour: "server-error", status: 502, effect });
    assert.ok(error instanceof Stripe.errors.StripeAPIError);
    assert.equal(error.statusCode, 502);
    assert.deepEqual(await taken(), effect ? [1_250] : []);
  });
}

test("slow: the answer comes when the time is over", async () => {
  const paying = paidUnder({ behaviour: "slow", delayMs: 30_000 });
  while ((await payments.client.calls({ key: "order-1" })).length === 0);
  assert.deepEqual(await inquiry(), []);
  await payments.client.advance("PT30S");
  assert.equal(await paying, null);
  assert.deepEqual(await taken(), [1_250]);
});

describe("malformed, after the effect:", () => {
  test("not JSON", async () => {
    const error = await paidUnder({ behaviour: "malformed", variant: "not-json" });
    assert.match(error?.message ?? "", /Invalid JSON/);
    assert.deepEqual(await taken(), [1_250]);
  });

  test("a field is missing", async () => {
    await payments.client.rule({ behaviour: "malformed", variant: "missing-field" });
    const intent = await stripe.paymentIntents.create(keyed);
    assert.equal(intent.status, undefined);
    assert.deepEqual(await taken(), [1_250]);
  });

  test("a field has the wrong type", async () => {
    await payments.client.rule({ behaviour: "malformed", variant: "wrong-type" });
    const intent = await stripe.paymentIntents.create(keyed);
    assert.equal(typeof intent.status, "number");
    assert.deepEqual(await taken(), [1_250]);
  });
});

test("unauthorized", async () => {
  const error = await paidUnder({ behaviour: "unauthorized" });
  assert.ok(error instanceof Stripe.errors.StripeAuthenticationError);
  assert.deepEqual(await taken(), []);
});

test("unknown status, in an object and in a list; the truth is unharmed", async () => {
  await payments.client.rule({ behaviour: "unknown-status", status: "on_hold", times: 1 });
  assert.equal((await stripe.paymentIntents.create(keyed)).status, "on_hold");
  assert.deepEqual(await inquiry(), ["succeeded"]);
  await payments.client.rule({ behaviour: "unknown-status" });
  assert.deepEqual(await inquiry(), ["pending_review"]);
});

describe("throttled", () => {
  test("the client does not repeat unless told", async () => {
    const error = await paidUnder({ behaviour: "throttled" }, payments.clientWith({ maxNetworkRetries: 2 }));
    assert.ok(error instanceof Stripe.errors.StripeRateLimitError);
    assert.equal((await payments.client.calls({ key: "order-1" })).length, 1);
  });

  test("with a time to come again, it is told to repeat", async () => {
    const error = await paidUnder(
      { behaviour: "throttled", retryAfterSeconds: 3 },
      payments.clientWith({ maxNetworkRetries: 1 }),
    );
    assert.equal((error as { headers: Record<string, string> } | null)?.headers["retry-after"], "3");
    assert.equal((await payments.client.calls({ key: "order-1" })).length, 2);
    assert.deepEqual(await taken(), []);
  });
});

test("an outage is 503 in the service's own words", async () => {
  await payments.client.outage("unavailable");
  await assert.rejects(stripe.paymentIntents.list(), { statusCode: 503, rawType: "api_error" });
  await payments.client.outage("none");
  assert.equal((await stripe.paymentIntents.list()).data.length, 0);
});

test("the client's header x-simulate is for its own request", async () => {
  const simulated = JSON.stringify({ behaviour: "rejection", reason: "fraudulent" });
  await assert.rejects(
    stripe.paymentIntents.create(keyed, { headers: { "x-simulate": simulated } } as never),
    {
      decline_code: "fraudulent",
    },
  );
  assert.equal((await stripe.paymentIntents.create(keyed)).status, "succeeded");
});

test("the entry names every operation that a route has, and every decline", async () => {
  const entry = (await (await fetch(`${payments.url}/_control`)).json()) as {
    operations: { name: string; does: string }[];
    credentials: { apiKey: string };
    rejections: { reason: string }[];
  };
  assert.equal(entry.credentials.apiKey, "sk_test_entente");
  assert.ok(entry.rejections.length >= 10);
  for (const { name, does } of entry.operations) {
    const [method, path] = does.split(" ") as [string, string];
    await payments.raw(method, path.replace(":id", "x"), method === "POST" ? "" : undefined);
    const [call] = (await payments.client.calls()).slice(-1);
    assert.equal(call?.operation, name, does);
  }
});
