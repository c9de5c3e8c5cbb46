import type { Entry, ProcessDefinition, ProcessReason, ProcessStep, ProcessView } from "@entente/core/model";
import { topUpPosted } from "../../ledger/contract/report-posting.ts";
import { type RequestClosed, requestClosed } from "../../request/contract/request-settled.ts";
import { type RequestFailed, requestFailed, topUpRequested } from "../../request/contract/top-up-request.ts";
import { isAskedByCustomer } from "../../subscription/contract/asked-by-customer.ts";
import { type BalanceDebited, balanceDebited } from "../../subscription/contract/balance-debited.ts";
import { type QuotaDebitUndone, quotaDebitUndone } from "../../subscription/contract/quota-debit-undone.ts";
import { type TopUpRefused, topUpRefused } from "../../subscription/contract/top-up-refused.ts";
import { debitStep, fundingSplit, topUpProcess } from "./top-up-process.ts";
import { refusedReason, topUpReasons } from "./top-up-reasons.ts";

/** In this order, whatever order they are heard in: they stand in three journals. */
const stepNames = ["request-recorded", debitStep, "posted", "request-closed"] as const;
type StepName = (typeof stepNames)[number];

/**
 * How a top-up looks to its customer in stage A: it is queued until the authority has recorded it, and confirmed when it is debited, posted, and
 * closed at the authority.
 *
 * | Fact | Step | To |
 * | --- | --- | --- |
 * | `flux.top-up-requested` | request-recorded done | processing |
 * | `flux.balance-debited` | balance-debited done | processing, with the funding split |
 * | `flux.top-up-posted` | posted done | processing |
 * | `flux.request-closed`, posted | request-closed done | processing |
 * | the last of the three before | all done | confirmed |
 * | `flux.request-failed` | request-recorded failed | failed, with its reason |
 * | `flux.top-up-refused` | balance-debited failed | failed, with the refusal's reason |
 * | `flux.quota-debit-undone` | balance-debited undone | failed, `compensated` |
 * | `entente.command-parked`, `entente.command-discarded` of the top-up, not debited | – | failed, as in top-up-process.ts |
 *
 * One that the subscription decided on the customer's own command has crossed to stage B, and looks as in top-up-process.ts.
 */
export const requestedTopUpProcess: ProcessDefinition = {
  ...topUpProcess,
  foldedBy: { name: "requested-top-up", terms: {} },
  facts: [
    ...topUpProcess.facts,
    topUpRequested.type,
    topUpPosted.type,
    requestClosed.type,
    requestFailed.type,
  ],
  apply,
};

function apply(view: ProcessView, fact: Entry): ProcessView {
  // What was taken back stays so, whatever is heard of it later.
  if (view.reason?.code === "compensated") return view;
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
        ? failed(view, debitStep, "undone", fact, topUpReasons.compensated(fact.processId))
        : view;
    default:
      return isDone(view, debitStep) ? view : stopped(view, fact);
  }
}

/** The command itself could not be executed: what it says is what it says where nothing comes before the debit. */
function stopped(view: ProcessView, fact: Entry): ProcessView {
  const told = topUpProcess.apply(view, fact);
  return { ...told, steps: view.steps };
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
