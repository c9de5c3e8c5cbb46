import {
  type Decider,
  type Decision,
  type DecisionContext,
  type Entry,
  Failure,
  type Refusal,
} from "@entente/core/model";
import { followEntitlement } from "../../entitlement/contract/follow-entitlement.ts";
import { topUp } from "../../gateway/contract/top-up.ts";
import { changePlan } from "../contract/change-plan.ts";
import { recordCharge, recordDecline } from "../contract/charge.ts";
import { openAccount } from "../contract/open-account.ts";
import { recordPayBack } from "../contract/pay-back.ts";
import { subscriptionFacts } from "../contract/published-language.ts";
import { noteQuotaAnswer, noteQuotaReturn, placeQuota } from "../contract/quota-keeper.ts";
import { recordRefund, recordRefundFailure } from "../contract/refund.ts";
import { registerCondenser } from "../contract/register-condenser.ts";
import { startCycle } from "../contract/start-cycle.ts";
import { topUpRefused } from "../contract/top-up-refused.ts";
import { undoQuotaDebit } from "../contract/undo-quota-debit.ts";
import { undoTopUp } from "../contract/undo-top-up.ts";
import { type AccountState, evolve, unopenedAccount } from "./account.ts";
import { decideChangePlan } from "./change-plan.ts";
import { decideTopUp } from "./debit-balance.ts";
import { decideFollowEntitlement } from "./follow-entitlement.ts";
import { decideNoteQuotaAnswer, decideNoteQuotaReturn, decidePlaceQuota } from "./keep-quota.ts";
import { decideOpenAccount } from "./open-account.ts";
import { decideRecordCharge, decideRecordDecline } from "./record-charge.ts";
import { decideRecordPayBack } from "./record-pay-back.ts";
import { decideRecordRefund, decideRecordRefundFailure } from "./record-refund.ts";
import { refuse } from "./refuse.ts";
import { decideRegisterCondenser } from "./register-condenser.ts";
import { decideStartCycle } from "./start-cycle.ts";
import { decideUndoQuotaDebit } from "./undo-quota-debit.ts";
import { decideUndoTopUp } from "./undo-top-up.ts";

/**
 * The account: authority for quota, balance and top-ups. Key: accountId.
 * Parking: what later commands build on holds the key (a top-up decided before a stuck cycle start would take the wrong
 * quota); a stuck top-up, undo or word of a charge, refund or pay-back steps aside, so that one customer's bad command does not stop that customer's next.
 */
export const accountDecider: Decider<AccountState> = {
  name: "account",
  commands: {
    [openAccount.type]: { parking: "hold-key", schemaVersion: openAccount.schemaVersion },
    [registerCondenser.type]: { parking: "hold-key", schemaVersion: registerCondenser.schemaVersion },
    [changePlan.type]: { parking: "hold-key", schemaVersion: changePlan.schemaVersion },
    [followEntitlement.type]: { parking: "hold-key", schemaVersion: followEntitlement.schemaVersion },
    [startCycle.type]: { parking: "hold-key", schemaVersion: startCycle.schemaVersion },
    [topUp.type]: { parking: "step-aside", schemaVersion: topUp.schemaVersion },
    [undoQuotaDebit.type]: { parking: "step-aside", schemaVersion: undoQuotaDebit.schemaVersion },
    [undoTopUp.type]: { parking: "step-aside", schemaVersion: undoTopUp.schemaVersion },
    [recordCharge.type]: { parking: "step-aside", schemaVersion: recordCharge.schemaVersion },
    [recordDecline.type]: { parking: "step-aside", schemaVersion: recordDecline.schemaVersion },
    [recordRefund.type]: { parking: "step-aside", schemaVersion: recordRefund.schemaVersion },
    [recordRefundFailure.type]: { parking: "step-aside", schemaVersion: recordRefundFailure.schemaVersion },
    [recordPayBack.type]: { parking: "step-aside", schemaVersion: recordPayBack.schemaVersion },
    [placeQuota.type]: { parking: "hold-key", schemaVersion: placeQuota.schemaVersion },
    [noteQuotaReturn.type]: { parking: "hold-key", schemaVersion: noteQuotaReturn.schemaVersion },
    [noteQuotaAnswer.type]: { parking: "step-aside", schemaVersion: noteQuotaAnswer.schemaVersion },
  },
  facts: subscriptionFacts,
  refusalType: topUpRefused.type,
  initial: unopenedAccount,
  // An account that is not open yet has no customer that anybody here has heard of.
  customerOf: (account) => (account.opened ? account.customerId : null),
  decide,
  evolve,
};

function decide(state: AccountState, command: Entry, context: DecisionContext): Decision | Refusal {
  if (command.type === openAccount.type) return decideOpenAccount(state, command, context);
  if (command.type === followEntitlement.type) return decideFollowEntitlement(state, command, context);
  if (!state.opened) return refuse("account-unknown");
  switch (command.type) {
    case topUp.type:
      return decideTopUp(state, command, context);
    case undoQuotaDebit.type:
      return decideUndoQuotaDebit(state, command, context);
    case undoTopUp.type:
      return decideUndoTopUp(state, command, context);
    case placeQuota.type:
      return decidePlaceQuota(state, command, context);
    case noteQuotaReturn.type:
      return decideNoteQuotaReturn(state, command);
    case noteQuotaAnswer.type:
      return decideNoteQuotaAnswer(
        state,
        command,
        (account, asked) => decideTopUp(account, asked, context),
        topUpRefused.type,
      );
    case recordCharge.type:
      return decideRecordCharge(state, command);
    case recordDecline.type:
      return decideRecordDecline(state, command);
    case recordRefund.type:
      return decideRecordRefund(state, command);
    case recordRefundFailure.type:
      return decideRecordRefundFailure(state, command);
    case recordPayBack.type:
      return decideRecordPayBack(state, command, context);
    case startCycle.type:
      return decideStartCycle(state, context);
    case registerCondenser.type:
      return decideRegisterCondenser(state, command, context);
    case changePlan.type:
      return decideChangePlan(state, command, context);
    default:
      throw new Failure("defect", "command-not-decided", `The account does not decide ${command.type}.`, {
        fields: { type: command.type },
      });
  }
}
