import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type Stripe from "stripe";
import type { RuleToAdd } from "../control/control-client.ts";
import {
  type Payments,
  startPaymentsForTest,
  startReceiver,
  type WebhookReceiver,
} from "./payments.fixture.ts";

/**
 * A caller that does what our adapters must do, against a service that misbehaves in every way at once: it repeats under the
 * same key, and asks by its own key when it does not know. Whatever the caller was told, books and ground truth agree.
 */

const seed = 20_301;
const orders = 60;

let payments: Payments;
let receiver: WebhookReceiver;

before(async () => {
  payments = await startPaymentsForTest(seed);
  receiver = await startReceiver();
});
after(async () => {
  await payments.stop();
  await receiver.stop();
});

const troubles: readonly RuleToAdd[] = [
  { behaviour: "rejection", reason: "insufficient_funds", when: { share: 0.1 } },
  { behaviour: "timeout", effect: true, when: { share: 0.06 } },
  { behaviour: "timeout", effect: false, when: { share: 0.06 } },
  { behaviour: "drop", effect: true, when: { share: 0.1 } },
  { behaviour: "drop", effect: false, when: { share: 0.1 } },
  { behaviour: "server-error", effect: true, when: { share: 0.1 } },
  { behaviour: "server-error", effect: false, when: { share: 0.1 } },
  { behaviour: "throttled", when: { share: 0.1 } },
  { behaviour: "malformed", variant: "not-json", when: { share: 0.1 } },
  { behaviour: "lost-callback", when: { share: 0.1 } },
  { behaviour: "duplicate-callback", when: { share: 0.1 } },
  { behaviour: "out-of-order-callback", when: { share: 0.1 } },
];

type Known = "paid" | "refused" | "unknown";

/** One attempt, as the caller sees it. */
async function attempt(stripe: Stripe, order: string, amount: number): Promise<Known> {
  const payment = { amount, currency: "eur", payment_method: "pm_card_visa", confirm: true };
  try {
    await stripe.paymentIntents.create(
      { ...payment, metadata: { entente_key: order } },
      { idempotencyKey: order },
    );
    return "paid";
  } catch (error) {
    return (error as { statusCode?: number }).statusCode === 402 ? "refused" : "unknown";
  }
}

/** What the service says when it is asked by our own key; unknown when it does not answer. */
async function ask(stripe: Stripe, order: string): Promise<Known> {
  try {
    const { data } = await stripe.paymentIntents.search({ query: `metadata['entente_key']:'${order}'` });
    if (data.some(({ status }) => status === "succeeded")) return "paid";
    return data.some(({ status }) => status === "requires_payment_method") ? "refused" : "unknown";
  } catch {
    return "unknown";
  }
}

/** Attempts, asks, and repeats under the same key; a stored server error tells the caller to give up on its key. */
async function pay(stripe: Stripe, order: string, amount: number): Promise<Known> {
  for (let tries = 0; tries < 8; tries += 1) {
    const told = await attempt(stripe, order, amount);
    if (told !== "unknown") return told;
    const asked = await ask(stripe, order);
    if (asked !== "unknown") return asked;
  }
  return "unknown";
}

test(`each of ${orders} orders is paid at most once, and books agree with the ground truth (seed ${seed})`, async () => {
  await payments.stripe.webhookEndpoints.create({ url: receiver.url, enabled_events: ["*"] });
  for (const rule of troubles) {
    await payments.client.rule({ ...rule, when: { ...rule.when, operation: "create-payment-intent" } });
  }
  const impatient = payments.clientWith({ timeout: 250 });
  const known = new Map<string, Known>();
  for (let n = 0; n < orders; n += 1) known.set(`order-${n}`, await pay(impatient, `order-${n}`, 1_000 + n));
  await payments.client.removeRules();

  const effects = (await payments.client.effects()).filter(
    ({ operation }) => operation === "create-payment-intent",
  );
  const byKey = Map.groupBy(effects, ({ key }) => key);
  for (const [key, rows] of byKey) assert.equal(rows.length, 1, `${key} happened ${rows.length} times`);
  for (const [order, told] of known) {
    if (told === "paid") assert.ok(byKey.has(order), `${order} was told to be paid`);
    if (told === "refused") assert.ok(!byKey.has(order), `${order} was told to be refused`);
  }
  assert.deepEqual(new Set(known.values()), new Set(["paid", "refused", "unknown"]));

  let charged = 0;
  for await (const charge of payments.stripe.charges.list({ limit: 100 })) {
    if (charge.status === "succeeded") charged += charge.amount_captured;
  }
  let moved = 0;
  for await (const movement of payments.stripe.balanceTransactions.list({ limit: 100 }))
    moved += movement.amount;
  const truth = effects.reduce((sum, { amount }) => sum + Number(amount), 0);
  assert.deepEqual([charged, moved], [truth, truth]);

  // Late and reversed callbacks come within a minute; then every event that was told is one that the service has.
  await payments.client.advance("PT2M");
  const events = new Set<string>();
  for await (const { id } of payments.stripe.events.list({ limit: 100 })) events.add(id);
  assert.ok(receiver.received.length > 0);
  for (const { event } of receiver.received) assert.ok(events.has(event.id));
  const told = new Set(receiver.received.map(({ event }) => event.id));
  assert.ok(told.size < events.size, "some callbacks were lost");
  assert.ok(told.size < receiver.received.length, "some callbacks came twice");
});
