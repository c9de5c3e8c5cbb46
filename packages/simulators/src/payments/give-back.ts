import { newBalanceTransaction } from "./balance-transaction.ts";
import type { Charge } from "./charge.ts";
import type { Act, PaymentsWorld } from "./payments-world.ts";
import { newRefund, type Refund } from "./refund.ts";
import { notNow } from "./stripe-refusal.ts";
import { testPaymentMethods } from "./test-payment-methods.ts";

/** Refunds that are not immediate are settled, or fail, so long afterwards by the simulator's clock. */
export const refundSettlesAfterMs = 15 * 60_000;

/**
 * Gives back a charge's money, all that is left of it or less (`amount` null: all).
 * Errors: 400 when nothing or too little is left, or nothing was taken.
 */
export function giveBack(
  world: PaymentsWorld,
  act: Act,
  charge: Charge,
  amount: number | null,
  { metadata, reason }: Pick<Refund, "metadata" | "reason">,
): Refund {
  const left = charge.amount_captured - charge.amount_refunded;
  if (charge.refunded) {
    throw notNow("charge_already_refunded", `Charge ${charge.id} has already been refunded.`, {
      charge: charge.id,
    });
  }
  if (!charge.captured) throw notNow("charge_not_refundable", `Charge ${charge.id} was not captured.`);
  if (amount !== null && amount > left) {
    throw notNow(null, `Refund amount (${amount}) is greater than unrefunded amount on charge (${left}).`, {
      param: "amount",
    });
  }
  const refund = newRefund(
    { id: world.newId("re"), amount: amount ?? left, created: world.now(), metadata, reason },
    charge,
  );
  act.state.refunds.set(refund.id, refund);
  charge.amount_refunded += refund.amount;
  charge.refunded = charge.amount_refunded === charge.amount_captured;
  const outcome = testPaymentMethods[charge.payment_method];
  const how = outcome?.comes === "success" ? outcome.refund : "succeeds";
  if (how !== "late") refund.status = "succeeded";
  book(world, act, refund);
  act.happened("refund.created", refund);
  act.happened("charge.refunded", charge);
  if (how !== "succeeds") settleLater(world, act, charge, refund, how === "late");
  return refund;
}

function book(world: PaymentsWorld, act: Act, refund: Refund): void {
  const movement = newBalanceTransaction({
    id: world.newId("txn"),
    amount: -refund.amount,
    created: world.now(),
    currency: refund.currency,
    description: null,
    source: refund.id,
    type: "refund",
  });
  act.state.balanceTransactions.set(movement.id, movement);
  refund.balance_transaction = movement.id;
}

function settleLater(
  world: PaymentsWorld,
  cause: Act,
  charge: Charge,
  refund: Refund,
  succeeds: boolean,
): void {
  const { clock } = world.control;
  clock.at(clock.now() + refundSettlesAfterMs, () => {
    const act = world.later(cause, succeeds ? "settle-refund" : "fail-refund", refund.id);
    act.state.refunds.set(refund.id, refund);
    act.state.charges.set(charge.id, charge);
    if (succeeds) {
      refund.status = "succeeded";
      act.happened("refund.updated", refund);
    } else {
      takeBack(world, act, charge, refund);
      act.effect({ id: refund.id, amount: refund.amount, currency: refund.currency });
    }
    act.over();
  });
}

/** The customer's bank returned the refund: the money is with us again. */
function takeBack(world: PaymentsWorld, act: Act, charge: Charge, refund: Refund): void {
  refund.status = "failed";
  refund.failure_reason = "lost_or_stolen_card";
  charge.amount_refunded -= refund.amount;
  charge.refunded = false;
  const movement = newBalanceTransaction({
    id: world.newId("txn"),
    amount: refund.amount,
    created: world.now(),
    currency: refund.currency,
    description: null,
    source: refund.id,
    type: "refund_failure",
  });
  act.state.balanceTransactions.set(movement.id, movement);
  refund.failure_balance_transaction = movement.id;
  act.happened("refund.failed", refund);
}
