import type {
  Entry,
  JsonObject,
  ProcessDefinition,
  ProcessReason,
  ProcessStep,
  ProcessView,
} from "@entente/core/model";
import { type BalanceDebited, balanceDebited } from "../../subscription/contract/balance-debited.ts";
import { type QuotaDebitUndone, quotaDebitUndone } from "../../subscription/contract/quota-debit-undone.ts";
import { type TopUpRefused, topUpRefused } from "../../subscription/contract/top-up-refused.ts";
import { undoneByOperator } from "../../subscription/contract/undo-top-up.ts";
import { topUp } from "../contract/top-up.ts";
import { refusedReason, saysNothingOfTopUp, topUpReasons } from "./top-up-reasons.ts";

/** Facts the runtime itself records about a command. */
const commandParked = "entente.command-parked";
const commandDiscarded = "entente.command-discarded";

/** The one step a customer sees where on-demand money is not charged at once. */
export const debitStep = "balance-debited";

/**
 * How a top-up looks to its customer.
 *
 * | Fact | From | To |
 * | --- | --- | --- |
 * | `flux.balance-debited` | any but confirmed, compensated | confirmed, with the funding split |
 * | `flux.top-up-refused` | any but confirmed, compensated | failed, with the refusal's reason |
 * | `entente.command-parked`, policy `step-aside` | any but confirmed, compensated | failed, `processing-failed` |
 * | `entente.command-parked`, policy `hold-key` | any but confirmed, compensated | processing |
 * | `entente.command-discarded` | any but confirmed, compensated | failed, `discarded` |
 * | `flux.quota-debit-undone` of this process | any but compensated | failed, `compensated`; `undone` when an operator ordered it |
 *
 * So a parked top-up that is redriven ends as what really happened, and nothing an operator does to the undo command
 * of a confirmed top-up unconfirms it.
 */
export const topUpProcess: ProcessDefinition = {
  type: "top-up",
  startedBy: topUp.type,
  // The first promise to customers was 15 s for nine in ten (App. F5); past it they are told that it takes longer.
  delayedAfterMs: 15_000,
  facts: [balanceDebited.type, topUpRefused.type, quotaDebitUndone.type, commandParked, commandDiscarded],
  apply,
  // The same fact read again, after a journal was restored, is no second debit.
  repeats: (view, fact) =>
    fact.type === balanceDebited.type &&
    view.steps.some(
      ({ name, state, at }) => name === debitStep && state === "done" && at !== fact.occurredAt,
    ),
};

function apply(view: ProcessView, fact: Entry): ProcessView {
  if (isGivenBack(view)) return view;
  if (fact.type === quotaDebitUndone.type) return undone(view, fact);
  if (view.state === "confirmed") return view;
  switch (fact.type) {
    case balanceDebited.type:
      return confirmed(view, fact);
    case topUpRefused.type: {
      const { code } = fact.data as TopUpRefused;
      return saysNothingOfTopUp(code) ? view : failed(view, fact, refusedReason(code));
    }
    case commandParked:
      return fact.data.policy === "hold-key"
        ? { ...view, state: "processing", reason: null }
        : failed(view, fact, topUpReasons.processingFailed(fact.processId));
    case commandDiscarded:
      return failed(view, fact, topUpReasons.discarded(fact.processId));
    default:
      return view;
  }
}

function confirmed(view: ProcessView, fact: Entry): ProcessView {
  return {
    state: "confirmed",
    steps: withStep(view.steps, "done", fact.occurredAt),
    reason: null,
    outcome: fundingSplit(fact.data as BalanceDebited),
  };
}

/** What a top-up shows that was debited: how it is paid and the balance afterwards. */
export function fundingSplit(debit: BalanceDebited): JsonObject {
  const { units, fundedFromQuota, fundedOnDemand, onDemandAmountMinor, currency } = debit;
  const { quotaRemaining, usedUnits, onDemandMinor } = debit;
  return {
    units,
    fundedFromQuota,
    fundedOnDemand,
    onDemandAmountMinor,
    currency,
    quotaRemaining,
    usedUnits,
    onDemandMinor,
  };
}

function failed(view: ProcessView, fact: Entry, reason: ProcessReason): ProcessView {
  return {
    state: "failed",
    steps: withStep(view.steps, "failed", fact.occurredAt),
    reason,
    outcome: null,
  };
}

/** Once given back, a debit stays so, whatever is heard of it later. */
export function isGivenBack({ reason }: ProcessView): boolean {
  return reason?.code === "compensated" || reason?.code === "undone";
}

/** Why a top-up has failed whose debit is given back. */
export function undoneReason({ processId, data }: Entry): ProcessReason {
  const undo = data as QuotaDebitUndone;
  return undo.reasonCode === undoneByOperator
    ? topUpReasons.undone(processId, undo)
    : topUpReasons.compensated(processId);
}

function undone(view: ProcessView, fact: Entry): ProcessView {
  const { undoneProcessId } = fact.data as QuotaDebitUndone;
  if (undoneProcessId !== fact.processId) return view;
  return {
    state: "failed",
    steps: withStep(view.steps, "undone", fact.occurredAt),
    reason: undoneReason(fact),
    outcome: null,
  };
}

/** The steps with the debit in its newest state. */
function withStep(
  steps: readonly ProcessStep[],
  state: ProcessStep["state"],
  at: number,
): readonly ProcessStep[] {
  return [...steps.filter((step) => step.name !== debitStep), { name: debitStep, state, at }];
}
