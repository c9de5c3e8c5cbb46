import {
  type Entry,
  type ProcessDefinition,
  type ProcessStep,
  type ProcessView,
  timeOfId,
} from "@entente/core/model";
import { type BalanceDebited, balanceDebited } from "../../subscription/contract/balance-debited.ts";
import {
  type Charging,
  chargeDeclined,
  isCharged,
  topUpCharged,
} from "../../subscription/contract/charge.ts";
import { type TopUpPaidBack, topUpPaidBack } from "../../subscription/contract/pay-back.ts";
import { type QuotaDebitUndone, quotaDebitUndone } from "../../subscription/contract/quota-debit-undone.ts";
import { type TopUpRefunded, topUpRefunded, topUpRefundFailed } from "../../subscription/contract/refund.ts";
import { undoneByOperator } from "../../subscription/contract/undo-top-up.ts";
import { declinedReason } from "./charge-declined-reasons.ts";
import { debitStep, fundingSplit, topUpProcess, undoneReason } from "./top-up-process.ts";
import { topUpReasons } from "./top-up-reasons.ts";

const acceptedStep = "accepted";
/** The step that says whether the money of the on-demand part was taken. */
export const chargeStep = "charged";
const refundStep = "refunded";

/** Which ways of giving a charge back these views were folded with. Less than all: for the replay of archives from before. */
export interface GivingBack {
  /** By the payment provider. */
  readonly refunds: boolean;
  /** By people, another way. */
  readonly payBacks: boolean;
}

const everyWay: GivingBack = { refunds: true, payBacks: true };

/**
 * How a top-up looks to its customer where on-demand money is charged at once: with the steps that are done and the step that is
 * open. A top-up paid by quota alone is confirmed by its debit, as everywhere.
 *
 * | Fact | From | To |
 * | --- | --- | --- |
 * | `flux.balance-debited` with an on-demand part | queued | processing: debited, charge open |
 * | `flux.top-up-charged` | processing | confirmed, with the funding split |
 * | `flux.charge-declined` | processing | processing: charge failed, the undo is on its way |
 * | `flux.quota-debit-undone` of this process | any | failed, with the reason of the decline, or as in top-up-process.ts; what was not charged is not owed any more, and what was is to be refunded |
 * | `flux.top-up-charged` | failed, undone | failed, `charge-to-refund`: money was taken all the same, refund open |
 * | `flux.top-up-refunded` | failed, undone | failed, `refunded`: the money is back |
 * | `flux.top-up-refund-failed` | failed, refunded | failed, `charge-to-refund`: the money came back to us, refund open |
 * | `flux.top-up-paid-back` | failed, undone | failed, `paid-back`: the money is back another way, and stays so whatever is heard of its refund |
 *
 * Everything else as in top-up-process.ts. While nobody knows whether the charge was made, nothing is told: it stays open.
 */
export function chargedTopUpProcess(
  charging: Charging,
  { refunds, payBacks }: GivingBack = everyWay,
): ProcessDefinition {
  const { from } = charging;
  return {
    ...topUpProcess,
    foldedBy: {
      name: "charged-top-up",
      terms: { from, ...(refunds ? { refunds } : {}), ...(payBacks ? { payBacks } : {}) },
    },
    facts: [
      ...topUpProcess.facts,
      topUpCharged.type,
      chargeDeclined.type,
      ...(refunds ? [topUpRefunded.type, topUpRefundFailed.type] : []),
      ...(payBacks ? [topUpPaidBack.type] : []),
    ],
    apply(view, fact) {
      switch (fact.type) {
        case balanceDebited.type:
          return debited(view, fact, charging);
        case topUpCharged.type:
          return charged(view, fact, refunds);
        case chargeDeclined.type:
          return isUndone(view)
            ? view
            : { ...view, steps: withStep(view, chargeStep, "failed", fact.occurredAt) };
        case quotaDebitUndone.type:
          return undone(view, fact, refunds);
        case topUpRefunded.type:
          return refunded(view, fact);
        case topUpRefundFailed.type:
          return owedAgain(view, fact);
        case topUpPaidBack.type:
          return paidBack(view, fact);
        default:
          // Of a top-up that is debited, what happens to other commands of its process says nothing.
          return view.steps.some(({ name }) => name === chargeStep) ? view : topUpProcess.apply(view, fact);
      }
    },
  };
}

