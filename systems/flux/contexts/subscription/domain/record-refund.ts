import type { Decision, Entry } from "@entente/core/model";
import {
  type RecordRefund,
  type RecordRefundFailure,
  topUpRefunded,
  topUpRefundFailed,
} from "../contract/refund.ts";
import type { OpenAccountState } from "./account.ts";

/**
 * Decides `flux.record-refund`: the money of a charge is back where it came from. The undo has credited it to the account already, so
 * nothing of its balance moves.
 */
export function decideRecordRefund(account: OpenAccountState, command: Entry): Decision {
  return noted(account, topUpRefunded.type, command.data as RecordRefund);
}

/** Decides `flux.record-refund-failure`: the money has come back to us, and is owed again. */
export function decideRecordRefundFailure(account: OpenAccountState, command: Entry): Decision {
  return noted(account, topUpRefundFailed.type, command.data as RecordRefundFailure);
}

function noted(account: OpenAccountState, type: string, refund: RecordRefund): Decision {
  const { accountId, processId, amountMinor, currency, chargeReference, refundReference } = refund;
  const data = { accountId, processId, amountMinor, currency, chargeReference, refundReference };
  return { facts: [{ type, data, customerId: account.customerId }] };
}
