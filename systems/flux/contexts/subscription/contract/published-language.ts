import { followEntitlement } from "../../entitlement/contract/follow-entitlement.ts";
import { topUp } from "../../gateway/contract/top-up.ts";
import { accountOpened } from "./account-opened.ts";
import { balanceDebited } from "./balance-debited.ts";
import { changePlan } from "./change-plan.ts";
import { chargeDeclined, recordCharge, recordDecline, topUpCharged } from "./charge.ts";
import { condenserRegistered } from "./condenser-registered.ts";
import { cycleStarted } from "./cycle-started.ts";
import { entitlementFollowed, entitlementNoted } from "./entitlement-followed.ts";
import { openAccount } from "./open-account.ts";
import { payBackRecorded, recordPayBack, topUpPaidBack } from "./pay-back.ts";
import { planChanged } from "./plan-changed.ts";
import { quotaDebitUndone } from "./quota-debit-undone.ts";
import {
  moveQuotaShare,
  noteQuotaAnswer,
  noteQuotaReturn,
  placeQuota,
  quotaAnswered,
  quotaAsked,
  quotaLent,
  quotaRecalled,
  quotaRestored,
  quotaReturned,
  quotaShareMoved,
  quotaShareRefused,
} from "./quota-keeper.ts";
import { recordRefund, recordRefundFailure, topUpRefunded, topUpRefundFailed } from "./refund.ts";
import { registerCondenser } from "./register-condenser.ts";
import { startCycle } from "./start-cycle.ts";
import { topUpRefused } from "./top-up-refused.ts";
import { undoQuotaDebit } from "./undo-quota-debit.ts";
import { topUpUndone, undoTopUp } from "./undo-top-up.ts";

/** Commands this context decides, for documentation, compatibility gate and intake validation. */
export const subscriptionCommands = [
  openAccount,
  registerCondenser,
  changePlan,
  followEntitlement,
  topUp,
  undoQuotaDebit,
  undoTopUp,
  startCycle,
  recordCharge,
  recordDecline,
  recordRefund,
  recordRefundFailure,
  recordPayBack,
  placeQuota,
  noteQuotaAnswer,
  noteQuotaReturn,
] as const;

/** Decided by the tenant's share and not by an account. */
export const quotaShareCommands = [moveQuotaShare] as const;
export const quotaShareFacts = [quotaShareMoved, quotaShareRefused] as const;

/** Facts this context writes to its journal. */
export const subscriptionFacts = [
  accountOpened,
  condenserRegistered,
  planChanged,
  entitlementNoted,
  entitlementFollowed,
  cycleStarted,
  balanceDebited,
  quotaDebitUndone,
  topUpUndone,
  topUpCharged,
  chargeDeclined,
  topUpRefunded,
  topUpRefundFailed,
  topUpPaidBack,
  payBackRecorded,
  quotaLent,
  quotaAsked,
  quotaAnswered,
  quotaRestored,
  quotaRecalled,
  quotaReturned,
  topUpRefused,
] as const;