function debited(view: ProcessView, fact: Entry, charging: Charging): ProcessView {
  if (isUndone(view)) return view;
  const debit = fact.data as BalanceDebited;
  const told = topUpProcess.apply(view, fact);
  if (told === view) return view;
  const accepted: ProcessStep = { name: acceptedStep, state: "done", at: timeOfId(fact.processId) };
  const steps = [accepted, ...told.steps];
  if (!isCharged(charging, debit, fact.occurredAt)) return { ...told, steps };
  const open: ProcessStep = { name: chargeStep, state: "open", at: fact.occurredAt };
  return { state: "processing", steps: [...steps, open], reason: null, outcome: fundingSplit(debit) };
}

function charged(view: ProcessView, fact: Entry, refunds: boolean): ProcessView {
  const steps = withStep(view, chargeStep, "done", fact.occurredAt);
  return isUndone(view)
    ? toRefund({ ...view, steps }, fact, refunds)
    : { ...view, state: "confirmed", steps, reason: null };
}

/** Money was taken for what is undone: it is owed, and shown as open, until it is back. */
function toRefund(view: ProcessView, fact: Entry, refunds: boolean): ProcessView {
  const isBack = view.steps.some(({ name, state }) => name === refundStep && state === "done");
  if (isBack) return view;
  const steps = refunds ? withStep(view, refundStep, "open", fact.occurredAt) : view.steps;
  return { ...view, steps, reason: topUpReasons.chargeToRefund(fact.processId) };
}

function refunded(view: ProcessView, fact: Entry): ProcessView {
  if (isPaidBack(view)) return view;
  const { amountMinor, currency } = fact.data as TopUpRefunded;
  const steps = withStep(view, refundStep, "done", fact.occurredAt);
  return { ...view, steps, reason: topUpReasons.refunded(fact.processId, amountMinor, currency) };
}

function owedAgain(view: ProcessView, fact: Entry): ProcessView {
  if (isPaidBack(view)) return view;
  const steps = withStep(view, refundStep, "open", fact.occurredAt);
  return { ...view, steps, reason: topUpReasons.chargeToRefund(fact.processId) };
}

function paidBack(view: ProcessView, fact: Entry): ProcessView {
  const { amountMinor, currency } = fact.data as TopUpPaidBack;
  const steps = withStep(view, refundStep, "done", fact.occurredAt);
  return { ...view, steps, reason: topUpReasons.paidBack(fact.processId, amountMinor, currency) };
}

/** Whatever is heard of its refund after that, nothing is owed. */
function isPaidBack({ reason }: ProcessView): boolean {
  return reason?.code === "paid-back";
}

function undone(view: ProcessView, fact: Entry, refunds: boolean): ProcessView {
  const undo = fact.data as QuotaDebitUndone;
  if (undo.undoneProcessId !== fact.processId || isUndone(view)) return view;
  const steps = withStep(view, debitStep, "undone", fact.occurredAt)
    // What was open is owed to nobody any more; what was charged stays on show, and is somebody's to give back.
    .filter(({ state }) => state !== "open");
  const isTaken = steps.some(({ name, state }) => name === chargeStep && state === "done");
  const reason = declinedReason(undo.reasonCode, undo) ?? undoneReason(fact);
  const ended: ProcessView = { state: "failed", steps, reason, outcome: null };
  if (!isTaken) return ended;
  const owed = toRefund(ended, fact, refunds);
  if (undo.reasonCode !== undoneByOperator) return owed;
  return { ...owed, reason: topUpReasons.undoneToRefund(fact.processId, undo.creditedMinor, undo.currency) };
}

/** Once given back, a debit stays so. */
function isUndone({ steps }: ProcessView): boolean {
  return steps.some(({ name, state }) => name === debitStep && state === "undone");
}

/** The steps with one of them in its newest state, in their order. */
function withStep(
  view: ProcessView,
  name: string,
  state: ProcessStep["state"],
  at: number,
): readonly ProcessStep[] {
  const step: ProcessStep = { name, state, at };
  const known = view.steps.some((one) => one.name === name);
  return known ? view.steps.map((one) => (one.name === name ? step : one)) : [...view.steps, step];
}
