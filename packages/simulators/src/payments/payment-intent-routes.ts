import type { FastifyInstance } from "fastify";
import type { AccountState } from "./account-state.ts";
import { listPage, listParameters } from "./list-envelope.ts";
import {
  changedMetadata,
  choice,
  currency,
  flag,
  integer,
  list,
  onlyKnown,
  type Parameters,
  requiredInteger,
  text,
} from "./parameters.ts";
import { cancelIntent, captureIntent, type HowToPay, moneyOf, payIntent } from "./pay.ts";
import { mustAllow, newPaymentIntent, type PaymentIntent } from "./payment-intent.ts";
import type { Act, PaymentsWorld } from "./payments-world.ts";
import { searchRoute } from "./search-route.ts";
import { changes, reads } from "./stripe-http.ts";
import { invalid, missing } from "./stripe-refusal.ts";
import { isBankDebit, testPaymentMethods } from "./test-payment-methods.ts";

/** The least and the most that can be charged, in minor units. */
const leastAmount = 50;
const largestAmount = 99_999_999;

/** Accepted because real clients send them; they change nothing here. */
const unheeded = [
  "application_fee_amount",
  "error_on_requires_action",
  "mandate",
  "mandate_data",
  "on_behalf_of",
  "payment_method_configuration",
  "payment_method_options",
  "radar_options",
  "shipping",
  "transfer_data",
  "use_stripe_sdk",
];
const editable = [
  "amount",
  "currency",
  "customer",
  "description",
  "metadata",
  "payment_method",
  "payment_method_types",
  "receipt_email",
  "setup_future_usage",
  "statement_descriptor",
  "statement_descriptor_suffix",
  "transfer_group",
  ...unheeded,
];
const paying = [
  "payment_method",
  "off_session",
  "return_url",
  "receipt_email",
  "setup_future_usage",
  ...unheeded,
];
const creating = [
  ...editable,
  "automatic_payment_methods",
  "capture_method",
  "confirm",
  "confirmation_method",
  "off_session",
  "return_url",
];
const captureMethods = ["automatic", "automatic_async", "manual"] as const;
const cancellationReasons = ["abandoned", "duplicate", "fraudulent", "requested_by_customer"] as const;

export function paymentIntentRoutes(app: FastifyInstance, world: PaymentsWorld): void {
  const url = "/v1/payment_intents";
  searchRoute(app, world, "search-payment-intents", `${url}/search`, (state) =>
    state.paymentIntents.values(),
  );
  reads(app, "read-payment-intent", `${url}/:id`, (state, query, id) => {
    onlyKnown(query, ["client_secret"]);
    return intentOf(state, id);
  });
  reads(app, "list-payment-intents", url, (state, query) => {
    onlyKnown(query, [...listParameters, "customer"]);
    const customer = text(query, "customer");
    return listPage(
      url,
      state.paymentIntents.values(),
      query,
      (intent) => customer === null || intent.customer === customer,
    );
  });

  changes(app, world, { method: "POST", url, operation: "create-payment-intent" }, (act, given) => {
    onlyKnown(given, creating);
    const confirm = flag(given, "confirm");
    const how = howToPay(given);
    if (!confirm && how.offSession) throw invalid("off_session needs confirm.", "off_session");
    const intent = created(world, act, given);
    act.state.paymentIntents.set(intent.id, intent);
    act.happened("payment_intent.created", intent);
    if (confirm) payIntent(world, act, intent, how);
    act.effect(moneyOf(intent));
    return intent;
  });

  changes(
    app,
    world,
    { method: "POST", url: `${url}/:id`, operation: "update-payment-intent" },
    (act, given, id) => {
      onlyKnown(given, editable);
      const intent = intentOf(act.state, id);
      update(act, intent, given);
      act.effect({ id });
      return intent;
    },
  );

  changes(
    app,
    world,
    { method: "POST", url: `${url}/:id/confirm`, operation: "confirm-payment-intent" },
    (act, given, id) => {
      onlyKnown(given, paying);
      const intent = intentOf(act.state, id);
      mustAllow("confirm", intent);
      intent.payment_method = paymentMethodOf(given) ?? intent.payment_method;
      payIntent(world, act, intent, howToPay(given));
      act.effect(moneyOf(intent));
      return intent;
    },
  );

  changes(
    app,
    world,
    { method: "POST", url: `${url}/:id/capture`, operation: "capture-payment-intent" },
    (act, given, id) => {
      onlyKnown(given, [
        "amount_to_capture",
        "metadata",
        "final_capture",
        "statement_descriptor",
        ...unheeded,
      ]);
      const amount = integer(given, "amount_to_capture", 1);
      const intent = intentOf(act.state, id);
      const metadata = changedMetadata(intent.metadata, given);
      captureIntent(world, act, intent, amount);
      intent.metadata = metadata;
      act.effect(moneyOf(intent));
      return intent;
    },
  );

  changes(
    app,
    world,
    { method: "POST", url: `${url}/:id/cancel`, operation: "cancel-payment-intent" },
    (act, given, id) => {
      onlyKnown(given, ["cancellation_reason"]);
      const reason = choice(given, "cancellation_reason", cancellationReasons);
      const intent = intentOf(act.state, id);
      cancelIntent(world, act, intent, reason);
      act.effect({ id });
      return intent;
    },
  );
}

