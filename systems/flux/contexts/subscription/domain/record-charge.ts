import type { Decision, Entry } from "@entente/core/model";
import { chargeDeclined, type RecordCharge, type RecordDecline, topUpCharged } from "../contract/charge.ts";
import type { OpenAccountState } from "./account.ts";

/**
 * Decides `flux.record-charge`: the money of a top-up's on-demand part is there. The account has counted it since the debit, so
 * nothing of its balance moves; the fact stands in the order of the account's other facts, after its debit.
 * Recorded also when the debit was undone meanwhile: that money was taken is a fact, and somebody must give it back.
 */
export function decideRecordCharge(account: OpenAccountState, command: Entry): Decision {
  const { accountId, processId, amountMinor, currency, reference } = command.data as RecordCharge;
  const data = { accountId, processId, amountMinor, currency, reference };
  return { facts: [{ type: topUpCharged.type, data, customerId: account.customerId }] };
}

/**
 * Decides `flux.record-decline`. The undo that gives the debit back follows as a command of its own. A decline of what is undone
 * already says nothing new: nobody wants that money any more.
 */
export function decideRecordDecline(account: OpenAccountState, command: Entry): Decision {
  const { accountId, processId, amountMinor, currency, reference, reasonCode } =
    command.data as RecordDecline;
  if (account.undone.includes(processId)) return { facts: [] };
  const data = { accountId, processId, amountMinor, currency, reference, reasonCode };
  return { facts: [{ type: chargeDeclined.type, data, customerId: account.customerId }] };
}
