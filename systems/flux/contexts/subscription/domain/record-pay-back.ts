import type { Decision, DecisionContext, Entry } from "@entente/core/model";
import {
  type PayBackRecorded,
  payBackRecorded,
  type RecordPayBack,
  type TopUpPaidBack,
  topUpPaidBack,
} from "../contract/pay-back.ts";
import type { OpenAccountState } from "./account.ts";
import { refuse, type SubscriptionRefusal } from "./refuse.ts";
import { howReturned } from "./returned-charges.ts";
import { undosRemembered } from "./undone-debits.ts";

/**
 * Decides `flux.record-pay-back`: what was charged for an undone top-up was paid back past the payment provider, says an operator. No balance
 * moves: the undo had credited it. Two facts about one act: that it is back, in the process of the top-up, where its customer reads it and the
 * refund is withdrawn by it; and who told of it, why and by which receipt, in its own.
 * Refuses: charge-already-given-back, top-up-not-undone. What can be known before it is accepted is refused there: owed-charge.ts.
 */
export function decideRecordPayBack(
  account: OpenAccountState,
  command: Entry,
  context: DecisionContext,
): Decision | SubscriptionRefusal {
  const { topUpProcessId, amountMinor, currency, chargeReference, reference, by, why } =
    command.data as RecordPayBack;
  const processId = topUpProcessId;
  const { customerId, undone, returnedCharges } = account;
  const returned = howReturned(returnedCharges, processId);
  if (returned === "refunded" || returned === "paid-back")
    return refuse("charge-already-given-back", { processId });
  // An account that remembers every undo knows; one that has forgotten some leaves it to who read the journal.
  if (undone.length < undosRemembered && !undone.includes(processId))
    return refuse("top-up-not-undone", { processId });

  const accountId = context.key;
  const refund = returned ?? "not-made";
  const back: TopUpPaidBack = { accountId, processId, amountMinor, currency, chargeReference, refund };
  const told: PayBackRecorded = {
    accountId,
    topUpProcessId,
    amountMinor,
    currency,
    chargeReference,
    refund,
    reference,
    by,
    why,
  };
  return {
    facts: [
      { type: topUpPaidBack.type, data: back, customerId, processId },
      { type: payBackRecorded.type, data: told, customerId },
    ],
  };
}