/** Errors: 404. */
export function intentOf(state: AccountState, id: string): PaymentIntent {
  const intent = state.paymentIntents.get(id);
  if (intent === undefined) throw missing("payment_intent", id, "intent");
  return intent;
}

function created(world: PaymentsWorld, act: Act, given: Parameters): PaymentIntent {
  const amount = amountOf(requiredInteger(given, "amount", 1));
  const money = currency(given);
  const paymentMethod = paymentMethodOf(given);
  const id = world.newId("pi");
  const automatic = typeof given.automatic_payment_methods === "object";
  return newPaymentIntent({
    id,
    amount,
    automatic_payment_methods: automatic ? { enabled: true } : null,
    capture_method: choice(given, "capture_method", captureMethods) ?? "automatic_async",
    client_secret: world.newId(`${id}_secret`),
    confirmation_method: choice(given, "confirmation_method", ["automatic", "manual"]) ?? "automatic",
    created: world.now(),
    currency: money,
    customer: customerOf(act.state, given),
    description: text(given, "description"),
    metadata: changedMetadata({}, given),
    payment_method: paymentMethod,
    payment_method_types: list(given, "payment_method_types") ?? [
      paymentMethod !== null && isBankDebit(paymentMethod) ? "us_bank_account" : "card",
    ],
    receipt_email: text(given, "receipt_email"),
    setup_future_usage: choice(given, "setup_future_usage", ["on_session", "off_session"]),
    statement_descriptor: text(given, "statement_descriptor"),
    statement_descriptor_suffix: text(given, "statement_descriptor_suffix"),
    transfer_group: text(given, "transfer_group"),
  });
}

/** Everything is read before anything changes: a refused update leaves the intent as it was. */
function update(act: Act, intent: PaymentIntent, given: Parameters): void {
  const amount = integer(given, "amount", 1);
  if (amount !== null) amountOf(amount);
  const money = given.currency === undefined ? null : currency(given);
  const paymentMethod = paymentMethodOf(given);
  const customer = customerOf(act.state, given);
  const metadata = changedMetadata(intent.metadata, given);
  if (amount !== null || money !== null || paymentMethod !== null) mustAllow("update the amount of", intent);
  intent.amount = amount ?? intent.amount;
  intent.currency = money ?? intent.currency;
  intent.customer = customer ?? intent.customer;
  intent.metadata = metadata;
  for (const name of ["description", "receipt_email", "statement_descriptor", "transfer_group"] as const) {
    if (given[name] !== undefined) intent[name] = text(given, name);
  }
  if (paymentMethod === null) return;
  intent.payment_method = paymentMethod;
  intent.status = "requires_confirmation";
}

function amountOf(amount: number): number {
  if (amount < leastAmount) {
    throw invalid(`Amount must be at least ${leastAmount} minor units.`, "amount", "amount_too_small");
  }
  if (amount > largestAmount) {
    throw invalid(`Amount must be no more than ${largestAmount} minor units.`, "amount", "amount_too_large");
  }
  return amount;
}

/** Errors: 400 when the customer is not there. */
function customerOf(state: AccountState, given: Parameters): string | null {
  const customer = text(given, "customer");
  if (customer !== null && !state.customers.has(customer)) throw missing("customer", customer, "customer");
  return customer;
}

/** Errors: 400 for anything but a test payment method. */
function paymentMethodOf(given: Parameters): string | null {
  const paymentMethod = text(given, "payment_method");
  if (paymentMethod !== null && !Object.hasOwn(testPaymentMethods, paymentMethod)) {
    throw missing("PaymentMethod", paymentMethod, "payment_method");
  }
  return paymentMethod;
}

function howToPay(given: Parameters): HowToPay {
  const offSession = text(given, "off_session");
  return {
    offSession: offSession !== null && offSession !== "false",
    returnUrl: text(given, "return_url"),
  };
}
