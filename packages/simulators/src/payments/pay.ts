import { newBalanceTransaction } from "./balance-transaction.ts";
import { type Charge, newCharge } from "./charge.ts";
import { declines } from "./description.ts";
import { mustAllow, type PaymentIntent } from "./payment-intent.ts";
import type { Act, PaymentsWorld } from "./payments-world.ts";
import { notNow, StripeRefusal } from "./stripe-refusal.ts";
import { isBankDebit, type PaymentOutcome, testPaymentMethods } from "./test-payment-methods.ts";

/** Bank debits settle so long after they were confirmed, by the simulator's clock. */
export const debitSettlesAfterMs = 15 * 60_000;

/** Money that is authorised and not captured is let go after so long: seven days, as with most cards. */
export const authorisedForMs = 7 * 86_400_000;

export interface HowToPay {
  /** The customer is not there: what needs authentication is declined. */
  readonly offSession: boolean;
  readonly returnUrl: string | null;
}

/**
 * Attempts to take the intent's money with its payment method.
 * Errors: 402 with the decline, after which the intent wants another payment method; 400 when its state does not allow it.
 */
export function payIntent(world: PaymentsWorld, act: Act, intent: PaymentIntent, how: HowToPay): void {
  mustAllow("confirm", intent);
  const paymentMethod = intent.payment_method;
  if (paymentMethod === null) {
    throw notNow(
      "payment_intent_unexpected_state",
      "You cannot confirm this PaymentIntent because it's missing a payment method.",
      { payment_intent: intent },
    );
  }
  const outcome = outcomeOf(act, paymentMethod, how);
  if (outcome.comes === "authentication") {
    askCustomer(act, intent, how);
    return;
  }
  const charge = newCharge(world.newId("ch"), world.now(), intent, paymentMethod);
  act.state.charges.set(charge.id, charge);
  intent.latest_charge = charge.id;
  intent.next_action = null;
  if (outcome.comes === "decline") throw decline(act, intent, charge, outcome.reason);
  if (outcome.comes === "success") {
    succeed(world, act, intent, charge);
    return;
  }
  intent.status = "processing";
  act.happened("charge.pending", charge);
  act.happened("payment_intent.processing", intent);
  settleLater(world, act, intent, charge, outcome.failure);
}

/** A rule outranks what the test payment method stands for. */
function outcomeOf(act: Act, paymentMethod: string, { offSession }: HowToPay): PaymentOutcome {
  const { behaviour } = act;
  if (behaviour?.behaviour === "rejection") return { comes: "decline", reason: behaviour.reason };
  const outcome = testPaymentMethods[paymentMethod] as PaymentOutcome;
  return outcome.comes === "authentication" && offSession
    ? { comes: "decline", reason: "authentication_required" }
    : outcome;
}

function askCustomer(act: Act, intent: PaymentIntent, { returnUrl }: HowToPay): void {
  intent.status = "requires_action";
  intent.next_action =
    returnUrl === null
      ? { type: "use_stripe_sdk", use_stripe_sdk: { type: "three_d_secure_redirect" } }
      : {
          type: "redirect_to_url",
          redirect_to_url: { return_url: returnUrl, url: `${returnUrl}#authenticate` },
        };
  act.happened("payment_intent.requires_action", intent);
}

/** The customer has authenticated, or has failed to. */
export function authenticateIntent(
  world: PaymentsWorld,
  act: Act,
  intent: PaymentIntent,
  passed: boolean,
): void {
  mustAllow("authenticate", intent);
  intent.next_action = null;
  if (passed) {
    const charge = newCharge(world.newId("ch"), world.now(), intent, intent.payment_method as string);
    act.state.charges.set(charge.id, charge);
    intent.latest_charge = charge.id;
    succeed(world, act, intent, charge);
    return;
  }
  wantAnotherMethod(intent, {
    type: "card_error",
    code: "payment_intent_authentication_failure",
    message: "The provided PaymentMethod has failed authentication.",
  });
  act.happened("payment_intent.payment_failed", intent);
}

function decline(act: Act, intent: PaymentIntent, charge: Charge, reason: string): StripeRefusal {
  const { code = "card_declined", message } = declines[reason] ?? { message: "Your card was declined." };
  const error = { type: "card_error", code, decline_code: reason, message, charge: charge.id } as const;
  fail(act, intent, charge, code, message, reason, error);
  return new StripeRefusal(402, { ...error, payment_intent: intent }, true);
}

function fail(
  act: Act,
  intent: PaymentIntent,
  charge: Charge,
  code: string,
  message: string,
  reason: string,
  error: object,
): void {
  charge.status = "failed";
  charge.failure_code = code;
  charge.failure_message = message;
  charge.outcome = {
    type: "issuer_declined",
    reason,
    network_status: "declined_by_network",
    seller_message: message,
  };
  wantAnotherMethod(intent, error);
  act.happened("charge.failed", charge);
  act.happened("payment_intent.payment_failed", intent);
}

