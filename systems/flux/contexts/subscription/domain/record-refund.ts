import type { Decision, Entry } from "@entente/core/model";
import { type RecordRefund, topUpRefunded } from "../contract/refund.ts";
import type { OpenAccountState } from "./account.ts";

/**
 * Decides `flux.record-refund`: the money of a charge is back where it came from. The undo has credited it to the account already, so
 * nothing of its balance moves.
 */
export function decideRecordRefund(account: OpenAccountState, command: Entry): Decision {
  const { accountId, processId, amountMinor, currency, chargeReference, refundReference } =
    command.data as RecordRefund;
  const data = { accountId, processId, amountMinor, currency, chargeReference, refundReference };
  return { facts: [{ type: topUpRefunded.type, data, customerId: account.customerId }] };
}
