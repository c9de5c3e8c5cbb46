import type { Entry, ProcessDefinition, ProcessReason, ProcessStep, ProcessView } from "@entente/core/model";
import { topUpPosted } from "../../ledger/contract/report-posting.ts";
import { type RequestClosed, requestClosed } from "../../request/contract/request-settled.ts";
import { type RequestFailed, requestFailed, topUpRequested } from "../../request/contract/top-up-request.ts";
import { isAskedByCustomer } from "../../subscription/contract/asked-by-customer.ts";
import { type BalanceDebited, balanceDebited } from "../../subscription/contract/balance-debited.ts";
import { type QuotaDebitUndone, quotaDebitUndone } from "../../subscription/contract/quota-debit-undone.ts";
import { type TopUpRefused, topUpRefused } from "../../subscription/contract/top-up-refused.ts";
import { debitStep, fundingSplit, isGivenBack, topUpProcess, undoneReason } from "./top-up-process.ts";
import { refusedReason } from "./top-up-reasons.ts";

/** In this order, whatever order they are heard in: they stand in three journals. */
const stepNames = ["request-recorded", debitStep, "posted", "request-closed"] as const;
type StepName = (typeof stepNames)[number];
/** The context that debits. */
const debitedBy = "subscription";

/**
 * How a top-up looks to its customer in stage A: it is queued until the authority has recorded it, and confirmed when it is debited, posted, and
 * closed at the authority.
 *
 * | Fact | Step | To |
 * | --- | --- | --- |
 * | `flux.top-up-requested` | request-recorded done | processing; failed when the debit was refused or parked, which may be heard of before |
 * | `flux.balance-debited` | balance-debited done | processing, with the funding split |
 * | `flux.top-up-posted` | posted done | processing |
 * | `flux.request-closed`, posted | request-closed done | processing |
 * | the last of the three before | all done | confirmed |
 * | `flux.request-failed` | request-recorded failed | failed, with its reason |
 * | `flux.top-up-refused` | balance-debited failed | failed, with the refusal's reason |
 * | `flux.quota-debit-undone` | balance-debited undone | failed, `compensated` |
 * | `entente.command-parked`, `entente.command-discarded`, not debited | in the subscription: balance-debited failed | failed, as in top-up-process.ts |
 *
 * One that the subscription decided on the customer's own command has crossed to stage B, and looks as in top-up-process.ts.
 * `refusalStays` false: as views were folded when a refusal was forgotten over a record heard of after it; for the replay of archives only.
 */
export function requestedTopUp(refusalStays = true): ProcessDefinition {
  return {
    ...topUpProcess,
    foldedBy: { name: "requested-top-up", terms: refusalStays ? { refusalStays } : {} },
    facts: [
      ...topUpProcess.facts,
      topUpRequested.type,
      topUpPosted.type,
      requestClosed.type,
      requestFailed.type,
    ],
    apply(view, fact) {
      const next = apply(view, fact, refusalStays);
      return refusalStays && isForgotten(view, next) ? { ...view, steps: next.steps } : next;
    },
  };
}

export const requestedTopUpProcess = requestedTopUp();

/** A debit that failed stays failed until it is done, whatever another journal tells of what was before it. */
function isForgotten(before: ProcessView, after: ProcessView): boolean {
  const hasFailed = ({ steps }: ProcessView) =>
    steps.some(({ name, state }) => name === debitStep && state === "failed");
  return after.state === "processing" && hasFailed(before) && hasFailed(after);
}

function apply(view: ProcessView, fact: Entry, refusalStays: boolean): ProcessView {
  // What was taken back stays so, whatever is heard of it later.
  if (isGivenBack(view)) return view;
  switch (fact.type) {
    case topUpRequested.type:
      return done(view, "request-recorded", fact);
    case balanceDebited.type:
      if (isAskedByCustomer(fact)) return topUpProcess.apply(view, fact);
      return done({ ...view, outcome: fundingSplit(fact.data as BalanceDebited) }, debitStep, fact);
    case topUpPosted.type:
      // A worker that is still in stage A tells of every posting; a top-up that was confirmed by its debit waits for none.
      return view.state === "confirmed" && !isDone(view, "request-closed")
        ? view
        : done(view, "posted", fact);
    case requestClosed.type:
      // The close of a refused one tells the customer nothing that the refusal has not.
      return (fact.data as RequestClosed).outcome === "posted" ? done(view, "request-closed", fact) : view;
    case requestFailed.type: {
      const { code, reason } = fact.data as RequestFailed;
      return failed(view, "request-recorded", "failed", fact, {
        code,
        message: `${reason} Nothing was charged.`,
      });
    }
    case topUpRefused.type:
      if (isAskedByCustomer(fact)) return topUpProcess.apply(view, fact);
      return failed(view, debitStep, "failed", fact, refusedReason((fact.data as TopUpRefused).code));
    case quotaDebitUndone.type:
      return (fact.data as QuotaDebitUndone).undoneProcessId === fact.processId
        ? failed(view, debitStep, "undone", fact, undoneReason(fact))
        : view;
    default:
      return isDone(view, debitStep) ? view : stopped(view, fact, refusalStays);
  }
}

/** A command could not be executed: what it says is what it says where nothing comes before the debit. */
function stopped(view: ProcessView, fact: Entry, refusalStays: boolean): ProcessView {
  const told = topUpProcess.apply(view, fact);
  const isDebit = refusalStays && told.state === "failed" && fact.source === debitedBy;
  const failedDebit: ProcessStep = { name: debitStep, state: "failed", at: fact.occurredAt };
  return { ...told, steps: isDebit ? withStep(view, failedDebit) : view.steps };
}

function done(view: ProcessView, name: StepName, fact: Entry): ProcessView {
  const steps = withStep(view, { name, state: "done", at: fact.occurredAt });
  const after = { ...view, steps };
  const isOver = [debitStep, "posted", "request-closed"].every((step) => isDone(after, step));
  return { ...after, state: isOver ? "confirmed" : "processing", reason: null };
}

function failed(
  view: ProcessView,
  name: StepName,
  state: "failed" | "undone",
  fact: Entry,
  reason: ProcessReason,
): ProcessView {
  const steps = withStep(view, { name, state, at: fact.occurredAt });
  return { state: "failed", steps, reason, outcome: null };
}

function isDone({ steps }: ProcessView, name: string): boolean {
  return steps.some((step) => step.name === name && step.state === "done");
}

function withStep({ steps }: ProcessView, step: ProcessStep): readonly ProcessStep[] {
  return stepNames.flatMap((name) => {
    const known = name === step.name ? step : steps.find((one) => one.name === name);
    return known ?? [];
  });
}
