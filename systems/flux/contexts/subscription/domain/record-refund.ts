import type { Decision, Entry } from "@entente/core/model";
import {
  type RecordRefund,
  type RecordRefundFailure,
  topUpRefunded,
  topUpRefundFailed,
} from "../contract/refund.ts";
import type { OpenAccountState } from "./account.ts";
import { howReturned } from "./returned-charges.ts";

/**
 * Decides `flux.record-refund`: the money of a charge is back where it came from. The undo has credited it to the account already, so
 * nothing of its balance moves. Recorded also when it was paid back another way meanwhile: that it went back twice is a fact, and a person's to
 * undo (`unwanted-effect` of the refund that was withdrawn).
 */
export function decideRecordRefund(account: OpenAccountState, command: Entry): Decision {
  return noted(account, topUpRefunded.type, command.data as RecordRefund);
}

/**
 * Decides `flux.record-refund-failure`: the money has come back to us, and is owed again. What was paid back another way is not owed, however
 * often the provider says so.
 */
export function decideRecordRefundFailure(account: OpenAccountState, command: Entry): Decision {
  const refund = command.data as RecordRefundFailure;
  if (howReturned(account.returnedCharges, refund.processId) === "paid-back") return { facts: [] };
  return noted(account, topUpRefundFailed.type, refund);
}

function noted(account: OpenAccountState, type: string, refund: RecordRefund): Decision {
  const { accountId, processId, amountMinor, currency, chargeReference, refundReference } = refund;
  const data = { accountId, processId, amountMinor, currency, chargeReference, refundReference };
  return { facts: [{ type, data, customerId: account.customerId }] };
}