function wantAnotherMethod(intent: PaymentIntent, error: object): void {
  intent.last_payment_error = { ...error, payment_method: intent.payment_method };
  intent.payment_method = null;
  intent.status = "requires_payment_method";
}

function succeed(world: PaymentsWorld, act: Act, intent: PaymentIntent, charge: Charge): void {
  charge.status = "succeeded";
  charge.paid = true;
  charge.outcome = {
    type: "authorized",
    network_status: "approved_by_network",
    seller_message: "Payment complete.",
  };
  intent.last_payment_error = null;
  if (intent.capture_method === "manual") {
    intent.status = "requires_capture";
    intent.amount_capturable = intent.amount;
    act.happened("charge.succeeded", charge);
    act.happened("payment_intent.amount_capturable_updated", intent);
    letGoLater(world, act, intent);
    return;
  }
  take(world, act, intent, charge, charge.amount);
  act.happened("charge.succeeded", charge);
  act.happened("payment_intent.succeeded", intent);
}

/** Money moves: the one place where it does, so that intents, charges and the balance agree. */
function take(world: PaymentsWorld, act: Act, intent: PaymentIntent, charge: Charge, amount: number): void {
  charge.captured = true;
  charge.amount_captured = amount;
  intent.amount_received = amount;
  intent.amount_capturable = 0;
  intent.status = "succeeded";
  const { currency, description, id: source } = charge;
  const movement = newBalanceTransaction({
    id: world.newId("txn"),
    amount,
    created: world.now(),
    currency,
    description,
    source,
    type: isBankDebit(charge.payment_method) ? "payment" : "charge",
  });
  act.state.balanceTransactions.set(movement.id, movement);
  charge.balance_transaction = movement.id;
}

function settleLater(
  world: PaymentsWorld,
  cause: Act,
  intent: PaymentIntent,
  charge: Charge,
  failure: string | null,
): void {
  world.control.clock.at(world.control.clock.now() + debitSettlesAfterMs, () => {
    const act = world.later(cause, "settle-payment-intent", intent.id);
    act.state.paymentIntents.set(intent.id, intent);
    act.state.charges.set(charge.id, charge);
    if (failure === null) {
      succeed(world, act, intent, charge);
      if (intent.status === "succeeded") act.effect(moneyOf(intent));
    } else {
      const message = "The bank account was not charged.";
      fail(act, intent, charge, failure, message, failure, { type: "card_error", code: failure, message });
    }
    act.over();
  });
}

/** Takes money that was authorised: all of it or less; the rest is let go. */
export function captureIntent(
  world: PaymentsWorld,
  act: Act,
  intent: PaymentIntent,
  amount: number | null,
): void {
  mustAllow("capture", intent);
  if (amount !== null && amount > intent.amount_capturable) {
    throw notNow(
      "amount_too_large",
      `The provided amount (${amount}) is greater than the amount capturable (${intent.amount_capturable}).`,
      { param: "amount_to_capture" },
    );
  }
  const charge = act.state.charges.get(intent.latest_charge ?? "") as Charge;
  take(world, act, intent, charge, amount ?? intent.amount_capturable);
  act.happened("charge.captured", charge);
  act.happened("payment_intent.succeeded", intent);
}

/** Gives the intent up; money that was authorised is let go. */
export function cancelIntent(
  world: PaymentsWorld,
  act: Act,
  intent: PaymentIntent,
  reason: string | null,
): void {
  mustAllow("cancel", intent);
  const charge = act.state.charges.get(intent.latest_charge ?? "");
  if (intent.status === "requires_capture" && charge !== undefined) {
    charge.refunded = true;
    charge.amount_refunded = charge.amount;
    act.happened("charge.refunded", charge);
  }
  intent.status = "canceled";
  intent.amount_capturable = 0;
  intent.canceled_at = world.now();
  intent.cancellation_reason = reason;
  intent.next_action = null;
  act.happened("payment_intent.canceled", intent);
}

function letGoLater(world: PaymentsWorld, cause: Act, intent: PaymentIntent): void {
  const { clock } = world.control;
  clock.at(clock.now() + authorisedForMs, () => {
    if (intent.status !== "requires_capture") return;
    const act = world.later(cause, "expire-payment-intent", intent.id);
    act.state.paymentIntents.set(intent.id, intent);
    cancelIntent(world, act, intent, "automatic");
    act.effect({ id: intent.id });
    act.over();
  });
}

/** The money an intent has brought, as the ground truth names it; nothing when none has moved. */
export function moneyOf(intent: PaymentIntent): { id: string; amount?: number; currency?: string } {
  const { id, amount_received: amount, currency } = intent;
  return intent.status === "succeeded" ? { id, amount, currency } : { id };
}
