import type { FastifyInstance } from "fastify";
import type { AccountState } from "./account-state.ts";
import type { Charge } from "./charge.ts";
import { giveBack } from "./give-back.ts";
import { listPage, listParameters } from "./list-envelope.ts";
import { changedMetadata, choice, integer, onlyKnown, type Parameters, text } from "./parameters.ts";
import type { PaymentsWorld } from "./payments-world.ts";
import { type Refund, refundReasons } from "./refund.ts";
import { changes, reads } from "./stripe-http.ts";
import { invalid, missing, notNow } from "./stripe-refusal.ts";

export function refundRoutes(app: FastifyInstance, world: PaymentsWorld): void {
  const url = "/v1/refunds";
  reads(app, "read-refund", `${url}/:id`, (state, query, id) => {
    onlyKnown(query, []);
    return refundOf(state, id);
  });
  reads(app, "list-refunds", url, (state, query) => {
    onlyKnown(query, [...listParameters, "charge", "payment_intent"]);
    const charge = text(query, "charge");
    const intent = text(query, "payment_intent");
    return listPage(
      url,
      state.refunds.values(),
      query,
      (refund) =>
        (charge === null || refund.charge === charge) &&
        (intent === null || refund.payment_intent === intent),
    );
  });

  changes(app, world, { method: "POST", url, operation: "create-refund" }, (act, given) => {
    onlyKnown(given, ["amount", "charge", "instructions_email", "metadata", "payment_intent", "reason"]);
    const amount = integer(given, "amount", 1);
    const reason = choice(given, "reason", refundReasons);
    const metadata = changedMetadata({}, given);
    const refund = giveBack(world, act, chargeOf(act.state, given), amount, { metadata, reason });
    act.effect({ id: refund.id, amount: refund.amount, currency: refund.currency });
    return refund;
  });

  changes(app, world, { method: "POST", url: `${url}/:id`, operation: "update-refund" }, (act, given, id) => {
    onlyKnown(given, ["metadata"]);
    const refund = refundOf(act.state, id);
    refund.metadata = changedMetadata(refund.metadata, given);
    act.happened("refund.updated", refund);
    act.effect({ id });
    return refund;
  });
}

function refundOf(state: AccountState, id: string): Refund {
  const refund = state.refunds.get(id);
  if (refund === undefined) throw missing("refund", id, "id");
  return refund;
}

/** The charge to give back, named itself or by its intent. Errors: 400 when it is not named, not there, or never succeeded. */
function chargeOf(state: AccountState, given: Parameters): Charge {
  const intentId = text(given, "payment_intent");
  const chargeId = text(given, "charge");
  if (intentId === null && chargeId === null) {
    throw invalid(
      "One of the following params should be provided for this request: payment_intent or charge.",
    );
  }
  if (intentId === null) {
    const charge = state.charges.get(chargeId as string);
    if (charge === undefined) throw missing("charge", chargeId as string, "charge");
    return charge;
  }
  const intent = state.paymentIntents.get(intentId);
  if (intent === undefined) throw missing("payment_intent", intentId, "payment_intent");
  const charge = state.charges.get(intent.latest_charge ?? "");
  if (charge === undefined || charge.status !== "succeeded") {
    throw notNow(null, `This PaymentIntent (${intentId}) does not have a successful charge to refund.`);
  }
  return charge;
}
